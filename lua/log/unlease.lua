#!lua flags=allow-oom
-- Gives the lease back; another owner's lease is left alone.
--
-- Caller:  lane::redis::unlease
-- Cost:    O(1)
--
-- KEYS[1]  meta   hash  generation, log (last id), restoring
-- KEYS[2]  lease  hash  owner, until
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  owner       text
-- Returns {code, generation, log, …}
--    1  DONE
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
if redis.call("HGET", LEASE, "owner") == ARGV[4] then redis.call("HDEL", LEASE, "owner", "until") end
return reply("DONE")
