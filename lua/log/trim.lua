#!lua flags=allow-oom
-- Drops the log up to and including a record.
--
-- Caller:  lane::redis::trim
-- Cost:    O(records dropped), at most 2,000
--
-- KEYS[1]  meta     hash    generation, log (last id), restoring
-- KEYS[2]  log      stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids  hash    record id -> times in the log
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  upto        integer  log id
-- Returns {code, generation, log, …}
--    1  DONE        {…, left}: 1 when more is to be dropped
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local upto = int(4, 0, COUNT_MAX)
-- include lib/open.lua
-- include lib/log.lua
return reply("DONE", trim(upto))
