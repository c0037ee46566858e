-- Reads orders. The fact is the JSON that Rust gave and is never encoded again; what is pending is stored beside it.
local function read_order(order)
  local fact = redis.call("HGET", ORDERS, order)
  if not fact then return nil end
  return fact, cjson.decode(fact), redis.call("HGET", PENDING, order) or ""
end

-- The first field of this name in a JSON that Rust wrote, as text. Inside a text the quotes around a name would be
-- escaped, so it is a field in truth. To decode a whole fact for it would cost as much as the rest of a step.
local function field_of(fact, name)
  local value = string.match(fact, '"' .. name .. '":"?([^",}]*)')
  return value
end

local function is_paying(order, pending)
  return order.status == "paying" or pending == "pay"
end
