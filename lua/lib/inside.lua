-- How long a place inside lasts: its expiry in INSIDE, and its own end. What is under way (a hold, an order) may
-- last longer than the place does by itself; then the place's own end stands behind its score in SCORES,
-- "score end", and no hold begins after it.
local function own_end(visitor)
  local noted = string.match(redis.call("HGET", SCORES, visitor) or "", " (%d+)$")
  return tonumber(noted or redis.call("ZSCORE", INSIDE, visitor) or nil)
end

-- A place inside, if there, lasts until then at least.
local function keep_inside(visitor, expires)
  local before = tonumber(redis.call("ZSCORE", INSIDE, visitor) or nil)
  if not before or before >= expires then return end
  redis.call("ZADD", INSIDE, text(expires), visitor)
  local score = redis.call("HGET", SCORES, visitor)
  if not string.find(score, " ", 1, true) then redis.call("HSET", SCORES, visitor, score .. " " .. text(before)) end
end
