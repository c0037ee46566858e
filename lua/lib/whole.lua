-- Whether an event has all its seats. A key that is gone (evicted, deleted, or not in a backup that was restored) looks
-- the same as an empty one. So the keys are compared with what the room counts, and the room's generation with the
-- lane's.
local function seats_are_whole()
  local held = room.h + room.p + room.s
  return redis.call("STRLEN", SEATS) == room.f + held + room.b and redis.call("HLEN", OWNERS) == held
    and (not room.generation or room.generation == generation)
end
