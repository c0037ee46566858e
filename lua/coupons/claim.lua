#!lua
-- Claims a coupon, first come, first served, and appends coupon.claimed.
--
-- Caller:  lane::redis::claim
-- Cost:    O(1)
--
-- KEYS[1]  meta       hash    generation, log (last id), restoring
-- KEYS[2]  log        stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids    hash    record id -> times in the log
-- KEYS[4]  campaign   hash    version stock per_user opens_at closes_at expires_at last generation
-- KEYS[5]  claims     hash    claim -> number
-- KEYS[6]  numbers    hash    number -> claim (JSON)
-- KEYS[7]  claimants  hash    user -> claims
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   claim       text
-- ARGV[5]   digest      text     of the request
-- ARGV[6]   user        text
-- ARGV[7]   fact        JSON     the claim but for its number
-- ARGV[8]   record      text     its id
-- ARGV[9]   body        JSON     coupon.claimed
-- ARGV[10]  log_max     integer
-- Returns {code, generation, log, …}
--    1  CLAIMED          {…, number, stock_left}
--    2  REPEATED         {…, number, stock_left, claim (JSON)}: it exists already
--   -1  KEY_REUSED
--   -2  NO_CAMPAIGN
--   -3  NOT_OPEN
--   -4  ALREADY_CLAIMED  per_user is reached
--   -5  SOLD_OUT
--   -9  FULL             the log is at its bound; nothing was changed
-- -100  RECOVERING       missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local claim, digest, user, fact = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local record, body, log_max = ARGV[8], ARGV[9], int(10, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/log.lua
local terms = redis.call("HMGET", CAMPAIGN, "stock", "per_user", "opens_at", "closes_at", "expires_at", "last",
  "generation")
-- include lib/lost.lua
local given = redis.call("EXISTS", CLAIMS, NUMBERS, CLAIMANTS)
-- A campaign of another generation comes from a backup that was restored in part.
if terms[7] and tonumber(terms[7]) ~= generation then return lose("a campaign") end
if terms[1] and given ~= (tonumber(terms[6] or 0) > 0 and 3 or 0) then return lose("claims") end
if not terms[1] then return given > 0 and lose("a campaign") or reply("NO_CAMPAIGN") end
local stock_left = tonumber(terms[1]) - redis.call("HLEN", NUMBERS)
local known = redis.call("HGET", CLAIMS, claim)
if known then
  local made = redis.call("HGET", NUMBERS, known)
  if cjson.decode(made).digest ~= digest then return reply("KEY_REUSED") end
  return reply("REPEATED", tonumber(known), stock_left, made)
end
local per_user, opens_at = tonumber(terms[2]), tonumber(terms[3])
local function over(at) return at ~= 0 and at <= now end
-- A campaign put by an older program has no expires_at until it is put again.
if opens_at > now or over(tonumber(terms[4])) or over(tonumber(terms[5] or 0)) then return reply("NOT_OPEN") end
if tonumber(redis.call("HGET", CLAIMANTS, user) or 0) >= per_user then return reply("ALREADY_CLAIMED") end
if stock_left < 1 then return reply("SOLD_OUT") end
if redis.call("XLEN", LOG) >= log_max then return reply("FULL") end

local number = redis.call("HINCRBY", CAMPAIGN, "last", 1)
redis.call("HSET", CLAIMS, claim, number)
redis.call("HSET", NUMBERS, number, fact)
redis.call("HINCRBY", CLAIMANTS, user, 1)
append(record, body, "number", text(number))
return reply("CLAIMED", number, stock_left - 1)
