-- Paces admissions in whole units: one takes 60,000, `rate` come in every ms. Holds a second's worth.
local ADMISSION = 60000

-- Admissions a minute at the present pace.
local function rate()
  if room.control ~= "adaptive" or room.rate == 0 then return room.rate end
  return math.max(1, math.floor(room.rate * room.pace / 1000))
end

local function bucket_size(rate)
  return math.max(ADMISSION, rate * 1000)
end

-- Units and their time as they stand now; nothing is written.
local function filled()
  local elapsed = math.max(0, now - room.filled_at)
  return math.min(room.units + elapsed * rate(), bucket_size(rate())), math.max(room.filled_at, now)
end

local function admissions(units)
  return room.rate > 0 and math.floor(units / ADMISSION) or 0
end
