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

-- Changes the state of a seat that stays its owner's.
local function change_seat(index, state)
  local before = redis.call("GETRANGE", SEATS, index, index)
  if before == "" or before == state then return end
  redis.call("SETRANGE", SEATS, index, state)
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

-- The owners of seats, in their order; false where there is none. Lua passes at most some thousands of values at once.
local function owners_of(indexes)
  local owners, MOST = {}, 1000
  for first = 1, #indexes, MOST do
    local some = redis.call("HMGET", OWNERS, unpack(indexes, first, math.min(#indexes, first + MOST - 1)))
    for i = 1, #some do owners[first + i - 1] = some[i] end
  end
  return owners
end

-- Adds to a count; a count that is then not above zero is dropped.
local function add(key, field, by)
  if by == 0 then return end
  if redis.call("HINCRBY", key, field, by) <= 0 then redis.call("HDEL", key, field) end
end
