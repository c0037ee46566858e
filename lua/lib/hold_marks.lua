-- The mark of a hold is the part of it that changes: "state expires seats prices order". The state is h(eld),
-- o(rdered), r(eleased) or e(xpired); seats and prices are joined by commas; order is empty unless the state is o.
local function read_mark(hold)
  local mark = redis.call("HGET", MARKS, hold)
  if not mark then return nil end
  local state, expires, seats, prices, order = string.match(mark, "^(%a) (%d+) (%S+) (%S+) (.*)$")
  return { state = state, expires = tonumber(expires), seats = seats, prices = prices, order = order }
end

local function write_mark(hold, mark)
  local line = mark.state .. " " .. text(mark.expires) .. " " .. mark.seats .. " " .. mark.prices .. " " .. mark.order
  redis.call("HSET", MARKS, hold, line)
  return line
end
