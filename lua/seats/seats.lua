#!lua flags=no-writes
-- The seat string and its version.
--
-- Caller:  lane::redis::seats
-- Cost:    O(seats)
--
-- KEYS[1]  meta   hash    generation, log (last id), restoring
-- KEYS[2]  room   hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  seats  string  one byte a seat: f h p s b
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  SEATS       {…, version, string}
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
return reply("SEATS", room.seat_version, redis.call("GET", SEATS) or "")
