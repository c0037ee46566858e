#!lua
-- An order as the ledger knows it: its fact, its hold, its seats.
--
-- Caller:  lane::redis::restore_event
-- Cost:    O(seats of the order)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring
-- KEYS[2]   orders         hash    order -> fact (JSON)
-- KEYS[3]   pending        hash    order -> pay | cancel
-- KEYS[4]   attempts       hash    order -> {attempt: digest} (JSON)
-- KEYS[5]   order_refunds  hash    order -> {refund: 1} (JSON)
-- KEYS[6]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[7]   open           hash    visitor -> holds not ended
-- KEYS[8]   seats          string  one byte a seat: f h p s b
-- KEYS[9]   owners         hash    seat -> hold (h) or order (p s)
-- KEYS[10]  taken          hash    user -> seats h p s
-- KEYS[11]  holds          hash    hold -> what never changes (JSON)
-- KEYS[12]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[13]  expiry         zset    held hold -> when it ends, ms
-- KEYS[14]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[15]  placed         set     orders of the event
-- KEYS[16]  drops          zset    order -> when it is dropped, ms
-- KEYS[17]  refunds        hash    refund -> fact (JSON)
-- KEYS[18]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[19]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[20]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- KEYS[21]  order_digests  hash    older one of these -> version and digest of its request
-- ARGV[1]   now_ms            integer  0 where nothing depends on it
-- ARGV[2]   generation        integer  highest the caller has seen
-- ARGV[3]   log               integer  highest log id the caller has seen
-- ARGV[4]   order             text
-- ARGV[5]   user              text
-- ARGV[6]   status            text
-- ARGV[7]   fact              JSON
-- ARGV[8]   hold              text
-- ARGV[9]   visitor           text
-- ARGV[10]  hold_fact         JSON     what never changes of the hold
-- ARGV[11]  expires           integer  of the hold, ms
-- ARGV[12]  seats             text     of the hold, joined by commas
-- ARGV[13]  prices            text     of those, joined by commas
-- ARGV[14]  refundable_until  integer  ms
-- ARGV[15]  to                integer  the generation that was begun
-- then     seat, state (p s h f b) of each seat it has
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local order, user, status, fact = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local hold, visitor, hold_fact = ARGV[8], ARGV[9], ARGV[10]
local changing = { state = "o", expires = int(11, 0, TIME_MAX), seats = ARGV[12], prices = ARGV[13], order = order }
local refundable_until, to = int(14, 0, TIME_MAX), int(15, 0, COUNT_MAX)
if #ARGV % 2 == 0 then error({ err = "ARITY" }) end
local taken = {}
for at = 16, #ARGV, 2 do
  local state = ARGV[at + 1]
  if state ~= "p" and state ~= "s" and state ~= "h" and state ~= "f" and state ~= "b" then
    error({ err = "RANGE argument " .. at + 1 })
  end
  taken[#taken + 1] = { text(int(at, 0, 4294967295)), state }
end
-- include lib/restoring.lua
-- include lib/room.lua
if not room.version then return reply("NOT_RESTORING") end
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/recent.lua
-- include lib/holds.lua
-- include lib/past_orders.lua
for _, seat in ipairs(taken) do put_seat(seat[1], seat[2], order) end
count_seats()
add(TAKEN, user, #taken)
redis.call("HSET", HOLDS, hold, hold_fact)
write_hold_state(hold, changing)
redis.call("ZREM", EXPIRY, hold)
local is_final = status == "confirmed" or status == "partially_refunded" or status == "refunded" or status == "rejected"
if is_final then
  keep_ended(hold, user)
else
  redis.call("ZREM", ENDED, hold)
  add(OPEN, visitor, 1)
end
redis.call("HSET", ORDERS, order, fact)
for _, key in ipairs({ PENDING, ATTEMPTS, ORDER_REFUNDS }) do redis.call("HDEL", key, order) end
redis.call("HDEL", ORDER_DIGESTS, order)
redis.call("SADD", PLACED, order)
keep_order(order, user, status, refundable_until)
return reply("DONE")
