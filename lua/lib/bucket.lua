-- The bucket that paces admissions, in whole units: an admission takes 60,000 units, and `rate` units come in every ms.
-- It holds the units of one second, but at least those of one admission.
local ADMISSION = 60000

-- Admissions a minute at the present pace.
local function rate()
  if room.control ~= "adaptive" or room.rate == 0 then return room.rate end
  return math.max(1, math.floor(room.rate * room.pace / 1000))
end

local function bucket_size(rate)
  return math.max(ADMISSION, rate * 1000)
end

-- The units in the bucket now, and the time up to which they are counted; nothing is written.
local function filled()
  local elapsed = math.max(0, now - room.filled_at)
  return math.min(room.units + elapsed * rate(), bucket_size(rate())), math.max(room.filled_at, now)
end

local function admissions(units)
  return room.rate > 0 and math.floor(units / ADMISSION) or 0
end
