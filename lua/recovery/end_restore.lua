#!lua
-- Opens the lane that was rebuilt; its rooms recover from now on. A repeated call answers DONE and changes nothing.
--
-- Caller:  lane::redis::end_restore
-- Cost:    O(1)
--
-- KEYS[1]  meta  hash  generation, log (last id), restoring, begun, took
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  to          integer  the generation that was begun
-- Returns {code, generation, log, …}
--    1  DONE
--   -1  OTHER_GENERATION  another one is being restored, or its old state is not dropped yet; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to = int(4, 0, COUNT_MAX)
if to == 0 or to ~= generation or restoring == "dropping" then return reply("OTHER_GENERATION") end
-- A repeat must not open a lane that has been sealed since.
if restoring == "building" then
  redis.call("HSET", META, "took", text(now - tonumber(redis.call("HGET", META, "begun") or now)))
  redis.call("HDEL", META, "restoring", "lost")
end
return reply("DONE")
