#!lua flags=no-writes
-- An event for the audit: its settings, its counts, and the seat string that they count, all of one moment. The rest of
-- the event comes in pages.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(bytes of the string)
--
-- KEYS[1]  meta     hash    generation, log (last id), restoring
-- KEYS[2]  room     hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  waiting  zset    visitor -> score
-- KEYS[4]  inside   zset    visitor -> expiry, ms
-- KEYS[5]  late     zset    visitor -> when called, ms
-- KEYS[6]  back     zset    visitor -> score
-- KEYS[7]  seats    string  one byte a seat: f h p s b
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  EVENT       {…, counts, version, settings, seat_version, string}: counts are a list
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/line.lua
-- The caller gives no time, so this is the mode that was set, not the mode in force.
local settings = redis.call("HGET", ROOM, "settings")
return reply("EVENT", { counts(room.mode) }, room.version, settings, room.seat_version, redis.call("GET", SEATS) or "")
