#!lua flags=no-writes
-- The records after a given log id, oldest first.
--
-- Caller:  lane::redis::read_log
-- Cost:    O(max)
--
-- KEYS[1]  meta  hash    generation, log (last id), restoring
-- KEYS[2]  log   stream  <n>-0: id, at, body; hold and state, or number
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  after       integer  log id
-- ARGV[5]  max         integer  0 to 1,000
-- Returns {code, generation, log, …}
--    1  RECORDS     {…, {log id, field, value, …}, …}: fields id, at, body; hold and state, or number
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local after, max = int(4, 0, COUNT_MAX), int(5, 0, 1000)
-- The log of a sealed lane can be read to its end, even when the lane is behind: its records were accepted.
if restoring ~= "sealed" and (is_behind or restoring) then return reply("RECOVERING") end
local found = {}
-- Redis answers a count of 0 with nil.
for i, entry in ipairs(redis.call("XRANGE", LOG, text(after + 1) .. "-0", "+", "COUNT", max) or {}) do
  found[i] = { (string.match(entry[1], "^%d+")), unpack(entry[2]) }
end
return { code.RECORDS, generation, log_last, found }
