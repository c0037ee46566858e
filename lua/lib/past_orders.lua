-- Orders of which nothing more can come. A rejected or refunded one is kept for KEEP ms: the last twenty of its user
-- whole, of older ones version and digest, "version digest", for the repeat of their request.

-- Drops an order and what hangs on it.
local function forget_order(order)
  local refunds = redis.call("HGET", ORDER_REFUNDS, order)
  for refund in pairs(refunds and cjson.decode(refunds) or {}) do redis.call("HDEL", REFUNDS, refund) end
  for _, key in ipairs({ ORDERS, PENDING, ATTEMPTS, ORDER_REFUNDS }) do redis.call("HDEL", key, order) end
  redis.call("SREM", PLACED, order)
end

-- How long an order stays: one that is under way, for good; a paid one, until KEEP ms after the last refund may
-- be asked for; else see above.
local function keep_order(order, user, status, refundable_until)
  if status == "rejected" or status == "refunded" then
    -- The earliest time it was given stays.
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
