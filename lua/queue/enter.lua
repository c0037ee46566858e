#!lua
-- Takes places in line for many visitors, in their order. Admits one at once while nobody waits and there is room.
--
-- Caller:  lane::redis::enter
-- Cost:    O(visitors · log places); five commands for all who are new and wait
--
-- KEYS[1]   meta         hash  generation, log (last id), restoring
-- KEYS[2]   room         hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   waiting      zset  visitor -> score
-- KEYS[4]   seen         hash  waiting visitor -> last seen, ms
-- KEYS[5]   inside       zset  visitor -> expiry, ms
-- KEYS[6]   called       set   visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[7]   late         zset  visitor -> when called, ms
-- KEYS[8]   back         zset  visitor -> score
-- KEYS[9]   scores       hash  visitor inside, late or back -> score, and its own end
-- KEYS[10]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[11]  spent_draws  set   visitors of a draw who are through
-- KEYS[12]  draws_log    list  + or - and a visitor: each change of spent_draws
-- KEYS[13]  drawn        zset  who entered by a draw, all at 0: in order of their ids
-- KEYS[14]  bound        hash  visitor -> user
-- ARGV[1]  now_ms       integer  0 where nothing depends on it
-- ARGV[2]  generation   integer  highest the caller has seen
-- ARGV[3]  log          integer  highest log id the caller has seen
-- ARGV[4]  round        integer  of the draws
-- ARGV[5]  waiting_max  integer  most places in line
-- ARGV[6]  entrants     words    visitor, draw (0: none) of each, at most 500
-- Returns {code, generation, log, …}
--    1  PLACES       {…, counts as room.lua gives them, then four words for each entrant in one text}
--                    outcome: 1 entered, 2 known, 3 full; score; state: 1 scheduled, 2 waiting, 3 admitted; how many
--                    are ahead while waiting, the expiry while admitted
--   -1  NO_EVENT
--   -2  CLOSED       closed or draining
--   -3  OTHER_ROUND  drawing, and the draws are of another
-- -100  RECOVERING   missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local round, waiting_max = int(4, -COUNT_MAX, COUNT_MAX), int(5, -COUNT_MAX, COUNT_MAX)
local names, draws = {}, {}
local given = words(6, 2, 500)
for at = 1, #given, 2 do
  names[#names + 1] = given[at]
  draws[#names] = given[at + 1] ~= "0" and whole(given[at + 1], SCORE_MIN, -1, 6) or nil
end
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/bucket.lua
-- include lib/line.lua
-- include lib/places.lua
-- include lib/stand.lua
local mode = mode_in_force()
if mode == "closed" or mode == "drain" then return reply("CLOSED") end
local is_drawing = room.drawing and mode == "scheduled"
if is_drawing and round ~= room.round then return reply("OTHER_ROUND") end
local ENTERED, KNOWN, FULL = 1, 2, 3
-- `found`: four numbers for each entrant, as they are returned. `placed`: the visitors who got a place by this call.
local found, placed, serial_before = {}, {}, room.serial
local function becomes(i, outcome, score, state, value)
  local at = 4 * i
  found[at - 3], found[at - 2], found[at - 1], found[at] = outcome, score, state, value
end

-- New visitors who wait are written together, as long as they are neighbours in `names`. `first` is the index of the
-- first of them. How many are ahead of each is filled in when they are written.
local new = { waiting = {}, seen = {}, drawn = {}, first = 0 }
local function write_new()
  local n = #new.waiting / 2
  if n == 0 then return end
  local last = redis.call("ZRANGE", WAITING, -1, -1, "WITHSCORES")[2]
  local back = redis.call("ZCARD", BACK)
  redis.call("ZADD", WAITING, unpack(new.waiting))
  redis.call("HSET", SEEN, unpack(new.seen))
  if #new.drawn > 0 then
    redis.call("ZADD", DRAWN, unpack(new.drawn))
    -- A visitor who left before the opening and enters again gets their draw back.
    for i = 2, #new.drawn, 2 do
      local visitor = new.drawn[i]
      if redis.call("SREM", SPENT_DRAWS, visitor) == 1 then redis.call("RPUSH", DRAWS_LOG, "-" .. visitor) end
    end
  end
  if mode ~= "scheduled" then
    -- Usually they all stand behind those who waited before; then their ranks need no look-up.
    local is_behind_all = #new.drawn == 0 and (not last or tonumber(last) < new.waiting[1])
    local before = redis.call("ZCARD", WAITING) - n
    for i = 1, n do
      local rank = is_behind_all and before + i - 1 or redis.call("ZRANK", WAITING, new.waiting[2 * i])
      found[4 * (new.first + i - 1)] = rank + back
    end
  end
  new = { waiting = {}, seen = {}, drawn = {}, first = 0 }
end

local function is_known(i, visitor)
  local where, number, score = place_of(visitor)
  if not where then return false end
  local state, value = stand(visitor, where, number, score, mode)
  -- This place has just ended; the visitor enters anew.
  if state == DONE then return false end
  becomes(i, KNOWN, score, state, value)
  return true
end

local function is_free()
  local units = filled()
  return redis.call("ZCARD", INSIDE) < room.capacity and admissions(units) > 0 and (not has_seats() or room.f > 0)
end

local now_text = text(now)
local waiting, scores = {}, {}
if #names > 0 then
  waiting, scores = redis.call("ZMSCORE", WAITING, unpack(names)), redis.call("HMGET", SCORES, unpack(names))
end
local line, waits = in_line(), mode == "scheduled" and SCHEDULED or WAITS
for i, visitor in ipairs(names) do
  local known = false
  if waiting[i] or scores[i] or placed[visitor] then
    write_new()
    known = is_known(i, visitor)
    line = in_line()
  end
  if not known then
    local is_at_once = mode == "open" and line == 0 and is_free()
    if not is_at_once and line >= waiting_max then
      -- Those that write_new writes must be neighbours in `found`.
      write_new()
      becomes(i, FULL, 0, 0, 0)
    else
      room.serial, placed[visitor] = room.serial + 1, true
      local draw = is_drawing and draws[i]
      local score = draw or room.epoch * EPOCH + room.serial
      if is_at_once then
        local expires = now + room.pass_ttl * 1000
        local units, filled_at = filled()
        room.units, room.filled_at, room.admitted = units - ADMISSION, filled_at, room.admitted + 1
        put_inside(visitor, score, expires)
        becomes(i, ENTERED, score, ADMITTED, expires)
      else
        if #new.waiting == 0 then new.first = i end
        local at = #new.waiting
        new.waiting[at + 1], new.waiting[at + 2] = score, visitor
        new.seen[at + 1], new.seen[at + 2] = visitor, now_text
        if draw then
          new.drawn[#new.drawn + 1], new.drawn[#new.drawn + 2] = "0", visitor
        end
        line = line + 1
        becomes(i, ENTERED, score, waits, 0)
      end
    end
  end
end
write_new()
if room.serial > serial_before then
  write_counters()
  take_log_id()
end
local answer = reply("PLACES", counts(mode))
answer[#answer + 1] = table.concat(found, " ")
return answer
