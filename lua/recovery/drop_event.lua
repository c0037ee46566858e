#!lua flags=allow-oom
-- Drops an event of the lane that is being rebuilt. After the last event and campaign the building begins.
--
-- Caller:  lane::redis::begin_restore
-- Cost:    O(1), freed in the background
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring
-- KEYS[2]   events         set     events of the lane
-- KEYS[3]   campaigns      set     campaigns of the lane
-- KEYS[4]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[5]   waiting        zset    visitor -> score
-- KEYS[6]   seen           hash    waiting visitor -> last seen, ms
-- KEYS[7]   inside         zset    visitor -> expiry, ms
-- KEYS[8]   called         set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[9]   late           zset    visitor -> when called, ms
-- KEYS[10]  back           zset    visitor -> score
-- KEYS[11]  scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[12]  spent          hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[13]  spent_draws    set     visitors of a draw who are through
-- KEYS[14]  draws_log      list    + or - and a visitor: each change of spent_draws
-- KEYS[15]  drawn          zset    who entered by a draw, all at 0: in order of their ids
-- KEYS[16]  bound          hash    visitor -> user
-- KEYS[17]  open           hash    visitor -> holds not ended
-- KEYS[18]  seats          string  one byte a seat: f h p s b
-- KEYS[19]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[20]  taken          hash    user -> seats h p s
-- KEYS[21]  holds          hash    hold -> what never changes (JSON)
-- KEYS[22]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[23]  expiry         zset    held hold -> when it ends, ms
-- KEYS[24]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[25]  placed         set     orders of the event
-- KEYS[26]  drops          zset    order -> when it is dropped, ms
-- KEYS[27]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[28]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[29]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  event       text
-- ARGV[5]  to          integer  the generation that was begun
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to = int(5, 0, COUNT_MAX)
if restoring ~= "dropping" or to ~= generation then return reply("NOT_RESTORING") end
redis.call("UNLINK", unpack(KEYS, 4))
redis.call("SREM", EVENTS, ARGV[4])
if redis.call("SCARD", EVENTS) + redis.call("SCARD", CAMPAIGNS) == 0 then
  redis.call("HSET", META, "restoring", "building")
end
return reply("DONE")
