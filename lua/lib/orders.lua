-- Reads orders. The fact is the JSON that Rust gave and is never encoded again; what is pending is stored beside it.
local function read_order(order)
  local fact = redis.call("HGET", ORDERS, order)
  if not fact then return nil end
  return fact, cjson.decode(fact), redis.call("HGET", PENDING, order) or ""
end

local function is_paying(order, pending)
  return order.status == "paying" or pending == "pay"
end
