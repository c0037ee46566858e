-- The end of holds. An ended one is kept for a day.
local DAY = 86400000

-- Ends a held hold: its seats are free, its user and visitor have one less.
local function end_hold(hold, state)
  local mark, fact = read_mark(hold), cjson.decode(redis.call("HGET", HOLDS, hold))
  local freed = 0
  for index in string.gmatch(mark.seats, "%d+") do
    if is_owner(index, hold) then
      put_seat(index, "f")
      freed = freed + 1
    end
  end
  mark.state = state
  write_mark(hold, mark)
  redis.call("ZREM", EXPIRY, hold)
  redis.call("ZADD", ENDED, text(now + DAY), hold)
  add(TAKEN, fact.user, -freed)
  add(OPEN, fact.visitor, -1)
end
