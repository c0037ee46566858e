#!lua flags=allow-oom
-- Starts rebuilding under a new generation. From now on the lane serves nobody; its log and orders are dropped. The
-- reply names its events and campaigns, for drop_event and drop_campaign. The lease stays.
--
-- Caller:  lane::redis::begin_restore
-- Cost:    O(events + campaigns)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring, begun, took
-- KEYS[2]   events         set     events of the lane
-- KEYS[3]   campaigns      set     campaigns of the lane
-- KEYS[4]   log            stream  <n>-0: id, at, body; hold and state, or number
-- KEYS[5]   log_ids        hash    record id -> times in the log
-- KEYS[6]   orders         hash    order -> fact (JSON)
-- KEYS[7]   pending        hash    order -> pay | cancel
-- KEYS[8]   attempts       hash    order -> {attempt: digest} (JSON)
-- KEYS[9]   refunds        hash    refund -> fact (JSON)
-- KEYS[10]  order_refunds  hash    order -> {refund: 1} (JSON)
-- KEYS[11]  order_digests  hash    older rejected or refunded order -> version and digest of its request
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  to          integer  the new generation
-- ARGV[5]  last        integer  last log id given so far
-- Returns {code, generation, log, …}
--    1  BEGUN           {…, events, event, …, campaign, …}: the number of events first
--   -1  OLD_GENERATION  not above the lane's; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to, last = int(4, 1, COUNT_MAX), int(5, 0, COUNT_MAX)
local is_again = restoring and restoring ~= "sealed" and to == generation
if to <= generation and not is_again then return reply("OLD_GENERATION") end
local seen_generation, seen_log = int(2, 0, COUNT_MAX), int(3, 0, COUNT_MAX)
if to < seen_generation then return reply("OLD_GENERATION") end
-- A wiped lane is rebuilt under the generation it had. A caller that saw its log must not find it behind.
if to == seen_generation and not is_again then last = math.max(last, seen_log) end
redis.call("UNLINK", LOG, LOG_IDS, ORDERS, PENDING, ATTEMPTS, REFUNDS, ORDER_REFUNDS, ORDER_DIGESTS)
local events, campaigns = redis.call("SMEMBERS", EVENTS), redis.call("SMEMBERS", CAMPAIGNS)
-- The writer tells the lane again which events have left.
for _, field in ipairs(redis.call("HKEYS", META)) do
  if string.find(field, "^left:") then redis.call("HDEL", META, field) end
end
restoring = #events + #campaigns > 0 and "dropping" or "building"
redis.call("HSET", META, "generation", text(to), "log", text(last), "restoring", restoring, "begun", text(now))
generation, log_last = to, last
local names = { code.BEGUN, generation, log_last, #events }
for _, event in ipairs(events) do names[#names + 1] = event end
for _, campaign in ipairs(campaigns) do names[#names + 1] = campaign end
return names
