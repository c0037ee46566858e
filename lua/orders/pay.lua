#!lua
-- Appends payment.requested for an order that waits for the buyer.
--
-- Caller:  lane::redis::pay
-- Cost:    O(attempts of the order), at most attempts_max
--
-- KEYS[1]  meta      hash    generation, log (last id), restoring
-- KEYS[2]  log       stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids   hash    record id -> times in the log
-- KEYS[4]  orders    hash    order -> fact (JSON)
-- KEYS[5]  pending   hash    order -> pay | cancel
-- KEYS[6]  attempts  hash    order -> {attempt: digest} (JSON)
-- ARGV[1]   now_ms        integer  0 where nothing depends on it
-- ARGV[2]   generation    integer  highest the caller has seen
-- ARGV[3]   log           integer  highest log id the caller has seen
-- ARGV[4]   order         text
-- ARGV[5]   user          text
-- ARGV[6]   attempt       text
-- ARGV[7]   digest        text     of the request
-- ARGV[8]   amount        integer
-- ARGV[9]   attempts_max  integer  of one order
-- ARGV[10]  record        text     its id
-- ARGV[11]  body          JSON     payment.requested
-- ARGV[12]  log_max       integer
-- Returns {code, generation, log, …}
--    1  ACCEPTED         {…, fact, pending}
--    2  REPEATED         {…, fact, pending}: this attempt exists already
--   -1  KEY_REUSED
--   -2  NOT_FOUND
--   -3  NOT_OWNER
--   -4  IN_PROGRESS
--   -5  NOT_PAYABLE
--   -6  AMOUNT_MISMATCH  {…, due}
--   -7  TOO_MANY         attempts_max were made
--   -9  FULL             the log is at its bound; nothing was changed
-- -100  RECOVERING       missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local order, user, attempt, digest = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local amount, attempts_max = int(8, -COUNT_MAX, COUNT_MAX), int(9, 1, COUNT_MAX)
local record, body, log_max = ARGV[10], ARGV[11], int(12, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/orders.lua
-- include lib/log.lua
local fact, known, pending = read_order(order)
if not fact then return reply("NOT_FOUND") end
local attempts = redis.call("HGET", ATTEMPTS, order)
attempts = attempts and cjson.decode(attempts) or {}
if attempts[attempt] then
  if attempts[attempt] ~= digest then return reply("KEY_REUSED") end
  return reply("REPEATED", fact, pending)
end
if known.user ~= user then return reply("NOT_OWNER") end
if is_paying(known, pending) then return reply("IN_PROGRESS") end
if known.status ~= "pending_payment" or pending == "cancel" or known.deadline_ms <= now then
  return reply("NOT_PAYABLE")
end
if type(known.payment) == "table" and known.payment.attempts >= attempts_max then return reply("TOO_MANY") end
local due = type(known.total) == "table" and known.total.cash or 0
if amount ~= due then return reply("AMOUNT_MISMATCH", due) end
if redis.call("XLEN", LOG) >= log_max then return reply("FULL") end

attempts[attempt] = digest
redis.call("HSET", ATTEMPTS, order, cjson.encode(attempts))
redis.call("HSET", PENDING, order, "pay")
append(record, body)
return reply("ACCEPTED", fact, "pay")
