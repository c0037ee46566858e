#!lua flags=allow-oom
-- Appends the pipeline's own records; one whose id is still in the log is left out.
--
-- Caller:  lane::redis::append
-- Cost:    O(records)
--
-- KEYS[1]  meta     hash    generation, log (last id), restoring
-- KEYS[2]  log      stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids  hash    record id -> times in the log
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- then     id, body (JSON) of each record
-- Returns {code, generation, log, …}
--    1  DONE
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
if #ARGV % 2 ~= 1 then error({ err = "ARITY" }) end
-- include lib/open.lua
-- include lib/log.lua
for at = 4, #ARGV, 2 do
  if redis.call("HEXISTS", LOG_IDS, ARGV[at]) == 0 then append(ARGV[at], ARGV[at + 1]) end
end
return reply("DONE")
