#!lua
-- Claims coupons of a campaign, first come, first served, and appends coupon.claimed for each. The claims of a call are
-- judged one by one, as if each had come by itself.
--
-- Caller:  lane::redis::claim
-- Cost:    O(claims); eleven commands for all, and one or two for each
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
-- then     now_ms, claim, digest (of the request), user, fact (JSON of the claim, but for its number), record (its id),
--          body (JSON), log_max of each claim, at most 100
-- Returns one {code, generation, log, …} for each claim, in their order; a single one is the answer to all
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
local EACH, MANY = 8, 100
local n, asked, claims, users = things(4, EACH, MANY), {}, {}, {}
for i = 1, n do
  local at = 4 + EACH * (i - 1)
  asked[i] = {
    now = int(at, 0, TIME_MAX), claim = ARGV[at + 1], digest = ARGV[at + 2], user = ARGV[at + 3], fact = ARGV[at + 4],
    record = ARGV[at + 5], body = ARGV[at + 6], log_max = int(at + 7, -COUNT_MAX, COUNT_MAX),
  }
  claims[i], users[i] = asked[i].claim, asked[i].user
end
-- include lib/open.lua
-- include lib/records.lua
local terms = redis.call("HMGET", CAMPAIGN, "stock", "per_user", "opens_at", "closes_at", "expires_at", "last",
  "generation")
-- include lib/lost.lua
local given = redis.call("EXISTS", CLAIMS, NUMBERS, CLAIMANTS)
-- A campaign of another generation comes from a backup that was restored in part.
if terms[7] and tonumber(terms[7]) ~= generation then return lose("a campaign") end
if terms[1] and given ~= (tonumber(terms[6] or 0) > 0 and 3 or 0) then return lose("claims") end
if not terms[1] then return given > 0 and lose("a campaign") or reply("NO_CAMPAIGN") end
local per_user, opens_at, closes_at = tonumber(terms[2]), tonumber(terms[3]), tonumber(terms[4])
-- A campaign put by an older program has no expires_at until it is put again.
local expires_at, last = tonumber(terms[5] or 0), tonumber(terms[6] or 0)
local stock_left = tonumber(terms[1]) - redis.call("HLEN", NUMBERS)
local length = redis.call("XLEN", LOG)
-- What claims and users are known, with what this call adds.
local number_of, count_of, fact_of, numbers, facts, counted = {}, {}, {}, {}, {}, {}
local known, counts = redis.call("HMGET", CLAIMS, unpack(claims)), redis.call("HMGET", CLAIMANTS, unpack(users))
for i = 1, n do
  number_of[claims[i]] = tonumber(known[i] or nil)
  count_of[users[i]] = tonumber(counts[i] or 0)
end
local function over(at) return at ~= 0 and at <= now end

local function judge(ask)
  local number = number_of[ask.claim]
  if number then
    local made = fact_of[number] or redis.call("HGET", NUMBERS, text(number))
    if cjson.decode(made).digest ~= ask.digest then return reply("KEY_REUSED") end
    return reply("REPEATED", number, stock_left, made)
  end
  if opens_at > now or over(closes_at) or over(expires_at) then return reply("NOT_OPEN") end
  if count_of[ask.user] >= per_user then return reply("ALREADY_CLAIMED") end
  if stock_left < 1 then return reply("SOLD_OUT") end
  if length >= ask.log_max then return reply("FULL") end

  last, stock_left, length = last + 1, stock_left - 1, length + 1
  local word = text(last)
  number_of[ask.claim], fact_of[last], count_of[ask.user] = last, ask.fact, count_of[ask.user] + 1
  counted[ask.user] = true
  numbers[#numbers + 1] = ask.claim
  numbers[#numbers + 1] = word
  facts[#facts + 1] = word
  facts[#facts + 1] = ask.fact
  append_record(ask.record, ask.body, "number", word)
  return reply("CLAIMED", last, stock_left)
end

local answers = {}
for i, ask in ipairs(asked) do
  now = ask.now
  answers[i] = judge(ask)
end
if #numbers > 0 then
  redis.call("HSET", CAMPAIGN, "last", text(last))
  redis.call("HSET", CLAIMS, unpack(numbers))
  redis.call("HSET", NUMBERS, unpack(facts))
  local changed = {}
  for user in pairs(counted) do
    changed[#changed + 1] = user
    changed[#changed + 1] = text(count_of[user])
  end
  redis.call("HSET", CLAIMANTS, unpack(changed))
  end_records()
end
return answers
