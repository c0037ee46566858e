-- How long orders are kept. A rejected or refunded order is kept for KEEP ms: the last twenty of a user whole, of an
-- older one only "version digest", so that a repeat of its request is recognized.

-- Drops an order with its refunds, attempts and pending mark.
local function forget_order(order)
  local refunds = redis.call("HGET", ORDER_REFUNDS, order)
  for refund in pairs(refunds and cjson.decode(refunds) or {}) do redis.call("HDEL", REFUNDS, refund) end
  for _, key in ipairs({ ORDERS, PENDING, ATTEMPTS, ORDER_REFUNDS }) do redis.call("HDEL", key, order) end
  redis.call("SREM", PLACED, order)
end

-- Sets when an order is dropped. An order under way has no such time; a paid one is dropped KEEP ms after the last time
-- that a refund may be asked for; a rejected or refunded one as said above.
local function keep_order(order, user, status, refundable_until)
  if status == "rejected" or status == "refunded" then
    -- LT: an earlier time that is set already stays.
    redis.call("ZADD", DROPS, "LT", text(now + KEEP), order)
    local oldest = note_ended(RECENT_ORDERS, user, order)
    local known = oldest and redis.call("HGET", ORDERS, oldest)
    if not known then return end
    local fact = cjson.decode(known)
    forget_order(oldest)
    redis.call("HSET", ORDER_DIGESTS, oldest, text(fact.version) .. " " .. fact.digest)
    return
  end
  forget_ended(RECENT_ORDERS, user, order)
  if status == "confirmed" or status == "partially_refunded" then
    redis.call("ZADD", DROPS, text(math.max(now, refundable_until) + KEEP), order)
  else
    redis.call("ZREM", DROPS, order)
  end
end
