-- What happens to a place when its visitor shows up: it is claimed, ended, brought back, or marked seen.
local SCHEDULED, WAITS, ADMITTED, DONE, SHUT = 1, 2, 3, 4, 5

local function waits(visitor, mode)
  if mode == "scheduled" then return SCHEDULED, 0 end
  return WAITS, redis.call("ZRANK", WAITING, visitor) + redis.call("ZCARD", BACK)
end

local function come_back(visitor, where, score, called)
  if called + room.late_grace * 1000 <= now then
    spend(visitor, where, score)
    return DONE, 0
  end
  remove(visitor, where)
  redis.call("ZADD", BACK, text(score), visitor)
  redis.call("HSET", SCORES, visitor, text(score))
  return WAITS, 0
end

-- Returns the place's state, and how many are ahead (waiting) or the expiry (admitted).
local function stand(visitor, where, number, score, mode)
  if where == "waiting" then
    redis.call("HSET", SEEN, visitor, text(now))
    return waits(visitor, mode)
  end
  if where == "back" then return WAITS, 0 end
  if where == "late" then return come_back(visitor, where, score, number) end
  local is_called = redis.call("SISMEMBER", CALLED, visitor) == 1
  if number <= now then
    local in_vain = is_called and redis.call("SISMEMBER", CALLED, again(visitor)) == 1
    if is_called and not in_vain then return come_back(visitor, where, score, now) end
    spend(visitor, where, score)
    return DONE, 0
  end
  if is_called then
    redis.call("SREM", CALLED, visitor, again(visitor))
    number = math.max(number, now + room.pass_ttl * 1000)
    put_inside(visitor, score, number)
  end
  return ADMITTED, number
end
