#!lua flags=no-writes
-- Some holds of an event for the audit. Over all pages, a hold that exists the whole time comes at least once; a hold
-- that is made or dropped meanwhile may be missing.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(page)
--
-- KEYS[1]  meta         hash  generation, log (last id), restoring
-- KEYS[2]  holds        hash  hold -> what never changes (JSON)
-- KEYS[3]  hold_states  hash  hold -> state expires seats prices order
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  cursor      text     "0" begins
-- ARGV[5]  page        integer  about so many, 1 to 1,000
-- Returns {code, generation, log, …}
--    1  HOLDS       {…, cursor, fact, state, fact, state, …}: "0" ends; an empty state is a lost one
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local cursor, page = ARGV[4], text(int(5, 1, 1000))
if not string.find(cursor, "^%d+$") then error({ err = "RANGE argument 4" }) end
-- include lib/open.lua
local next_cursor, flat = unpack(redis.call("HSCAN", HOLDS, cursor, "COUNT", page))
local found = { code.HOLDS, generation, log_last, next_cursor }
for at = 1, #flat, 2 do
  found[#found + 1] = flat[at + 1]
  found[#found + 1] = redis.call("HGET", HOLD_STATES, flat[at]) or ""
end
return found
