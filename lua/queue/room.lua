#!lua flags=no-writes
-- The room's counts.
--
-- Caller:  lane::redis::room
-- Cost:    O(1)
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  room     hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  waiting  zset  visitor -> score
-- KEYS[4]  inside   zset  visitor -> expiry, ms
-- KEYS[5]  late     zset  visitor -> when called, ms
-- KEYS[6]  back     zset  visitor -> score
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  ROOM        {…, counts}
--                   counts: mode, opens_at, waiting, inside, late, capacity, rate, admitted, round, epoch, drawing,
--                   pace, f h p s b
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/line.lua
return reply("ROOM", counts(mode_in_force()))
