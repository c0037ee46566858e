-- How long a place inside lasts: until its expiry in INSIDE. A hold or an order under way may move the expiry past the
-- place's own end. The own end is then noted behind the score in SCORES, "score end", and no hold begins after it.
local function own_end(visitor)
  local noted = string.match(redis.call("HGET", SCORES, visitor) or "", " (%d+)$")
  return tonumber(noted or redis.call("ZSCORE", INSIDE, visitor) or nil)
end

-- Extends the visitor's place inside, if there is one, to `expires` at least.
local function keep_inside(visitor, expires)
  local before = tonumber(redis.call("ZSCORE", INSIDE, visitor) or nil)
  if not before or before >= expires then return end
  redis.call("ZADD", INSIDE, text(expires), visitor)
  local score = redis.call("HGET", SCORES, visitor)
  if not string.find(score, " ", 1, true) then redis.call("HSET", SCORES, visitor, score .. " " .. text(before)) end
end
