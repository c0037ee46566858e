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
-- include lib/records.lua
local ids = {}
for at = 4, #ARGV, 2 do ids[#ids + 1] = ARGV[at] end
local known, given = #ids > 0 and redis.call("HMGET", LOG_IDS, unpack(ids)) or {}, {}
for i, id in ipairs(ids) do
  if not known[i] and not given[id] then
    given[id] = true
    append_record(id, ARGV[2 * i + 3])
  end
end
end_records()
return reply("DONE")
