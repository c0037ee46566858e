#!lua flags=allow-oom
-- Takes or renews the writer's lease. Answers in every state of the lane.
--
-- Caller:  lane::redis::lease
-- Cost:    O(1)
--
-- KEYS[1]  meta   hash  generation, log (last id), restoring
-- KEYS[2]  lease  hash  owner, until
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  owner       text
-- ARGV[5]  ttl         integer  ms
-- Returns {code, generation, log, …}
--    1  LEASED  {…, until}
--   -1  HELD    by another
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local owner, ttl = ARGV[4], int(5, 0, TIME_MAX)
local lease = redis.call("HMGET", LEASE, "owner", "until")
local is_held = lease[1] and tonumber(lease[2]) > now
if is_held and lease[1] ~= owner then return reply("HELD") end
redis.call("HSET", LEASE, "owner", owner, "until", text(now + ttl))
return reply("LEASED", now + ttl)
