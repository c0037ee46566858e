#!lua flags=no-writes
-- Some orders of an event for the audit. Over all pages, an order that exists the whole time comes at least once; an
-- order that is made or dropped meanwhile may be missing.
--
-- Caller:  lane::redis::dump_event
-- Cost:    O(page)
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  orders   hash  order -> fact (JSON)
-- KEYS[3]  pending  hash  order -> pay | cancel
-- KEYS[4]  placed   set   orders of the event
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  cursor      text     "0" begins
-- ARGV[5]  page        integer  about so many, 1 to 1,000
-- Returns {code, generation, log, …}
--    1  ORDERS      {…, cursor, fact, pending, fact, pending, …}: "0" ends
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local cursor, page = ARGV[4], text(int(5, 1, 1000))
if not string.find(cursor, "^%d+$") then error({ err = "RANGE argument 4" }) end
-- include lib/open.lua
local next_cursor, placed = unpack(redis.call("SSCAN", PLACED, cursor, "COUNT", page))
local found = { code.ORDERS, generation, log_last, next_cursor }
for _, order in ipairs(placed) do
  local fact = redis.call("HGET", ORDERS, order)
  if fact then
    found[#found + 1] = fact
    found[#found + 1] = redis.call("HGET", PENDING, order) or ""
  end
end
return found
