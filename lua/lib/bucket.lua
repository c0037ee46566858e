-- Paces admissions in whole units: one takes 60,000, `rate` come in every ms. Holds a second's worth.
local ADMISSION = 60000

local function bucket_size(rate)
  return math.max(ADMISSION, rate * 1000)
end

-- Units and their time as they stand now; nothing is written.
local function filled()
  local elapsed = math.max(0, now - room.filled_at)
  return math.min(room.units + elapsed * room.rate, bucket_size(room.rate)), math.max(room.filled_at, now)
end

local function admissions(units)
  return room.rate > 0 and math.floor(units / ADMISSION) or 0
end
