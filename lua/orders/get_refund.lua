#!lua flags=no-writes
-- A refund.
--
-- Caller:  lane::redis::get_refund
-- Cost:    O(1)
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  refunds  hash  refund -> fact (JSON)
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  refund      text
-- Returns {code, generation, log, …}
--    1  REFUND      {…, fact}
--   -1  NOT_FOUND
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
local fact = redis.call("HGET", REFUNDS, ARGV[4])
if not fact then return reply("NOT_FOUND") end
return reply("REFUND", fact)
