-- A caller whose time is far from this server's would end what is not over, or keep what is over. SKEW_MAX (ms) is put
-- in front of the script when it is given to Redis. 0 checks nothing; scripts that only read always have 0.
local function check_time(now)
  local time = redis.call("TIME")
  local here = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  if math.abs(now - here) > SKEW_MAX then error({ err = "SKEW the caller's time is " .. text(now - here) .. " ms off" }) end
end
