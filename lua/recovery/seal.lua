#!lua flags=allow-oom
-- Closes the doors of a lane that is about to be rebuilt; its log can still be read to the end. A lane that was never
-- built or is being rebuilt is left alone.
--
-- Caller:  lane::redis::seal
-- Cost:    O(1)
--
-- KEYS[1]  meta  hash  generation, log (last id), restoring
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  behind      integer  1: only when the lane is behind what the caller has seen
-- Returns {code, generation, log, …}
--    1  DONE
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local only_behind = int(4, 0, 1) == 1
if generation > 0 and not restoring and (is_behind or not only_behind) then redis.call("HSET", META, "restoring", "sealed") end
return reply("DONE")
