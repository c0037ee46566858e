#!lua flags=no-writes
-- What the ledger keeps of a room: counters, places inside and spent scores. Those who wait are left out, because their
-- places are in their tokens. Of the spent draws, only the changes since the ledger was last told.
--
-- Caller:  lane::redis::checkpoint
-- Cost:    O(inside + entries / 1024 + max)
--
-- KEYS[1]  meta         hash  generation, log (last id), restoring
-- KEYS[2]  room         hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  inside       zset  visitor -> expiry, ms
-- KEYS[4]  called       set   visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[5]  scores       hash  visitor inside, late or back -> score, and its own end
-- KEYS[6]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[7]  spent_draws  set   visitors of a draw who are through
-- KEYS[8]  draws_log    list  + or - and a visitor: each change of spent_draws
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  round       integer  the round whose draws the ledger was told of
-- ARGV[5]  told        integer  how many of its changes
-- ARGV[6]  max         integer  most changes to tell now, 1 to 5,000
-- Returns {code, generation, log, …}
--    1  CHECKPOINT  {…, round, epoch, serial, admitted, head, drawing (0 or 1), closed (0 or 1), inside, called,
--                   scores, spent, draws spent, changes told with these, more (0 or 1), changes}
--                   inside: visitor, expiry of each; called: as the set; scores: in the order of inside, each with its own end; spent: chunk,
--                   bits of each; more: the ledger has to ask again; changes: as in draws_log
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local round, told, max = int(4, 0, COUNT_MAX), int(5, 0, COUNT_MAX), int(6, 1, 5000)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
local inside, scores = redis.call("ZRANGE", INSIDE, 0, -1, "WITHSCORES"), {}
-- At most 2,000 names in one call, because unpack puts them all on Lua's stack.
for first = 1, #inside, 4000 do
  local names = {}
  for at = first, math.min(first + 3999, #inside), 2 do names[#names + 1] = inside[at] end
  for _, score in ipairs(redis.call("HMGET", SCORES, unpack(names))) do
    scores[#scores + 1] = score
  end
end
local changes = redis.call("LLEN", DRAWS_LOG)
-- If the ledger was told of another round, or of more changes than there are, the changes begin at the first.
if round ~= room.round or told > changes then told = 0 end
local upto = math.min(told + max, changes)
return reply("CHECKPOINT", room.round, room.epoch, room.serial, room.admitted, room.head, room.drawing and 1 or 0,
  room.mode == "closed" and 1 or 0, inside, redis.call("SMEMBERS", CALLED), scores, redis.call("HGETALL", SPENT), redis.call("SCARD", SPENT_DRAWS),
  upto, upto < changes and 1 or 0, redis.call("LRANGE", DRAWS_LOG, told, told + max - 1))
