-- Appends many records: the lane's counter and LOG_IDS are written once, by `end_records`, which must be called at the end.
local appended = {}

local function append_record(record, body, ...)
  log_last = log_last + 1
  redis.call("XADD", LOG, text(log_last) .. "-0", "id", record, "at", text(now), "body", body, ...)
  appended[#appended + 1] = record
end

local function end_records()
  if #appended == 0 then return end
  redis.call("HSET", META, "log", text(log_last))
  if #appended == 1 then
    redis.call("HINCRBY", LOG_IDS, appended[1], 1)
    return
  end
  local known, times, counts = redis.call("HMGET", LOG_IDS, unpack(appended)), {}, {}
  for i, record in ipairs(appended) do
    times[record] = (times[record] or tonumber(known[i] or 0)) + 1
  end
  for record, count in pairs(times) do
    counts[#counts + 1] = record
    counts[#counts + 1] = text(count)
  end
  redis.call("HSET", LOG_IDS, unpack(counts))
end
