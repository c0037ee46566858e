#!lua
-- Appends refund.requested for a confirmed or partially refunded order.
--
-- Caller:  lane::redis::refund
-- Cost:    O(lines of the order)
--
-- KEYS[1]  meta           hash    generation, log (last id), restoring
-- KEYS[2]  log            stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[3]  log_ids        hash    record id -> times in the log
-- KEYS[4]  orders         hash    order -> fact (JSON)
-- KEYS[5]  pending        hash    order -> pay | cancel
-- KEYS[6]  refunds        hash    refund -> fact (JSON)
-- KEYS[7]  order_refunds  hash    order -> {refund: 1} (JSON)
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   order       text
-- ARGV[5]   user        text     empty: an admin
-- ARGV[6]   by          text     buyer: by the order's refund terms; else without fee and deadline
-- ARGV[7]   refund      text
-- ARGV[8]   digest      text     of the request
-- ARGV[9]   fact        JSON     requested
-- ARGV[10]  record      text     its id
-- ARGV[11]  body        JSON     refund.requested
-- ARGV[12]  log_max     integer
-- then     line, amount (0: all that is left) of each line
-- Returns {code, generation, log, …}
--    1  ACCEPTED
--    2  REPEATED        {…, fact}: this refund exists already; nothing was changed
--   -1  KEY_REUSED
--   -2  NOT_FOUND
--   -3  NOT_OWNER
--   -4  NOT_REFUNDABLE
--   -5  OVER_REFUND     {…, line}
--   -6  LINE_NOT_FOUND  {…, line}
--   -7  CLOSED          the buyer's time for refunds is over
--   -9  FULL            the log is at its bound; nothing was changed
-- -100  RECOVERING      missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local order, user, by, refund, digest, fact = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local record, body, log_max = ARGV[10], ARGV[11], int(12, -COUNT_MAX, COUNT_MAX)
if #ARGV % 2 ~= 0 then error({ err = "ARITY" }) end
local asked = {}
for at = 13, #ARGV, 2 do asked[#asked + 1] = { int(at, 0, 4294967295), int(at + 1, 0, COUNT_MAX) } end
-- include lib/open.lua
-- include lib/orders.lua
-- include lib/log.lua
local known_refund = redis.call("HGET", REFUNDS, refund)
if known_refund then
  if cjson.decode(known_refund).digest ~= digest then return reply("KEY_REUSED") end
  return reply("REPEATED", known_refund)
end
local _, known = read_order(order)
if not known then return reply("NOT_FOUND") end
if user ~= "" and known.user ~= user then return reply("NOT_OWNER") end
if known.status ~= "confirmed" and known.status ~= "partially_refunded" then return reply("NOT_REFUNDABLE") end
local terms = known.refund_terms or {}
local last = #terms > 0 and tonumber(terms[#terms].until_ms)
if by == "buyer" and last and now >= last then return reply("CLOSED") end
local lines = {}
for _, line in ipairs(known.lines) do lines[line.line] = line end
for _, ask in ipairs(asked) do
  local number, amount = ask[1], ask[2]
  local line = lines[number]
  if not line then return reply("LINE_NOT_FOUND", number) end
  if line.closed or amount > line.price - line.discount - line.refunded then return reply("OVER_REFUND", number) end
end
if redis.call("XLEN", LOG) >= log_max then return reply("FULL") end

redis.call("HSET", REFUNDS, refund, fact)
local refunds = redis.call("HGET", ORDER_REFUNDS, order)
refunds = refunds and cjson.decode(refunds) or {}
refunds[refund] = 1
redis.call("HSET", ORDER_REFUNDS, order, cjson.encode(refunds))
append(record, body)
return reply("ACCEPTED")
