#!lua
-- Places inside and spent marks of a restored event, some at a time; replaces those of the same visitors and chunks.
-- The spent draws are not put into draws_log, because the ledger has them already.
--
-- Caller:  lane::redis::restore_event
-- Cost:    O(places + chunks + draws)
--
-- KEYS[1]  meta         hash  generation, log (last id), restoring
-- KEYS[2]  inside       zset  visitor -> expiry, ms
-- KEYS[3]  called       set   visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[4]  scores       hash  visitor inside, late or back -> score, and its own end
-- KEYS[5]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[6]  spent_draws  set   visitors of a draw who are through
-- KEYS[7]  drawn        zset  who entered by a draw, all at 0: in order of their ids
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  to          integer  the generation that was begun
-- ARGV[5]  places      integer  how many follow
-- ARGV[6]  chunks      integer  how many follow them
-- ARGV[7]  drawing     integer  1: who is inside by a draw is among the drawn
-- then     visitor, score, expiry, state (0 called, 1 claimed, 2 called again), own end (0: its expiry) of each place;
--          chunk, bits of each chunk; visitors of spent draws
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local to, places, chunks = int(4, 0, COUNT_MAX), int(5, 0, 100000), int(6, 0, 100000)
local drawing = int(7, 0, 1) == 1
local first_chunk = 8 + 5 * places
local first_draw = first_chunk + 2 * chunks
if #ARGV < first_draw - 1 then error({ err = "ARITY" }) end
for at = 8, first_chunk - 1, 5 do
  int(at + 1, SCORE_MIN, SCORE_MAX)
  int(at + 2, 0, TIME_MAX)
  int(at + 3, 0, 2)
  int(at + 4, 0, TIME_MAX)
end
for at = first_chunk, first_draw - 1, 2 do
  int(at, 0, COUNT_MAX)
  if #ARGV[at + 1] ~= 128 then error({ err = "RANGE argument " .. at + 1 }) end
end
-- include lib/restoring.lua
for at = 8, first_chunk - 1, 5 do
  local visitor, score, state, own_end = ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 4]
  redis.call("ZADD", INSIDE, ARGV[at + 2], visitor)
  redis.call("HSET", SCORES, visitor, own_end == "0" and score or score .. " " .. own_end)
  redis.call("SREM", CALLED, visitor, "!" .. visitor)
  if state ~= "1" then redis.call("SADD", CALLED, visitor) end
  if state == "2" then redis.call("SADD", CALLED, "!" .. visitor) end
  if drawing and tonumber(ARGV[at + 1]) < 0 then redis.call("ZADD", DRAWN, 0, visitor) end
end
for at = first_chunk, first_draw - 1, 2 do redis.call("HSET", SPENT, ARGV[at], ARGV[at + 1]) end
for at = first_draw, #ARGV do redis.call("SADD", SPENT_DRAWS, ARGV[at]) end
return reply("DONE")
