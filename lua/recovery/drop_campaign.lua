#!lua flags=allow-oom
-- Drops a campaign of the lane that is being rebuilt. After the last event and campaign the building begins.
--
-- Caller:  lane::redis::begin_restore
-- Cost:    O(1), freed in the background
--
-- KEYS[1]  meta       hash  generation, log (last id), restoring
-- KEYS[2]  events     set   events of the lane
-- KEYS[3]  campaigns  set   campaigns of the lane
-- KEYS[4]  campaign   hash  version stock per_user opens_at closes_at expires_at last generation
-- KEYS[5]  claims     hash  claim -> number
-- KEYS[6]  numbers    hash  number -> claim (JSON)
-- KEYS[7]  claimants  hash  user -> claims
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  campaign    text
-- ARGV[5]  to          integer  the generation that was begun
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to = int(5, 0, COUNT_MAX)
if restoring ~= "dropping" or to ~= generation then return reply("NOT_RESTORING") end
redis.call("UNLINK", unpack(KEYS, 4))
redis.call("SREM", CAMPAIGNS, ARGV[4])
if redis.call("SCARD", EVENTS) + redis.call("SCARD", CAMPAIGNS) == 0 then
  redis.call("HSET", META, "restoring", "building")
end
return reply("DONE")
