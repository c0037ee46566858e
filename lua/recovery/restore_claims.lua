#!lua
-- Claims of a campaign as the ledger knows them.
--
-- Caller:  lane::redis::restore_campaign
-- Cost:    O(claims)
--
-- KEYS[1]  meta       hash  generation, log (last id), restoring
-- KEYS[2]  campaign   hash  version stock per_user opens_at closes_at expires_at last generation
-- KEYS[3]  claims     hash  claim -> number
-- KEYS[4]  numbers    hash  number -> claim (JSON)
-- KEYS[5]  claimants  hash  user -> claims
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  to          integer  the generation that was begun
-- then     claim, number, user, fact (JSON) of each
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to = int(4, 0, COUNT_MAX)
if #ARGV % 4 ~= 0 then error({ err = "ARITY" }) end
local claims = {}
for at = 5, #ARGV, 4 do
  claims[#claims + 1] = { claim = ARGV[at], number = int(at + 1, 0, COUNT_MAX), user = ARGV[at + 2], fact = ARGV[at + 3] }
end
-- include lib/restoring.lua
local last = tonumber(redis.call("HGET", CAMPAIGN, "last") or 0)
for _, one in ipairs(claims) do
  last = math.max(last, one.number)
  redis.call("HSET", CLAIMS, one.claim, text(one.number))
  redis.call("HSET", NUMBERS, text(one.number), one.fact)
  redis.call("HINCRBY", CLAIMANTS, one.user, 1)
end
redis.call("HSET", CAMPAIGN, "last", text(last))
return reply("DONE")
