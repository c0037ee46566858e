#!lua
-- Creates a campaign or changes its terms.
--
-- Caller:  lane::redis::put_campaign
-- Cost:    O(1)
--
-- KEYS[1]  meta       hash  generation, log (last id), restoring
-- KEYS[2]  campaigns  set   campaigns of the lane
-- KEYS[3]  campaign   hash  version stock per_user opens_at closes_at expires_at last generation
-- KEYS[4]  numbers    hash  number -> claim (JSON)
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   campaign    text
-- ARGV[5]   version     integer  the ledger's
-- ARGV[6]   stock       integer  the claimed ones included
-- ARGV[7]   per_user    integer
-- ARGV[8]   opens_at    integer  ms, 0: always
-- ARGV[9]   closes_at   integer  ms, 0: never
-- ARGV[10]  expires_at  integer  ms, 0: never
-- Returns {code, generation, log, …}
--    1  DONE
--   -1  STALE          {…, version}: the lane has this newer one
--   -2  STOCK_CLAIMED  {…, claimed}: more than the wanted stock
-- -100  RECOVERING     missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local campaign = ARGV[4]
local version, stock, per_user = int(5, -COUNT_MAX, COUNT_MAX), int(6, -COUNT_MAX, COUNT_MAX), int(7, -COUNT_MAX, COUNT_MAX)
local opens_at, closes_at, expires_at = int(8, 0, TIME_MAX), int(9, 0, TIME_MAX), int(10, 0, TIME_MAX)
-- include lib/open.lua
-- include lib/lost.lua
local before, made = unpack(redis.call("HMGET", CAMPAIGN, "version", "generation"))
if made and tonumber(made) ~= generation then return lose("campaign " .. campaign) end
if not before and redis.call("SISMEMBER", CAMPAIGNS, campaign) == 1 then return lose("campaign " .. campaign) end
if before then
  if version < tonumber(before) then return reply("STALE", tonumber(before)) end
  local claimed = redis.call("HLEN", NUMBERS)
  if stock < claimed then return reply("STOCK_CLAIMED", claimed) end
end
redis.call("SADD", CAMPAIGNS, campaign)
redis.call("HSET", CAMPAIGN, "version", text(version), "stock", text(stock), "per_user", text(per_user),
  "opens_at", text(opens_at), "closes_at", text(closes_at), "expires_at", text(expires_at),
  "generation", text(generation))
return reply("DONE")
