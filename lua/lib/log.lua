-- The lane's log. Ids are <n>-0 with n from the lane's counter, so that they keep growing across a rebuilding.
local function append(record, body, ...)
  log_last = redis.call("HINCRBY", META, "log", 1)
  redis.call("XADD", LOG, text(log_last) .. "-0", "id", record, "at", text(now), "body", body, ...)
  redis.call("HINCRBY", LOG_IDS, record, 1)
end

-- Most records that one call drops; the rest is left to the next call.
local TRIM_MAX = 2000

-- Takes records off the counts in LOG_IDS. `times`: how often each of them is dropped.
local function drop_ids(records, times)
  local known, gone = redis.call("HMGET", LOG_IDS, unpack(records)), {}
  for i, record in ipairs(records) do
    local left = times[record] and tonumber(known[i] or 0) - times[record]
    if left and left > 0 then
      redis.call("HSET", LOG_IDS, record, text(left))
    elseif left then
      gone[#gone + 1] = record
    end
    times[record] = nil
  end
  if #gone > 0 then redis.call("HDEL", LOG_IDS, unpack(gone)) end
end

-- Drops records up to and including `upto`; returns 1 when some of these are left, else 0.
local function trim(upto)
  local last = text(upto) .. "-0"
  local found = redis.call("XRANGE", LOG, "-", last, "COUNT", TRIM_MAX + 1)
  local left = 0
  if #found > TRIM_MAX then
    left = 1
    found[#found] = nil
  end
  if #found == 0 then return 0 end
  local records, times = {}, {}
  for i, entry in ipairs(found) do
    -- Fields are in the order they were added: the record's id is the first.
    local record = entry[2][2]
    records[i], times[record] = record, (times[record] or 0) + 1
  end
  drop_ids(records, times)
  local n = tonumber(string.match(found[#found][1], "^%d+"))
  redis.call("XTRIM", LOG, "MINID", text(n + 1) .. "-0")
  return left
end
