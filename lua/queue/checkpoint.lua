#!lua flags=no-writes
-- What the ledger keeps of a room: counters, places inside, who is through. Not who waits: their places
-- are in their tokens.
--
-- Caller:  lane::redis::checkpoint
-- Cost:    O(inside + entries / 1024 + spent draws)
--
-- KEYS[1]  meta         hash  generation, log (last id), restoring
-- KEYS[2]  room         hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  inside       zset  visitor -> expiry, ms
-- KEYS[4]  called       set   visitors inside who have not claimed it
-- KEYS[5]  scores       hash  visitor inside, late or back -> score
-- KEYS[6]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[7]  spent_draws  set   visitors of a draw who are through
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  CHECKPOINT  {…, round, epoch, serial, admitted, head, drawing (0 or 1), inside, called, scores, spent, spent_draws}: lists; inside of visitor, expiry; scores in its order; spent of chunk, bits
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
local META, ROOM, INSIDE, CALLED, SCORES, SPENT, SPENT_DRAWS = unpack(KEYS)
local code = { CHECKPOINT = 1, NO_EVENT = -1, RECOVERING = -100 }
-- include lib/args.lua
arity(7, 3)
-- include lib/marks.lua
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
local inside, scores = redis.call("ZRANGE", INSIDE, 0, -1, "WITHSCORES"), {}
-- As many at once as fit the stack.
for first = 1, #inside, 4000 do
  local names = {}
  for at = first, math.min(first + 3999, #inside), 2 do names[#names + 1] = inside[at] end
  for _, score in ipairs(redis.call("HMGET", SCORES, unpack(names))) do scores[#scores + 1] = score end
end
return reply("CHECKPOINT", room.round, room.epoch, room.serial, room.admitted, room.head, room.drawing and 1 or 0,
  inside, redis.call("SMEMBERS", CALLED), scores, redis.call("HGETALL", SPENT), redis.call("SMEMBERS", SPENT_DRAWS))
