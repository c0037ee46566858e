#!lua flags=no-writes
-- The public status of orders.
--
-- Caller:  lane::redis::orders
-- Cost:    O(orders asked)
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  orders   hash  order -> fact (JSON)
-- KEYS[3]  pending  hash  order -> pay | cancel
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- then     orders, at most 1,000
-- Returns {code, generation, log, …}
--    1  ORDERS      {…, fact, pending, fact, pending, …}: empty where there is none
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
if #ARGV > 1003 then error({ err = "RANGE at most 1,000 orders" }) end
-- include lib/open.lua
local found = {}
for at = 4, #ARGV do
  found[#found + 1] = redis.call("HGET", ORDERS, ARGV[at]) or ""
  found[#found + 1] = redis.call("HGET", PENDING, ARGV[at]) or ""
end
return reply("ORDERS", unpack(found))
