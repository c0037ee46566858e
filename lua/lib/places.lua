-- Places of visitors: waiting, inside (called or claimed), late and back; and which scores are spent.
-- A spent score is one bit in the hash SPENT: field score / 1024, a string of 128 bytes. A draw is a score below zero.
-- Two visitors may draw the same, so for a draw the visitor is marked as spent, in SPENT_DRAWS.
local SPENT_BITS, EPOCH = 1024, 68719476736

local function spent_bit(score)
  local chunk = math.floor(score / SPENT_BITS)
  local bit_at = score - chunk * SPENT_BITS
  return text(chunk), math.floor(bit_at / 8) + 1, bit.lshift(1, bit_at % 8)
end

local function is_spent(visitor, score)
  if score < 0 then return redis.call("SISMEMBER", SPENT_DRAWS, visitor) == 1 end
  local field, at, mask = spent_bit(score)
  local bits = redis.call("HGET", SPENT, field)
  return bits and bit.band(string.byte(bits, at), mask) ~= 0
end

local function mark_spent(visitor, score)
  if score < 0 then
    if redis.call("SADD", SPENT_DRAWS, visitor) == 1 then redis.call("RPUSH", DRAWS_LOG, "+" .. visitor) end
    return
  end
  local field, at, mask = spent_bit(score)
  local bits = redis.call("HGET", SPENT, field) or string.rep("\0", SPENT_BITS / 8)
  local byte = string.char(bit.bor(string.byte(bits, at), mask))
  redis.call("HSET", SPENT, field, string.sub(bits, 1, at - 1) .. byte .. string.sub(bits, at + 1))
end

-- The score of a visitor inside, late or back. Behind the score of a visitor inside, the place's own end may be noted:
-- see lib/inside.lua.
local function score_of(visitor)
  local score = redis.call("HGET", SCORES, visitor)
  return score and tonumber(string.match(score, "^%S+"))
end

-- Where a visitor is, their number there (waiting and back: the score; inside: the expiry; late: when called), and
-- their score. nil when they are in no set.
local function place_of(visitor)
  local score = redis.call("ZSCORE", WAITING, visitor)
  if score then return "waiting", tonumber(score), tonumber(score) end
  score = score_of(visitor)
  if not score then return nil end
  local expires = redis.call("ZSCORE", INSIDE, visitor)
  if expires then return "inside", tonumber(expires), score end
  local called = redis.call("ZSCORE", LATE, visitor)
  if called then return "late", tonumber(called), score end
  return "back", score, score
end

-- The member of CALLED that marks a second call: the visitor missed their first turn.
local function again(visitor)
  return "!" .. visitor
end

local function remove(visitor, where)
  if where == "waiting" then
    redis.call("ZREM", WAITING, visitor)
    redis.call("HDEL", SEEN, visitor)
    return
  end
  redis.call("HDEL", SCORES, visitor)
  if where == "inside" then
    redis.call("ZREM", INSIDE, visitor)
    redis.call("SREM", CALLED, visitor, again(visitor))
  elseif where == "late" then
    redis.call("ZREM", LATE, visitor)
  else
    redis.call("ZREM", BACK, visitor)
  end
end

local function spend(visitor, where, score)
  remove(visitor, where)
  redis.call("HDEL", BOUND, visitor)
  mark_spent(visitor, score)
end

local function put_waiting(visitor, score)
  redis.call("ZADD", WAITING, text(score), visitor)
  redis.call("HSET", SEEN, visitor, text(now))
end

-- Puts back a place that a rollback lost; its score comes from the token.
local function put_back(visitor, score)
  put_waiting(visitor, score)
  if score < 0 and room.drawing then redis.call("ZADD", DRAWN, 0, visitor) end
end

local function put_inside(visitor, score, expires)
  redis.call("ZADD", INSIDE, text(expires), visitor)
  redis.call("HSET", SCORES, visitor, text(score))
end

local function put_late(visitor, where, score, called)
  remove(visitor, where)
  redis.call("ZADD", LATE, text(called), visitor)
  redis.call("HSET", SCORES, visitor, text(score))
end
