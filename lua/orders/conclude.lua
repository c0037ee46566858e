#!lua flags=allow-oom
-- Brings seats, holds and public statuses of an event's orders to what the ledger says; drops the log up to trim.
-- A conclusion may be repeated safely: the higher version of an order stays.
--
-- Caller:  lane::redis::conclude
-- Cost:    O(seats of the orders)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring
-- KEYS[2]   log            stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]   log_ids        hash    record id -> times in the log
-- KEYS[4]   orders         hash    order -> fact (JSON)
-- KEYS[5]   pending        hash    order -> pay | cancel
-- KEYS[6]   refunds        hash    refund -> fact (JSON)
-- KEYS[7]   order_refunds  hash    order -> {refund: 1} (JSON)
-- KEYS[8]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[9]   waiting        zset    visitor -> score
-- KEYS[10]  seen           hash    waiting visitor -> last seen, ms
-- KEYS[11]  inside         zset    visitor -> expiry, ms
-- KEYS[12]  called         set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[13]  late           zset    visitor -> when called, ms
-- KEYS[14]  back           zset    visitor -> score
-- KEYS[15]  scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[16]  spent          hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[17]  spent_draws    set     visitors of a draw who are through
-- KEYS[18]  draws_log      list    + or - and a visitor: each change of spent_draws
-- KEYS[19]  open           hash    visitor -> holds not ended
-- KEYS[20]  seats          string  one byte a seat: f h p s b
-- KEYS[21]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[22]  taken          hash    user -> seats h p s
-- KEYS[23]  holds          hash    hold -> what never changes (JSON)
-- KEYS[24]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[25]  expiry         zset    held hold -> when it ends, ms
-- KEYS[26]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[27]  placed         set     orders of the event
-- KEYS[28]  drops          zset    order -> when it is dropped, ms
-- KEYS[29]  attempts       hash    order -> {attempt: digest} (JSON)
-- KEYS[30]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[31]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[32]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- KEYS[33]  order_digests  hash    older one of these -> version and digest of its request
-- KEYS[34]  bound          hash    visitor -> user
-- ARGV[1]  now_ms       integer  0 where nothing depends on it
-- ARGV[2]  generation   integer  highest the caller has seen
-- ARGV[3]  log          integer  highest log id the caller has seen
-- ARGV[4]  trim         integer  log id, 0: none
-- ARGV[5]  conclusions  integer  how many follow
-- then     order, hold, user, fact, about (words: status, version, held_until (-1: kept), refundable_until), seats (words:
--          each seat and its state p s h or f), m, m·(refund, its status and its fact) of each conclusion
-- Returns {code, generation, log, …}
--    1  DONE        {…, left}: 1 when more of the log is to be dropped
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local upto, n = int(4, 0, COUNT_MAX), int(5, 0, 100000)
local at = 5
local function next_text()
  at = at + 1
  if not ARGV[at] then error({ err = "ARITY" }) end
  return ARGV[at]
end
local function next_int(low, high)
  at = at + 1
  return int(at, low, high)
end
local RANK = { requested = 0, awaiting_account = 1, sent = 1, done = 2, failed = 2 }
local conclusions = {}
for i = 1, n do
  local conclusion = {
    order = next_text(), hold = next_text(), user = next_text(), fact = next_text(), seats = {}, states = {}, refunds = {},
  }
  local status, version, held_until, refundable_until = string.match(next_text(), "^(%S+) (%S+) (%S+) (%S+)$")
  conclusion.status, conclusion.version = status, whole(version, -COUNT_MAX, COUNT_MAX, at)
  conclusion.held_until = whole(held_until, -1, TIME_MAX, at)
  conclusion.refundable_until = whole(refundable_until, 0, TIME_MAX, at)
  next_text()
  local given = words(at, 2, 100000)
  for j = 1, #given, 2 do
    local state = given[j + 1]
    if not string.find(state, "^[pshf]$") then error({ err = "RANGE argument " .. at }) end
    conclusion.seats[#conclusion.seats + 1] = text(whole(given[j], 0, 4294967295, at))
    conclusion.states[#conclusion.seats] = state
  end
  for j = 1, next_int(0, 100000) do
    local refund = { id = next_text(), status = next_text(), fact = next_text() }
    if not RANK[refund.status] then error({ err = "RANGE argument " .. at }) end
    conclusion.refunds[j] = refund
  end
  conclusions[i] = conclusion
end
if at ~= #ARGV then error({ err = "ARITY" }) end
-- include lib/open.lua
-- include lib/room.lua
-- include lib/places.lua
-- include lib/inside.lua
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/recent.lua
-- include lib/holds.lua
-- include lib/past_orders.lua
-- include lib/log.lua
-- include lib/orders.lua
local FINAL = { confirmed = true, partially_refunded = true, refunded = true, rejected = true }

-- Moves those seats that the order owns. State h means: held again if `back`, else free.
local function move_seats(conclusion, back)
  local freed = 0
  local owners = owners_of(conclusion.seats)
  for i, index in ipairs(conclusion.seats) do
    if owners[i] == conclusion.order then
      local state = conclusion.states[i]
      if state == "h" and not back then state = "f" end
      if state == "f" then
        put_seat(index, "f")
        freed = freed + 1
      elseif state == "h" then
        put_seat(index, "h", conclusion.hold)
      else
        change_seat(index, state)
      end
    end
  end
  add(TAKEN, conclusion.user, -freed)
end

-- With release_on "order", ends the place inside of a visitor who has bought and has no open hold left.
local function leave_if_done(visitor)
  if room.release_on ~= "order" or redis.call("HGET", OPEN, visitor) then return end
  local where, _, score = place_of(visitor)
  if where == "inside" then
    spend(visitor, where, score)
    take_log_id()
  end
end

-- For an order whose hold in the lane is not its hold in the ledger: the order's id was used before, left the lane, and
-- was then accepted again with `hold`. This hold ends as if it had run out.
local function end_other(hold, order)
  local changing = read_hold_state(hold)
  if not changing or changing.state ~= "o" or changing.order ~= order then return end
  for index in string.gmatch(changing.seats, "%d+") do
    if is_owner(index, order) then put_seat(index, "h", hold) end
  end
  changing.order = ""
  write_hold_state(hold, changing)
  end_hold(hold, "e")
end

local function conclude(conclusion, known, past)
  local hold, order = conclusion.hold, conclusion.order
  local known_hold = known and field_of(known, "hold")
  if known_hold and known_hold ~= hold then end_other(known_hold, order) end
  local changing = read_hold_state(hold)
  local is_ours = changing and changing.state == "o" and changing.order == order
  local back = false
  for _, state in ipairs(conclusion.states) do back = back or (is_ours and state == "h") end
  move_seats(conclusion, back)
  if back then
    local held = cjson.decode(redis.call("HGET", HOLDS, hold))
    changing.state, changing.order = "h", ""
    if conclusion.held_until >= 0 then changing.expires = conclusion.held_until end
    write_hold_state(hold, changing)
    redis.call("ZADD", EXPIRY, text(changing.expires), hold)
    redis.call("ZREM", ENDED, hold)
    forget_ended(RECENT_HOLDS, held.user, hold)
    keep_inside(held.visitor, changing.expires)
  elseif is_ours and FINAL[conclusion.status] and not redis.call("ZSCORE", ENDED, hold) then
    local held = cjson.decode(redis.call("HGET", HOLDS, hold))
    keep_ended(hold, held.user)
    add(OPEN, held.visitor, -1)
    if conclusion.status ~= "rejected" then leave_if_done(held.visitor) end
  end

  redis.call("HSET", ORDERS, order, conclusion.fact)
  redis.call("HDEL", PENDING, order)
  if past then redis.call("HDEL", ORDER_DIGESTS, order) end
  redis.call("SADD", PLACED, order)
  keep_order(order, conclusion.user, conclusion.status, conclusion.refundable_until)
end

-- A refund's status never goes down.
local function show_refund(order, refund)
  local known = redis.call("HGET", REFUNDS, refund.id)
  if known and RANK[cjson.decode(known).status] > RANK[refund.status] then return end
  redis.call("HSET", REFUNDS, refund.id, refund.fact)
  local refunds = redis.call("HGET", ORDER_REFUNDS, order)
  refunds = refunds and cjson.decode(refunds) or {}
  refunds[refund.id] = 1
  redis.call("HSET", ORDER_REFUNDS, order, cjson.encode(refunds))
end

if room.version then
  for _, conclusion in ipairs(conclusions) do
    local known, past = redis.call("HGET", ORDERS, conclusion.order), redis.call("HGET", ORDER_DIGESTS, conclusion.order)
    local version = tonumber(known and field_of(known, "version") or past and string.match(past, "^%S+") or nil)
    if not version or version < conclusion.version then
      conclude(conclusion, known, past)
      past = nil
    end
    if not past then
      for _, refund in ipairs(conclusion.refunds) do show_refund(conclusion.order, refund) end
    end
  end
  count_seats()
end
return reply("DONE", upto > 0 and trim(upto) or 0)
