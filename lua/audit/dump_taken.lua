#!lua flags=no-writes
-- How many seats some users have, for the audit. Over all pages, a user who has seats the whole time comes at least
-- once; a user who gets or loses them meanwhile may be missing.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(page)
--
-- KEYS[1]  meta   hash  generation, log (last id), restoring
-- KEYS[2]  room   hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  taken  hash  user -> seats h p s
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  cursor      text     "0" begins
-- ARGV[5]  page        integer  about so many, 1 to 1,000
-- Returns {code, generation, log, …}
--    1  TAKEN       {…, cursor, seat_version, user, seats, user, seats, …}: "0" ends
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local cursor, page = ARGV[4], text(int(5, 1, 1000))
if not string.find(cursor, "^%d+$") then error({ err = "RANGE argument 4" }) end
-- include lib/open.lua
-- include lib/room.lua
local next_cursor, flat = unpack(redis.call("HSCAN", TAKEN, cursor, "COUNT", page))
local found = { code.TAKEN, generation, log_last, next_cursor, room.seat_version or 0 }
for _, value in ipairs(flat) do found[#found + 1] = value end
return found
