#!lua
-- Marks many visitors seen and brings back the late ones. Puts back those who are in no set, when their token is of
-- this round and not spent. Claims and ends nothing: that is left to the visitor's own poll.
--
-- Caller:  lane::redis::presence
-- Cost:    O(visitors · log places); three commands for all who wait
--
-- KEYS[1]   meta         hash  generation, log (last id), restoring
-- KEYS[2]   room         hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   waiting      zset  visitor -> score
-- KEYS[4]   seen         hash  waiting visitor -> last seen, ms
-- KEYS[5]   inside       zset  visitor -> expiry, ms
-- KEYS[6]   called       set   visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[7]   late         zset  visitor -> when called, ms
-- KEYS[8]   back         zset  visitor -> score
-- KEYS[9]   scores       hash  visitor inside, late or back -> score, and its own end
-- KEYS[10]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[11]  spent_draws  set   visitors of a draw who are through
-- KEYS[12]  drawn        zset  who entered by a draw, all at 0: in order of their ids
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  tokens      words    visitor, score, round of each, at most 1,000
-- Returns {code, generation, log, …}
--    1  SEEN        {…, a digit of each in their order: 1 waiting, 2 back, 3 inside, 4 gone}
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local tokens, names = {}, {}
local given = words(4, 3, 1000)
for at = 1, #given, 3 do
  local score = whole(given[at + 1], SCORE_MIN, SCORE_MAX, 4)
  tokens[#tokens + 1] = { score = score, round = whole(given[at + 2], -COUNT_MAX, COUNT_MAX, 4) }
  names[#names + 1] = given[at]
end
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/places.lua
local IS_WAITING, IS_BACK, IS_INSIDE, IS_GONE = 1, 2, 3, 4
local closed = mode_in_force() == "closed"

-- For a visitor who was not waiting when the scores were read.
local function see(visitor, score)
  local where, called = place_of(visitor)
  if where == "inside" then return IS_INSIDE end
  if where == "back" then return IS_BACK end
  if where == "waiting" then return IS_WAITING end
  if where == "late" then
    if called + room.late_grace * 1000 <= now then return IS_GONE end
    local own = score_of(visitor)
    remove(visitor, where)
    redis.call("ZADD", BACK, text(own), visitor)
    redis.call("HSET", SCORES, visitor, text(own))
    return IS_BACK
  end
  put_back(visitor, score)
  return IS_WAITING
end

-- This script spends nothing, so all spent marks and scores can be read at the start.
local answers, seen, fields, scores, chunks = {}, {}, {}, {}, {}
for i, token in ipairs(tokens) do fields[i] = (spent_bit(token.score)) end
if #names > 0 then
  scores = redis.call("ZMSCORE", WAITING, unpack(names))
  chunks = redis.call("HMGET", SPENT, unpack(fields))
end
for i, token in ipairs(tokens) do
  local visitor, score = names[i], token.score
  local _, at, mask = spent_bit(score)
  local spent
  if score < 0 then
    spent = is_spent(visitor, score)
  else
    spent = chunks[i] and bit.band(string.byte(chunks[i], at), mask) ~= 0
  end
  local answer
  if token.round ~= room.round or closed or spent then
    answer = IS_GONE
  elseif scores[i] then
    seen[#seen + 1] = visitor
    seen[#seen + 1] = text(now)
    answer = IS_WAITING
  else
    answer = see(visitor, score)
  end
  answers[#answers + 1] = answer
end
if #seen > 0 then redis.call("HSET", SEEN, unpack(seen)) end
return reply("SEEN", table.concat(answers))
