#!lua
-- Turns a hold into an order: its seats become paying, and order.placed goes to the log, in one step.
--
-- Caller:  lane::redis::checkout
-- Cost:    O(seats of the hold)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring
-- KEYS[2]   log            stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]   log_ids        hash    record id -> times in the log
-- KEYS[4]   orders         hash    order -> fact (JSON)
-- KEYS[5]   pending        hash    order -> pay | cancel
-- KEYS[6]   placed         set     orders of the event
-- KEYS[7]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[8]   inside         zset    visitor -> expiry, ms
-- KEYS[9]   scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[10]  seats          string  one byte a seat: f h p s b
-- KEYS[11]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[12]  holds          hash    hold -> what never changes (JSON)
-- KEYS[13]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[14]  expiry         zset    held hold -> when it ends, ms
-- KEYS[15]  order_digests  hash    older rejected or refunded order -> version and digest of its request
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   hold        text
-- ARGV[5]   user        text
-- ARGV[6]   order       text
-- ARGV[7]   digest      text     of the request
-- ARGV[8]   deadline    integer  ms; the place inside lasts so long
-- ARGV[9]   fact        JSON     accepted, version 0
-- ARGV[10]  record      text     its id
-- ARGV[11]  body        JSON     order.placed
-- ARGV[12]  log_max     integer
-- Returns {code, generation, log, …}
--    1  PLACED           {…}: log is the record's id
--    2  REPEATED         {…, fact, pending}: this order exists already; nothing was changed
--   -1  KEY_REUSED
--   -2  NOT_FOUND
--   -3  NOT_OWNER
--   -4  ALREADY_ORDERED
--   -5  EXPIRED
--   -6  RELEASED
--   -7  PAST             this order was rejected or refunded, too long ago to say more of it
--   -9  FULL             the log is at its bound; nothing was changed
-- -100  RECOVERING       missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local hold, user, order, digest = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local deadline, fact, record, body = int(8, 0, TIME_MAX), ARGV[9], ARGV[10], ARGV[11]
local log_max = int(12, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/room.lua
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/orders.lua
-- include lib/log.lua
-- include lib/inside.lua
-- include lib/whole.lua
-- include lib/lost.lua
local known, known_fact, pending = read_order(order)
if known then
  if known_fact.digest ~= digest then return reply("KEY_REUSED") end
  return reply("REPEATED", known, pending)
end
local past = redis.call("HGET", ORDER_DIGESTS, order)
if past then return reply(string.match(past, " (%S+)$") == digest and "PAST" or "KEY_REUSED") end
if room.version and not seats_are_whole() then return lose("seats") end
local changing, hold_json = read_hold_state(hold), redis.call("HGET", HOLDS, hold)
if not changing or not hold_json then return reply("NOT_FOUND") end
local hold_fact = cjson.decode(hold_json)
if hold_fact.user ~= user then return reply("NOT_OWNER") end
if changing.state == "o" then return reply("ALREADY_ORDERED") end
if changing.state == "r" then return reply("RELEASED") end
if changing.state == "e" or changing.expires <= now then return reply("EXPIRED") end
if redis.call("XLEN", LOG) >= log_max then return reply("FULL") end

for index in string.gmatch(changing.seats, "%d+") do
  if is_owner(index, hold) then put_seat(index, "p", order) end
end
count_seats()
changing.state, changing.order = "o", order
local line = write_hold_state(hold, changing)
redis.call("ZREM", EXPIRY, hold)
redis.call("HSET", ORDERS, order, fact)
redis.call("SADD", PLACED, order)
keep_inside(hold_fact.visitor, deadline)
append(record, body, "hold", hold_json, "state", line)
return reply("PLACED")
