#!lua flags=no-writes
-- The visitors who entered by a draw, in order of their ids, a page at a time.
--
-- Caller:  lane::redis::drawn
-- Cost:    O(max + log drawn)
--
-- KEYS[1]  meta   hash  generation, log (last id), restoring
-- KEYS[2]  room   hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  drawn  zset  who entered by a draw, all at 0: in order of their ids
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  after       text     a visitor; empty: from the first
-- ARGV[5]  max         integer  1 to 5,000
-- Returns {code, generation, log, …}
--    1  DRAWN       {…, visitor, …}
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local max = int(5, 1, 5000)
-- include lib/open.lua
if redis.call("EXISTS", ROOM) == 0 then return reply("NO_EVENT") end
local after = ARGV[4] == "" and "-" or "(" .. ARGV[4]
return reply("DRAWN", unpack(redis.call("ZRANGEBYLEX", DRAWN, after, "+", "LIMIT", 0, max)))
