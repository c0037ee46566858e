#!lua
-- Holds seats for one user, all or none: named ones, or the best of a section.
--
-- Caller:  lane::redis::hold
-- Cost:    O(seats of the rows looked at + holds that ran out)
--
-- KEYS[1]   meta          hash    generation, log (last id), restoring
-- KEYS[2]   room          hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   inside        zset    visitor -> expiry, ms
-- KEYS[4]   scores        hash    visitor inside, late or back -> score, and its own end
-- KEYS[5]   bound         hash    visitor -> user
-- KEYS[6]   open          hash    visitor -> holds not ended
-- KEYS[7]   seats         string  one byte a seat: f h p s b
-- KEYS[8]   owners        hash    seat -> hold (h) or order (p s)
-- KEYS[9]   taken         hash    user -> seats h p s
-- KEYS[10]  holds         hash    hold -> what never changes (JSON)
-- KEYS[11]  hold_states   hash    hold -> state expires seats prices order
-- KEYS[12]  expiry        zset    held hold -> when it ends, ms
-- KEYS[13]  ended         zset    ended hold -> when it is dropped, ms
-- KEYS[14]  recent_holds  hash    user -> the last twenty of their ended holds
-- KEYS[15]  hold_digests  hash    older ended hold -> digest of its request
-- ARGV[1]   now_ms          integer  0 where nothing depends on it
-- ARGV[2]   generation      integer  highest the caller has seen
-- ARGV[3]   log             integer  highest log id the caller has seen
-- ARGV[4]   hold            text     its id
-- ARGV[5]   digest          text     of the request
-- ARGV[6]   user            text
-- ARGV[7]   visitor         text     whose pass it is
-- ARGV[8]   fact            JSON     what never changes of the hold
-- ARGV[9]   seats_per_user  integer
-- ARGV[10]  hold_ttl        integer  ms
-- ARGV[11]  want            text     named adjacent separate
-- ARGV[12]  quantity        integer  1 to 100,000
-- ARGV[13]  price           text     of each seat; named: joined by commas
-- ARGV[14]  seats           text     named: "1,2,3", ascending; else rows of runs: "first:length,first:length;first:length"
-- Returns {code, generation, log, …}
--    1  HELD            {…, state}
--    2  REPEATED        {…, fact, state}: this hold exists already; nothing was changed
--    3  AGAIN           more holds had run out than one call sweeps; call again
--   -1  KEY_REUSED      the id exists with another digest
--   -2  NO_EVENT
--   -3  NOT_OPEN        scheduled or closed
--   -4  NOT_INSIDE
--   -5  NOT_OWNER       the visitor is bound to another user
--   -6  LIMIT_EXCEEDED  {…, taken}
--   -7  TAKEN           {…, seat, seat}: named ones that are not free
--   -8  SOLD_OUT        fewer are free than wanted
--   -9  NO_BLOCK        enough are free, but not side by side
--  -10  PLACE_OVER      inside for what is under way only
--  -11  ENDED           this hold has ended, too long ago to say more of it
-- -100  RECOVERING      missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local hold, digest, user, visitor, fact = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local seats_per_user, hold_ttl = int(9, -COUNT_MAX, COUNT_MAX), int(10, 0, TIME_MAX)
local want, quantity, price = ARGV[11], int(12, 1, 100000), ARGV[13]
if want ~= "named" and want ~= "adjacent" and want ~= "separate" then error({ err = "RANGE argument 11" }) end
-- In rows a number of nine digits or more is refused: no hall is that large. The index of a named seat may have any
-- length.
local wanted, numbers = ARGV[14], {}
if want == "named" then
  if string.find(wanted, "[^%d,]") then error({ err = "RANGE argument 14" }) end
  for digits in string.gmatch(wanted, "%d+") do
    local index = tonumber(digits)
    if #numbers > 0 and index <= numbers[#numbers] then error({ err = "RANGE argument 14" }) end
    numbers[#numbers + 1] = index
  end
  if #numbers ~= quantity then error({ err = "RANGE argument 14" }) end
elseif string.find(wanted, "[^%d:,;]") or string.find(wanted, string.rep("%d", 9)) then
  error({ err = "RANGE argument 14" })
end
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/recent.lua
-- include lib/holds.lua
-- include lib/inside.lua
-- include lib/whole.lua
-- include lib/lost.lua
local known = redis.call("HGET", HOLDS, hold)
if known then
  if cjson.decode(known).digest ~= digest then return reply("KEY_REUSED") end
  return reply("REPEATED", known, redis.call("HGET", HOLD_STATES, hold))
end
local ended = redis.call("HGET", HOLD_DIGESTS, hold)
if ended then return reply(ended == digest and "ENDED" or "KEY_REUSED") end
if not seats_are_whole() then return lose("seats") end
local mode = mode_in_force()
if mode == "scheduled" or mode == "closed" then return reply("NOT_OPEN") end
if mode == "recovering" then return reply("RECOVERING") end
local expires_inside = tonumber(redis.call("ZSCORE", INSIDE, visitor) or nil)
if not expires_inside or expires_inside <= now then return reply("NOT_INSIDE") end
if own_end(visitor) <= now then return reply("PLACE_OVER") end
local bound = redis.call("HGET", BOUND, visitor)
if bound and bound ~= user then return reply("NOT_OWNER") end

-- Holds that ran out end here. Their seats stay free even when this hold is refused.
local SWEEP_MAX = 500
local ran_out = redis.call("ZRANGEBYSCORE", EXPIRY, "-inf", text(now), "LIMIT", 0, SWEEP_MAX)
for _, other in ipairs(ran_out) do end_hold(other, "e") end
count_seats()
if #ran_out == SWEEP_MAX then return reply("AGAIN") end

local taken = tonumber(redis.call("HGET", TAKEN, user) or 0)
if taken + quantity > seats_per_user then return reply("LIMIT_EXCEEDED", taken) end

-- A part of the seat string; a seat past the string's end counts as blocked. Only the seats that are looked at are
-- read, because every byte that is passed to Lua costs time.
local function part(first, length)
  local found = redis.call("GETRANGE", SEATS, text(first), text(first + length - 1))
  return #found < length and found .. string.rep("b", length - #found) or found
end

-- Iterates over the rows. Gives the seats of a row as text, and its runs, {first, length} each.
local function rows()
  local next_row = string.gmatch(wanted, "[^;]+")
  return function()
    local row = next_row()
    if not row then return nil end
    local parts, runs = {}, {}
    for first, length in string.gmatch(row, "(%d+):(%d+)") do
      first, length = tonumber(first), tonumber(length)
      parts[#parts + 1] = part(first, length)
      runs[#runs + 1] = { first, length }
    end
    return #parts == 1 and parts[1] or table.concat(parts), runs
  end
end

-- Index of the seat at a position of a row; positions count from 1.
local function index_at(runs, pos)
  for _, run in ipairs(runs) do
    if pos <= run[2] then return run[1] + pos - 1 end
    pos = pos - run[2]
  end
end

-- Position of the best block of a row. The best block leaves the fewest single seats; of several such blocks it is the
-- one nearest the middle, and then the lowest. In a free run only two positions leave a single seat, so the best
-- position is within three of the one nearest the middle.
local function best_block(row)
  local best, best_singles, best_off
  local middle = math.floor((#row - quantity) / 2) + 1
  local start, finish = string.find(row, "f+")
  while start do
    local last = finish - quantity + 1
    local nearest = math.min(math.max(middle, start), last)
    for pos = math.max(start, nearest - 3), math.min(last, nearest + 3) do
      local singles = (pos - start == 1 and 1 or 0) + (last - pos == 1 and 1 or 0)
      local off = math.abs(2 * (pos - 1) + quantity - #row)
      if not best or singles < best_singles or (singles == best_singles and off < best_off) then
        best, best_singles, best_off = pos, singles, off
      end
    end
    start, finish = string.find(row, "f+", finish + 1)
  end
  return best
end

local chosen = {}
if want == "named" then
  local conflicts = {}
  for _, index in ipairs(numbers) do
    if redis.call("GETRANGE", SEATS, text(index), text(index)) ~= "f" then conflicts[#conflicts + 1] = index end
  end
  if #conflicts > 0 then return reply("TAKEN", unpack(conflicts)) end
  chosen = numbers
elseif want == "adjacent" then
  local block = string.rep("f", quantity)
  for row, runs in rows() do
    local pos = string.find(row, block, 1, true) and best_block(row)
    if pos then
      for i = pos, pos + quantity - 1 do chosen[#chosen + 1] = index_at(runs, i) end
      break
    end
  end
  if #chosen == 0 then
    local free = 0
    for row in rows() do
      local _, n = string.gsub(row, "f", "")
      free = free + n
    end
    return reply(free < quantity and "SOLD_OUT" or "NO_BLOCK")
  end
else
  local CHUNK = 500
  for first, length in string.gmatch(wanted, "(%d+):(%d+)") do
    local past = first + length
    for from = tonumber(first), past - 1, CHUNK do
      local seats = part(from, math.min(CHUNK, past - from))
      local pos = string.find(seats, "f", 1, true)
      while pos and #chosen < quantity do
        chosen[#chosen + 1] = from + pos - 1
        pos = string.find(seats, "f", pos + 1, true)
      end
      if #chosen == quantity then break end
    end
    if #chosen == quantity then break end
  end
  if #chosen < quantity then return reply("SOLD_OUT") end
end

table.sort(chosen)
local indexes = {}
for i, index in ipairs(chosen) do
  indexes[i] = text(index)
  put_seat(indexes[i], "h", hold)
end
count_seats()
local expires = now + hold_ttl
local prices = want == "named" and price or string.rep(price .. ",", quantity - 1) .. price
redis.call("HSET", HOLDS, hold, fact)
local seats = table.concat(indexes, ",")
local changing = write_hold_state(hold, { state = "h", expires = expires, seats = seats, prices = prices, order = "" })
redis.call("ZADD", EXPIRY, text(expires), hold)
add(TAKEN, user, quantity)
add(OPEN, visitor, 1)
if not bound then redis.call("HSET", BOUND, visitor, user) end
keep_inside(visitor, expires)
return reply("HELD", changing)
