-- The room's hash as a table; empty when there is no such event. Three of its fields are a line of words each, because
-- one HMGET and three matches cost a third of what two dozen fields would cost.
--   settings  mode opens_at closes_at capacity rate pass_ttl claim_ttl absent_after late_grace release_on
--             order control
--   counters  round epoch serial admitted units filled_at head drawing pace paced_at recover_until
--   seats     f h p s b seat_version
-- Two more fields are read: version, and the lane's generation when the room was put (a room of an older program has
-- none).
-- Only the pulse uses the last two: cut, when the pace was last halved and the oldest record's age then; beat, when the
-- last pulse came and since when visitors could show up.
local function read_settings(line)
  local mode, opens_at, closes_at, capacity, rate, pass_ttl, claim_ttl, absent_after, late_grace, release_on, order,
    control = string.match(line, "^(%a+)" .. string.rep(" (%-?%d+)", 8) .. " (%a+) (%a+) (%a+)$")
  return {
    mode = mode, opens_at = tonumber(opens_at), closes_at = tonumber(closes_at), capacity = tonumber(capacity),
    rate = tonumber(rate), pass_ttl = tonumber(pass_ttl), claim_ttl = tonumber(claim_ttl),
    absent_after = tonumber(absent_after), late_grace = tonumber(late_grace), release_on = release_on, order = order,
    control = control,
  }
end

local room = {}
do
  local fields = redis.call("HMGET", ROOM, "version", "settings", "counters", "seats", "generation")
  if fields[1] then
    local round, epoch, serial, admitted, units, filled_at, head, drawing, pace, paced_at, recover_until =
      string.match(fields[3], "^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%-?%d+) ([01]) (%d+) (%d+) (%d+)$")
    local f, h, p, s, b, seat_version = string.match(fields[4], "^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$")
    room = read_settings(fields[2])
    room.version, room.generation = tonumber(fields[1]), tonumber(fields[5] or nil)
    room.round, room.epoch, room.serial = tonumber(round), tonumber(epoch), tonumber(serial)
    room.admitted, room.units, room.filled_at = tonumber(admitted), tonumber(units), tonumber(filled_at)
    room.head, room.drawing = tonumber(head), drawing == "1"
    room.pace, room.paced_at, room.recover_until = tonumber(pace), tonumber(paced_at), tonumber(recover_until)
    room.f, room.h, room.p, room.s, room.b = tonumber(f), tonumber(h), tonumber(p), tonumber(s), tonumber(b)
    room.seat_version = tonumber(seat_version)
  end
end

local function write_counters()
  redis.call("HSET", ROOM, "counters", string.format("%.0f %.0f %.0f %.0f %.0f %.0f %.0f %d %.0f %.0f %.0f",
    room.round, room.epoch, room.serial, room.admitted, room.units, room.filled_at, room.head,
    room.drawing and 1 or 0, room.pace, room.paced_at, room.recover_until))
end

local function write_seat_counts()
  redis.call("HSET", ROOM, "seats", string.format("%.0f %.0f %.0f %.0f %.0f %.0f",
    room.f, room.h, room.p, room.s, room.b, room.seat_version))
end

-- A scheduled room opens by itself at opens_at, and any room is closed from closes_at on; 0 means no such time. A room
-- that is neither scheduled nor closed is recovering for a while after its lane was rebuilt. `recover_until` counts
-- from the beginning of the rebuilding, because its end is not known when a room is restored; so `took` is added.
local function mode_in_force()
  if room.closes_at > 0 and now >= room.closes_at then return "closed" end
  local mode = room.mode
  if mode == "scheduled" and room.opens_at > 0 and now >= room.opens_at then mode = "open" end
  if mode ~= "scheduled" and mode ~= "closed" and now < room.recover_until + took then return "recovering" end
  return mode
end

-- The share of the rate in force, per mille.
local function pace()
  return room.control == "adaptive" and room.pace or 1000
end

-- Adds what every new room with this order of places begins with to the fields that the caller gives. NO_HEAD is below
-- every score.
local NO_HEAD = -70368744177665
local function new_room(order, fields)
  fields.head, fields.drawing, fields.pace, fields.paced_at, fields.recover_until = NO_HEAD, order == "lottery", 1000, 0, 0
  return fields
end

local function has_seats()
  return room.f + room.h + room.p + room.s + room.b > 0
end
