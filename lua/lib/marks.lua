-- A caller whose time is far from this server's would end what has not ended, or keep what has. SKEW_MAX is set when
-- the script is given to Redis, for scripts that change something.
local function check_time(now)
  local time = redis.call("TIME")
  local here = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if math.abs(now - here) > SKEW_MAX then error({ err = "SKEW the caller's time is " .. text(now - here) .. " ms off" }) end
end

-- The lane's marks, and whether they are behind what the caller has seen. Every reply carries them.
-- `took`: how long the last rebuilding took, ms; its rooms recover from when it was over.
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

-- Gives the log its next id without a record: a lane set back to before this is behind.
local function mark()
  log_last = redis.call("HINCRBY", META, "log", 1)
end
