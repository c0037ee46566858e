-- The lane's marks, and whether they are behind what the caller has seen. Every reply carries generation and log id.
-- `took`: how long the last rebuilding took, ms; the rooms' time to recover begins at its end.
local now = int(1, 0, TIME_MAX)
if SKEW_MAX > 0 and now > 0 then check_time(now) end
local generation, log_last, restoring, took, is_behind
do
  local seen_generation, seen_log = int(2, 0, COUNT_MAX), int(3, 0, COUNT_MAX)
  local meta = redis.call("HMGET", META, "generation", "log", "restoring", "took")
  generation, log_last, restoring, took = tonumber(meta[1] or 0), tonumber(meta[2] or 0), meta[3], tonumber(meta[4] or 0)
  is_behind = generation == 0
    or generation < seen_generation
    or (generation == seen_generation and log_last < seen_log)
end

local function reply(name, ...)
  return { code[name], generation, log_last, ... }
end

-- Takes the next log id without a record. A lane that is later set back to an earlier state then counts as behind.
local function take_log_id()
  log_last = redis.call("HINCRBY", META, "log", 1)
end
