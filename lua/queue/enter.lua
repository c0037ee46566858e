#!lua
-- Takes a place in line; admits at once when nobody waits and there is room.
--
-- Caller:  lane::redis::enter
-- Cost:    O(log places)
--
-- KEYS[1]   meta     hash  generation, log (last id), restoring
-- KEYS[2]   room     hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   waiting  zset  visitor -> score
-- KEYS[4]   seen     hash  waiting visitor -> last seen, ms
-- KEYS[5]   inside   zset  visitor -> expiry, ms
-- KEYS[6]   called   set   visitors inside who have not claimed it
-- KEYS[7]   late     zset  visitor -> when called, ms
-- KEYS[8]   back     zset  visitor -> score
-- KEYS[9]   scores   hash  visitor inside, late or back -> score
-- KEYS[10]  spent    hash  score / 1024 -> 128 bytes, a bit a score
-- ARGV[1]  now_ms       integer  0 where nothing depends on it
-- ARGV[2]  generation   integer  highest the caller has seen
-- ARGV[3]  log          integer  highest log id the caller has seen
-- ARGV[4]  visitor      text
-- ARGV[5]  waiting_max  integer  most places in line
-- Returns {code, generation, log, …}
--    1  ENTERED     {…, serial, epoch, round, place}: a new place
--    2  KNOWN       the same: the place this visitor has already
--   -1  NO_EVENT
--   -2  CLOSED      closed or draining
--   -3  FULL        waiting_max reached
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
local META, ROOM, WAITING, SEEN, INSIDE, CALLED, LATE, BACK, SCORES, SPENT = unpack(KEYS)
local code = { ENTERED = 1, KNOWN = 2, NO_EVENT = -1, CLOSED = -2, FULL = -3, RECOVERING = -100 }
-- include lib/args.lua
arity(10, 5)
-- include lib/marks.lua
local visitor, waiting_max = ARGV[4], int(5, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/bucket.lua
-- include lib/line.lua
-- include lib/places.lua
-- include lib/stand.lua
-- A place, in every answer: state (1 scheduled, 2 waiting, 3 admitted), ahead or expiry, counts.
local mode = mode_in_force()
if mode == "closed" or mode == "drain" then return reply("CLOSED") end
local where, number, score = place_of(visitor)
if where then
  local state, value = stand(visitor, where, number, score, mode)
  if state ~= DONE then
    local epoch = math.floor(score / EPOCH)
    return reply("KNOWN", score - epoch * EPOCH, epoch, room.round, state, value, counts(mode))
  end
  -- That place has just ended: a new one follows.
end

local units, filled_at = filled()
local is_at_once = mode == "open"
  and in_line() == 0
  and redis.call("ZCARD", INSIDE) < room.capacity
  and admissions(units) > 0
  and (not has_seats() or room.f > 0)
if not is_at_once and in_line() >= waiting_max then return reply("FULL") end

local serial = room.serial + 1
score = room.epoch * EPOCH + serial
room.serial = serial
local state, value
if is_at_once then
  room.units, room.filled_at, room.admitted = units - ADMISSION, filled_at, room.admitted + 1
  state, value = ADMITTED, now + room.pass_ttl * 1000
  put_inside(visitor, score, value)
else
  put_waiting(visitor, score)
  state, value = waits(visitor, mode)
end
write_counters()
return reply("ENTERED", serial, room.epoch, room.round, state, value, counts(mode))
