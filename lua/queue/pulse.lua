#!lua flags=allow-oom
-- Ends places and holds whose time is over, and drops past holds and orders that were kept long enough. Then lets
-- visitors in: the returned late ones first, then by score. When the first pulse comes after a long time without one,
-- all who wait count as seen.
--
-- Caller:  lane::redis::pulse
-- Cost:    O(work_max · log places)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring
-- KEYS[2]   log            stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]   log_ids        hash    record id -> times in the log
-- KEYS[4]   orders         hash    order -> fact (JSON)
-- KEYS[5]   pending        hash    order -> pay | cancel
-- KEYS[6]   attempts       hash    order -> {attempt: digest} (JSON)
-- KEYS[7]   refunds        hash    refund -> fact (JSON)
-- KEYS[8]   order_refunds  hash    order -> {refund: 1} (JSON)
-- KEYS[9]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[10]  waiting        zset    visitor -> score
-- KEYS[11]  seen           hash    waiting visitor -> last seen, ms
-- KEYS[12]  inside         zset    visitor -> expiry, ms
-- KEYS[13]  called         set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[14]  late           zset    visitor -> when called, ms
-- KEYS[15]  back           zset    visitor -> score
-- KEYS[16]  scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[17]  spent          hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[18]  spent_draws    set     visitors of a draw who are through
-- KEYS[19]  draws_log      list    + or - and a visitor: each change of spent_draws
-- KEYS[20]  open           hash    visitor -> holds not ended
-- KEYS[21]  seats          string  one byte a seat: f h p s b
-- KEYS[22]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[23]  taken          hash    user -> seats h p s
-- KEYS[24]  holds          hash    hold -> what never changes (JSON)
-- KEYS[25]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[26]  expiry         zset    held hold -> when it ends, ms
-- KEYS[27]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[28]  placed         set     orders of the event
-- KEYS[29]  drops          zset    order -> when it is dropped, ms
-- KEYS[30]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[31]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[32]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- KEYS[33]  order_digests  hash    older one of these -> version and digest of its request
-- KEYS[34]  bound          hash    visitor -> user
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  work_max    integer  most members each loop looks at, 1 to 100,000
-- Returns {code, generation, log, …}
--    1  PULSED      {…, admitted, expired, absent, unclaimed, lapsed, holds_expired, more (0 or 1)}
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local work_max = int(4, 1, 100000)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/bucket.lua
-- include lib/line.lua
-- include lib/places.lua
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/recent.lua
-- include lib/holds.lua
-- include lib/past_orders.lua
-- include lib/whole.lua
-- include lib/lost.lua
-- Names what is missing of the event or of its lane; nil when nothing is. Each check is O(1).
local function missing()
  local size = function(key, command) return redis.call(command, key) end
  if not seats_are_whole() then return "seats" end
  if size(WAITING, "ZCARD") ~= size(SEEN, "HLEN") then return "the line" end
  if size(INSIDE, "ZCARD") + size(LATE, "ZCARD") + size(BACK, "ZCARD") ~= size(SCORES, "HLEN") then return "places" end
  if size(HOLDS, "HLEN") ~= size(HOLD_STATES, "HLEN") then return "holds" end
  local held = room.h + room.p + room.s
  if held > 0 and redis.call("EXISTS", TAKEN) == 0 then return "seats by user" end
  if room.h > 0 and redis.call("EXISTS", EXPIRY) == 0 then return "ends of holds" end
  local has_orders = room.p > 0 or size(DROPS, "ZCARD") > size(ORDER_DIGESTS, "HLEN")
  if has_orders and redis.call("EXISTS", ORDERS, PLACED) < 2 then return "orders" end
  if size(LOG, "XLEN") == 0 and size(LOG_IDS, "HLEN") > 0 then return "the log" end
end

do
  local what = missing()
  if what then return lose(what) end
end
-- `present`: since when visitors could show up. When no pulse came for more than AWAY ms, the house was away and not
-- the visitors, so they count as seen now. The beat is written at most once every BEAT ms.
local AWAY, BEAT = 3000, 1000
local present = 0
if redis.call("ZCARD", WAITING) > 0 then
  local at, since = string.match(redis.call("HGET", ROOM, "beat") or "", "^(%d+) (%d+)$")
  at, present = tonumber(at or 0), tonumber(since or 0)
  if now - at > AWAY then present = now end
  if now - at >= BEAT then redis.call("HSET", ROOM, "beat", string.format("%.0f %.0f", now, present)) end
end

local admitted, expired, absent, unclaimed, lapsed, holds_expired, more = 0, 0, 0, 0, 0, 0, 0
local mode, changed = mode_in_force(), false

if room.drawing and mode ~= "scheduled" and mode ~= "recovering" then
  room.drawing, changed = false, true
  take_log_id()
end

-- When the pace was last halved, and how old the oldest record was then; 0, 0 when the pace was never halved.
local function last_cut()
  local at, age = string.match(redis.call("HGET", ROOM, "cut") or "", "^(%d+) (%d+)$")
  return tonumber(at or 0), tonumber(age or 0)
end

local function write_cut(age)
  redis.call("HSET", ROOM, "cut", string.format("%.0f %.0f", now, age))
end

if room.control == "adaptive" and now - room.paced_at >= 1000 then
  room.units, room.filled_at = filled()
  local oldest = redis.call("XRANGE", LOG, "-", "+", "COUNT", 1)[1]
  -- Fields are in the order they were added: id, at.
  local written = oldest and tonumber(oldest[2][4])
  if written and now - written > 2000 then
    local cut_at, cut_age = last_cut()
    if written > cut_at or now - written >= 2 * cut_age then
      room.pace = math.max(10, math.floor(room.pace / 2))
      write_cut(now - written)
    end
  else
    room.pace = math.min(1000, room.pace + 50)
  end
  room.paced_at, changed = now, true
end

-- Members up to this score, lowest first, at most work_max.
local function due(key, upto)
  local found = redis.call("ZRANGEBYSCORE", key, "-inf", text(upto), "LIMIT", 0, work_max + 1)
  if #found > work_max then
    more = 1
    found[#found] = nil
  end
  return found
end

for _, visitor in ipairs(due(INSIDE, now)) do
  if redis.call("SISMEMBER", CALLED, visitor) == 1 then
    if redis.call("SISMEMBER", CALLED, again(visitor)) == 1 then
      spend(visitor, "inside", score_of(visitor))
    else
      put_late(visitor, "inside", score_of(visitor), now)
    end
    unclaimed = unclaimed + 1
  else
    spend(visitor, "inside", score_of(visitor))
    expired = expired + 1
  end
end

for _, visitor in ipairs(due(LATE, now - room.late_grace * 1000)) do
  spend(visitor, "late", score_of(visitor))
  lapsed = lapsed + 1
end

for _, hold in ipairs(due(EXPIRY, now)) do
  end_hold(hold, "e")
  holds_expired = holds_expired + 1
end
count_seats()

for _, hold in ipairs(due(ENDED, now)) do
  local fact = redis.call("HGET", HOLDS, hold)
  if fact then forget_ended(RECENT_HOLDS, cjson.decode(fact).user, hold) end
  for _, key in ipairs({ HOLDS, HOLD_STATES, HOLD_DIGESTS }) do redis.call("HDEL", key, hold) end
  redis.call("ZREM", ENDED, hold)
end

for _, order in ipairs(due(DROPS, now)) do
  local fact = redis.call("HGET", ORDERS, order)
  if fact then forget_ended(RECENT_ORDERS, cjson.decode(fact).user, order) end
  forget_order(order)
  redis.call("HDEL", ORDER_DIGESTS, order)
  redis.call("ZREM", DROPS, order)
end

if mode == "open" or mode == "drain" then
  local units, filled_at = filled()
  local slots = math.min(room.capacity - redis.call("ZCARD", INSIDE), admissions(units))
  if has_seats() then slots = math.min(slots, room.f) end
  local looked, expires = 0, now + room.claim_ttl * 1000
  local unseen_since = now - room.absent_after * 1000

  local head = room.head

  local function call(visitor, where, score)
    head = math.max(head, score)
    remove(visitor, where)
    put_inside(visitor, score, expires)
    redis.call("SADD", CALLED, visitor)
    if where == "back" then redis.call("SADD", CALLED, again(visitor)) end
    slots = slots - 1
    admitted = admitted + 1
  end

  local function first(key)
    local n = math.min(slots, work_max - looked)
    if n < 1 then return {} end
    local found = redis.call("ZRANGE", key, 0, n - 1, "WITHSCORES")
    looked = looked + #found / 2
    return found
  end

  local late_ones = first(BACK)
  for i = 1, #late_ones, 2 do call(late_ones[i], "back", tonumber(late_ones[i + 1])) end
  local waiting_ones = first(WAITING)
  while #waiting_ones > 0 do
    for i = 1, #waiting_ones, 2 do
      local visitor, score = waiting_ones[i], tonumber(waiting_ones[i + 1])
      if math.max(present, tonumber(redis.call("HGET", SEEN, visitor) or 0)) <= unseen_since then
        put_late(visitor, "waiting", score, now)
        absent = absent + 1
        head = math.max(head, score)
      else
        call(visitor, "waiting", score)
      end
    end
    waiting_ones = first(WAITING)
  end
  if slots > 0 and in_line() > 0 then more = 1 end
  if admitted > 0 then
    room.units, room.filled_at, room.admitted = units - admitted * ADMISSION, filled_at, room.admitted + admitted
    changed = true
  end
  if head > room.head then
    room.head, changed = head, true
  end
end
if changed then write_counters() end
if admitted + expired + absent + unclaimed + lapsed > 0 then take_log_id() end
return reply("PULSED", admitted, expired, absent, unclaimed, lapsed, holds_expired, more)
