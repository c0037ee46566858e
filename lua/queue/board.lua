#!lua flags=no-writes
-- The board that gateways answer polls from: the scores of the first `exact` who wait, then the rank and the score of
-- each knot. Each knot's rank is 1 % (at least 1) above the rank of the knot before; the last who waits is a knot too.
--
-- Caller:  lane::redis::board
-- Cost:    O(exact + log places · (1 + 100 · log(places / exact)))
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  room     hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]  waiting  zset  visitor -> score
-- KEYS[4]  inside   zset  visitor -> expiry, ms
-- KEYS[5]  late     zset  visitor -> when called, ms
-- KEYS[6]  back     zset  visitor -> score
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  exact       integer  scores of the first so many, 1 to 2,000
-- Returns {code, generation, log, …}
--    1  BOARD       {…, counts as room.lua gives them, head, back, n, n·score, then rank and score of each knot}
--                   head: the highest score called in this round; back: how many wait who came late
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local exact = int(4, 1, 2000)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/line.lua
local board = reply("BOARD", counts(mode_in_force()))
local function put(value) board[#board + 1] = value end

put(room.head)
put(redis.call("ZCARD", BACK))
local first = redis.call("ZRANGE", WAITING, 0, exact - 1, "WITHSCORES")
put(#first / 2)
for i = 2, #first, 2 do put(first[i]) end

local last = redis.call("ZCARD", WAITING) - 1
local rank = exact
while rank <= last do
  put(rank)
  put(redis.call("ZRANGE", WAITING, rank, rank, "WITHSCORES")[2])
  if rank == last then break end
  rank = math.min(last, math.max(rank + 1, math.floor(rank * 101 / 100)))
end
return board
