-- The id and the settings of an event: arguments 4 to 7. What a setting may be is the catalogue's to say; here it must
-- only be exact in the line of words that the room keeps.
local event, settings = ARGV[4], read_settings(ARGV[7])
do
  local modes = { scheduled = true, open = true, paused = true, drain = true, closed = true }
  local fits = modes[settings.mode]
  for _, value in pairs(settings) do
    if type(value) == "number" and math.abs(value) > TIME_MAX then fits = false end
  end
  if not fits then error({ err = "RANGE argument 7" }) end
end
settings.version, settings.seats = int(5, -COUNT_MAX, COUNT_MAX), int(6, 0, 4294967295)
