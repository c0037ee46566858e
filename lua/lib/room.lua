-- The room's hash as a table; empty when there is no such event. Four fields, the last three a line of
-- words each: one HMGET and three matches cost a third of what two dozen fields do.
--   settings  mode opens_at closes_at capacity rate pass_ttl claim_ttl absent_after late_grace release_on
--   counters  round epoch serial admitted units filled_at
--   seats     f h p s b seat_version
local room = {}
do
  local fields = redis.call("HMGET", ROOM, "version", "settings", "counters", "seats")
  if fields[1] then
    local mode, opens_at, closes_at, capacity, rate, pass_ttl, claim_ttl, absent_after, late_grace, release_on =
      string.match(fields[2], "^(%a+)" .. string.rep(" (%-?%d+)", 8) .. " (%a+)$")
    local round, epoch, serial, admitted, units, filled_at =
      string.match(fields[3], "^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$")
    local f, h, p, s, b, seat_version = string.match(fields[4], "^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$")
    room = {
      version = tonumber(fields[1]),
      mode = mode, opens_at = tonumber(opens_at), closes_at = tonumber(closes_at),
      capacity = tonumber(capacity), rate = tonumber(rate), pass_ttl = tonumber(pass_ttl),
      claim_ttl = tonumber(claim_ttl), absent_after = tonumber(absent_after), late_grace = tonumber(late_grace),
      release_on = release_on,
      round = tonumber(round), epoch = tonumber(epoch), serial = tonumber(serial), admitted = tonumber(admitted),
      units = tonumber(units), filled_at = tonumber(filled_at),
      f = tonumber(f), h = tonumber(h), p = tonumber(p), s = tonumber(s), b = tonumber(b),
      seat_version = tonumber(seat_version),
    }
  end
end

local function write_counters()
  redis.call("HSET", ROOM, "counters", string.format("%.0f %.0f %.0f %.0f %.0f %.0f",
    room.round, room.epoch, room.serial, room.admitted, room.units, room.filled_at))
end

local function write_seat_counts()
  redis.call("HSET", ROOM, "seats", string.format("%.0f %.0f %.0f %.0f %.0f %.0f",
    room.f, room.h, room.p, room.s, room.b, room.seat_version))
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
