-- Whether an event has its seats. A key that is gone (evicted, deleted, not in a backup that was played back) is not
-- seen by its absence: an empty hash and a lost one look the same. What the room counts must be there.
local function seats_are_whole()
  local held = room.h + room.p + room.s
  return redis.call("STRLEN", SEATS) == room.f + held + room.b and redis.call("HLEN", OWNERS) == held
    and (not room.generation or room.generation == generation)
end
