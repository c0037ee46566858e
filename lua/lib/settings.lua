-- The id and the settings of an event: arguments 4 to 18.
local event = ARGV[4]
local settings = {
  version = int(5, -COUNT_MAX, COUNT_MAX), seats = int(6, 0, 4294967295), mode = ARGV[7],
  opens_at = int(8, 0, TIME_MAX), closes_at = int(9, 0, TIME_MAX),
  capacity = int(10, -COUNT_MAX, COUNT_MAX), rate = int(11, 0, 1000000000),
  pass_ttl = int(12, 0, 1000000000), claim_ttl = int(13, 0, 1000000000),
  absent_after = int(14, 0, 1000000000), late_grace = int(15, 0, 1000000000), release_on = ARGV[16],
  order = ARGV[17], control = ARGV[18],
}
do
  local modes = { scheduled = true, open = true, paused = true, drain = true, closed = true }
  if not modes[settings.mode] then error({ err = "RANGE argument 7" }) end
  local release_on = settings.release_on
  if release_on ~= "order" and release_on ~= "exit" then error({ err = "RANGE argument 16" }) end
  if settings.order ~= "fifo" and settings.order ~= "lottery" then error({ err = "RANGE argument 17" }) end
  if settings.control ~= "fixed" and settings.control ~= "adaptive" then error({ err = "RANGE argument 18" }) end
end
