-- The line is waiting and back together.
local function in_line()
  return redis.call("ZCARD", WAITING) + redis.call("ZCARD", BACK)
end

-- The counts, in the order of the fields of RoomCounts.
local function counts(mode)
  return mode, room.opens_at, in_line(), redis.call("ZCARD", INSIDE), redis.call("ZCARD", LATE),
    room.capacity, room.rate, room.admitted, room.round, room.epoch, room.drawing and 1 or 0, pace(),
    room.f, room.h, room.p, room.s, room.b
end
