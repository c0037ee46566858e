-- Orders: the fact as Rust gave it, never encoded again; what is pending stands beside it.
local function read_order(order)
  local fact = redis.call("HGET", ORDERS, order)
  if not fact then return nil end
  return fact, cjson.decode(fact), redis.call("HGET", PENDING, order) or ""
end

local function is_paying(order, pending)
  return order.status == "paying" or pending == "pay"
end
