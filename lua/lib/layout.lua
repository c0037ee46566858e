-- The seat string as an event wants it: its length, and the half-open ranges that are blocked.
-- ARGV from `first` on: first, end, first, end …; ascending, disjoint, within the seats.
local function blocked_ranges(first, seats)
  if (#ARGV - first + 1) % 2 ~= 0 then error({ err = "ARITY" }) end
  local ranges, last = {}, 0
  for at = first, #ARGV, 2 do
    local low = int(at, last, seats)
    local high = int(at + 1, low + 1, seats)
    ranges[#ranges + 1] = { low, high }
    last = high
  end
  return ranges
end

-- The string with exactly these ranges blocked. Held, paying and sold seats stay as they are.
local function laid_out(before, seats, ranges)
  local string_now = before .. string.rep("f", seats - #before)
  local parts, last = {}, 0
  for _, range in ipairs(ranges) do
    parts[#parts + 1] = (string.gsub(string.sub(string_now, last + 1, range[1]), "b", "f"))
    parts[#parts + 1] = (string.gsub(string.sub(string_now, range[1] + 1, range[2]), "f", "b"))
    last = range[2]
  end
  parts[#parts + 1] = (string.gsub(string.sub(string_now, last + 1), "b", "f"))
  return table.concat(parts)
end

local function number_of(seats, state)
  local _, n = string.gsub(seats, state, "")
  return n
end

-- Writes all of an event but its places. The room's counters and seat version must be set before.
local function write_event(seats)
  redis.call("SADD", EVENTS, event)
  if seats ~= "" then redis.call("SET", SEATS, seats) end
  redis.call("HSET", ROOM, "version", text(settings.version), "settings", ARGV[7], "generation", text(generation))
  write_counters()
  for _, state in ipairs({ "f", "h", "p", "s", "b" }) do room[state] = number_of(seats, state) end
  write_seat_counts()
end
