#!lua flags=no-writes
-- Everything the audit needs of an event, of one moment.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(seats + holds + orders)
--
-- KEYS[1]   meta     hash    generation, log (last id), restoring
-- KEYS[2]   orders   hash    order -> fact (JSON)
-- KEYS[3]   pending  hash    order -> pay | cancel
-- KEYS[4]   room     hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[5]   waiting  zset    visitor -> score
-- KEYS[6]   inside   zset    visitor -> expiry, ms
-- KEYS[7]   late     zset    visitor -> when called, ms
-- KEYS[8]   back     zset    visitor -> score
-- KEYS[9]   seats    string  one byte a seat: f h p s b
-- KEYS[10]  owners   hash    seat -> hold (h) or order (p s)
-- KEYS[11]  taken    hash    user -> seats h p s
-- KEYS[12]  holds    hash    hold -> what never changes (JSON)
-- KEYS[13]  marks    hash    hold -> state expires seats prices order
-- KEYS[14]  placed   set     orders of the event
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  EVENT       {…, counts, settings, string, owners, facts, marks, orders, taken}: lists, the last ones flat pairs
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
local META, ORDERS, PENDING, ROOM, WAITING, INSIDE, LATE, BACK, SEATS, OWNERS, TAKEN, HOLDS, MARKS, PLACED = unpack(KEYS)
local code = { EVENT = 1, NO_EVENT = -1, RECOVERING = -100 }
-- include lib/args.lua
arity(14, 3)
-- include lib/marks.lua
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/line.lua
local orders = {}
for _, order in ipairs(redis.call("SMEMBERS", PLACED)) do
  orders[#orders + 1] = redis.call("HGET", ORDERS, order)
  orders[#orders + 1] = redis.call("HGET", PENDING, order) or ""
end
local settings = { room.version, room.mode, room.opens_at, room.closes_at, room.capacity, room.rate,
  room.pass_ttl, room.claim_ttl, room.absent_after, room.late_grace, room.release_on, room.order,
  room.control }
-- There is no time here to tell the mode in force.
return { code.EVENT, generation, log_last, { counts(room.mode) }, settings, redis.call("GET", SEATS) or "",
  redis.call("HGETALL", OWNERS), redis.call("HGETALL", HOLDS), redis.call("HGETALL", MARKS), orders,
  redis.call("HGETALL", TAKEN) }
