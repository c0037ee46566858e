#!lua
-- Appends order.cancelled for an order that waits for the buyer to pay, at once or by deposit.
--
-- Caller:  lane::redis::cancel
-- Cost:    O(1)
--
-- KEYS[1]  meta     hash    generation, log (last id), restoring
-- KEYS[2]  log      stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids  hash    record id -> times in the log
-- KEYS[4]  orders   hash    order -> fact (JSON)
-- KEYS[5]  pending  hash    order -> pay | cancel
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  order       text
-- ARGV[5]  user        text
-- ARGV[6]  record      text     its id
-- ARGV[7]  body        JSON     order.cancelled
-- Returns {code, generation, log, …}
--    1  ACCEPTED         {…, fact, pending}: now or before
--   -1  NOT_FOUND
--   -2  NOT_OWNER
--   -3  IN_PROGRESS
--   -4  NOT_CANCELLABLE
-- -100  RECOVERING       missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local order, user, record, body = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
-- include lib/open.lua
-- include lib/orders.lua
-- include lib/log.lua
local fact, known, pending = read_order(order)
if not fact then return reply("NOT_FOUND") end
if known.user ~= user then return reply("NOT_OWNER") end
if pending == "cancel" or (known.status == "rejected" and known.reason == "CANCELLED") then
  return reply("ACCEPTED", fact, pending)
end
if is_paying(known, pending) then return reply("IN_PROGRESS") end
if known.status ~= "pending_payment" and known.status ~= "awaiting_deposit" then return reply("NOT_CANCELLABLE") end

redis.call("HSET", PENDING, order, "cancel")
append(record, body)
return reply("ACCEPTED", fact, "cancel")
