-- The room's hash as a table: numbers as numbers. Empty when there is no such event.
local room = {}
do
  local fields = redis.call("HGETALL", ROOM)
  for i = 1, #fields, 2 do room[fields[i]] = tonumber(fields[i + 1]) or fields[i + 1] end
end

local function set(field, value)
  room[field] = value
  redis.call("HSET", ROOM, field, type(value) == "number" and text(value) or value)
end

-- A scheduled room opens by itself, and any room is closed from closes_at on; 0 is no such time.
local function mode_in_force()
  if room.closes_at > 0 and now >= room.closes_at then return "closed" end
  if room.mode == "scheduled" and room.opens_at > 0 and now >= room.opens_at then return "open" end
  return room.mode
end

local function has_seats()
  return room.f + room.h + room.p + room.s + room.b > 0
end
