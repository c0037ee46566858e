-- The state of a hold is the part of it that changes: "state expires seats prices order". Its first word is h(eld),
-- o(rdered), r(eleased) or e(xpired); seats and prices are joined by commas; order is empty unless the hold is ordered.
local function read_hold_state(hold)
  local line = redis.call("HGET", HOLD_STATES, hold)
  if not line then return nil end
  local state, expires, seats, prices, order = string.match(line, "^(%a) (%d+) (%S+) (%S+) (.*)$")
  return { state = state, expires = tonumber(expires), seats = seats, prices = prices, order = order }
end

local function write_hold_state(hold, new)
  local line = new.state .. " " .. text(new.expires) .. " " .. new.seats .. " " .. new.prices .. " " .. new.order
  redis.call("HSET", HOLD_STATES, hold, line)
  return line
end
