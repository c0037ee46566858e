#!lua flags=no-writes
-- The lane's marks, and the length and oldest record of its log. Answers in every state of the lane.
--
-- Caller:  lane::redis::meta
-- Cost:    O(1)
--
-- KEYS[1]  meta  hash    generation, log (last id), restoring
-- KEYS[2]  log   stream  <n>-0: id, at, body; hold and state, or number
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  META  {…, recovering (0 or 1), records, when the oldest was written (ms) or -1, what was lost or nothing}
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local first = redis.call("XRANGE", LOG, "-", "+", "COUNT", 1)[1]
-- Fields are in the order they were added: id, at.
local oldest = first and tonumber(first[2][4]) or -1
return reply("META", (is_behind or restoring) and 1 or 0, redis.call("XLEN", LOG), oldest,
  redis.call("HGET", META, "lost") or "")
