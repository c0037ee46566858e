#!lua flags=no-writes
-- Some seats of an event for the audit, with their owners, all of one moment.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(seats of the page)
--
-- KEYS[1]  meta    hash    generation, log (last id), restoring
-- KEYS[2]  room    hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  seats   string  one byte a seat: f h p s b
-- KEYS[4]  owners  hash    seat -> hold (h) or order (p s)
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  first       integer
-- ARGV[5]  page        integer  seats, 1 to 1,000
-- Returns {code, generation, log, …}
--    1  SEATS       {…, string, seat, owner, seat, owner, …}
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local first, page = int(4, 0, 4294967295), int(5, 1, 1000)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
local indexes = {}
for index = first, first + page - 1 do indexes[#indexes + 1] = text(index) end
local found = { code.SEATS, generation, log_last, redis.call("GETRANGE", SEATS, indexes[1], indexes[#indexes]) }
for at, owner in ipairs(redis.call("HMGET", OWNERS, unpack(indexes))) do
  if owner then
    found[#found + 1] = indexes[at]
    found[#found + 1] = owner
  end
end
return found
