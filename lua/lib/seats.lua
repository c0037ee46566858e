-- Moves of seats in the string, with owners and counts. `count_seats` must be called after the moves: it writes the
-- counts and raises the version.
local moved = {}

-- A seat past the string's end is skipped.
local function put_seat(index, state, owner)
  local before = redis.call("GETRANGE", SEATS, index, index)
  if before == "" then return end
  redis.call("SETRANGE", SEATS, index, state)
  if owner then
    redis.call("HSET", OWNERS, index, owner)
  else
    redis.call("HDEL", OWNERS, index)
  end
  moved[before] = (moved[before] or 0) - 1
  moved[state] = (moved[state] or 0) + 1
end

local function count_seats()
  if next(moved) == nil then return end
  for state, by in pairs(moved) do
    room[state] = room[state] + by
  end
  room.seat_version = room.seat_version + 1
  write_seat_counts()
  moved = {}
end

local function is_owner(index, owner)
  return redis.call("HGET", OWNERS, index) == owner
end

-- Adds to a count; a count that is then not above zero is dropped.
local function add(key, field, by)
  if by == 0 then return end
  if redis.call("HINCRBY", key, field, by) <= 0 then redis.call("HDEL", key, field) end
end
