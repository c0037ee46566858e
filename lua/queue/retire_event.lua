#!lua flags=allow-oom
-- Drops an event whose time is over, and remembers the version at which it left. Each call drops some of its orders.
--
-- Caller:  lane::redis::retire_event
-- Cost:    O(500 orders), the rest is freed in the background
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring; left:<event> (version)
-- KEYS[2]   events         set     events of the lane
-- KEYS[3]   orders         hash    order -> fact (JSON)
-- KEYS[4]   pending        hash    order -> pay | cancel
-- KEYS[5]   attempts       hash    order -> {attempt: digest} (JSON)
-- KEYS[6]   refunds        hash    refund -> fact (JSON)
-- KEYS[7]   order_refunds  hash    order -> {refund: 1} (JSON)
-- KEYS[8]   order_digests  hash    older rejected or refunded order -> version and digest of its request
-- KEYS[9]   placed         set     orders of the event
-- KEYS[10]  drops          zset    order -> when it is dropped, ms
-- KEYS[11]  room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[12]  waiting        zset    visitor -> score
-- KEYS[13]  inside         zset    visitor -> expiry, ms
-- KEYS[14]  late           zset    visitor -> when called, ms
-- KEYS[15]  back           zset    visitor -> score
-- KEYS[16]  seen           hash    waiting visitor -> last seen, ms
-- KEYS[17]  called         set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[18]  scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[19]  spent          hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[20]  spent_draws    set     visitors of a draw who are through
-- KEYS[21]  draws_log      list    + or - and a visitor: each change of spent_draws
-- KEYS[22]  drawn          zset    who entered by a draw, all at 0: in order of their ids
-- KEYS[23]  bound          hash    visitor -> user
-- KEYS[24]  open           hash    visitor -> holds not ended
-- KEYS[25]  seats          string  one byte a seat: f h p s b
-- KEYS[26]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[27]  taken          hash    user -> seats h p s
-- KEYS[28]  holds          hash    hold -> what never changes (JSON)
-- KEYS[29]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[30]  expiry         zset    held hold -> when it ends, ms
-- KEYS[31]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[32]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[33]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[34]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  event       text
-- ARGV[5]  version     integer  the ledger's
-- Returns {code, generation, log, …}
--    1  DONE        now or before
--    2  MORE        orders of it are left; call again
--   -1  STALE       {…, version}: the lane has this newer one; nothing was changed
--   -2  BUSY        somebody waits, is inside, holds or pays; nothing was changed
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local event, version = ARGV[4], int(5, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/room.lua
-- include lib/past_orders.lua
-- One call takes at most this many orders out of PLACED, and at most this many out of DROPS.
local ORDERS_MAX = 500
if room.version then
  if version < room.version then return reply("STALE", room.version) end
  local people = 0
  for _, key in ipairs({ WAITING, INSIDE, LATE, BACK }) do people = people + redis.call("ZCARD", key) end
  if people + room.h + room.p > 0 then return reply("BUSY") end
  redis.call("UNLINK", unpack(KEYS, 11))
  redis.call("SREM", EVENTS, event)
  take_log_id()
end
local left = tonumber(redis.call("HGET", META, "left:" .. event) or nil)
if not left or left < version then redis.call("HSET", META, "left:" .. event, text(version)) end
for _, order in ipairs(redis.call("SPOP", PLACED, ORDERS_MAX)) do forget_order(order) end
for at, order in ipairs(redis.call("ZPOPMIN", DROPS, ORDERS_MAX)) do
  -- Each order is followed by its score.
  if at % 2 == 1 then redis.call("HDEL", ORDER_DIGESTS, order) end
end
return reply(redis.call("EXISTS", PLACED, DROPS) > 0 and "MORE" or "DONE")
