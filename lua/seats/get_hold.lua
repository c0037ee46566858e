#!lua flags=no-writes
-- A hold.
--
-- Caller:  lane::redis::get_hold
-- Cost:    O(1)
--
-- KEYS[1]  meta         hash  generation, log (last id), restoring
-- KEYS[2]  holds        hash  hold -> what never changes (JSON)
-- KEYS[3]  hold_states  hash  hold -> state expires seats prices order
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  hold        text
-- Returns {code, generation, log, …}
--    1  HOLD        {…, fact, state}
--   -1  NOT_FOUND
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
local fact = redis.call("HGET", HOLDS, ARGV[4])
if not fact then return reply("NOT_FOUND") end
return reply("HOLD", fact, redis.call("HGET", HOLD_STATES, ARGV[4]))
