#!lua
-- Puts the holder of a live pass back inside a recovering room, until the pass is over.
--
-- Caller:  lane::redis::readmit
-- Cost:    O(log places)
--
-- KEYS[1]   meta         hash  generation, log (last id), restoring
-- KEYS[2]   room         hash  version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   waiting      zset  visitor -> score
-- KEYS[4]   seen         hash  waiting visitor -> last seen, ms
-- KEYS[5]   inside       zset  visitor -> expiry, ms
-- KEYS[6]   called       set   visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[7]   late         zset  visitor -> when called, ms
-- KEYS[8]   back         zset  visitor -> score
-- KEYS[9]   scores       hash  visitor inside, late or back -> score, and its own end
-- KEYS[10]  spent        hash  score / 1024 -> 128 bytes, a bit a score
-- KEYS[11]  spent_draws  set   visitors of a draw who are through
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  visitor     text
-- ARGV[5]  score       integer  -2^46 to 10^14 - 1
-- ARGV[6]  round       integer
-- ARGV[7]  until       integer  ms
-- Returns {code, generation, log, …}
--    1  INSIDE      now, or was
--   -1  OUTSIDE     not recovering, through, over, full, or no such event; nothing was changed
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local visitor, token_score, round = ARGV[4], int(5, SCORE_MIN, SCORE_MAX), int(6, -COUNT_MAX, COUNT_MAX)
local expires = int(7, 0, TIME_MAX)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("OUTSIDE") end
-- include lib/places.lua
local where, number = place_of(visitor)
if where == "inside" then return reply(number > now and "INSIDE" or "OUTSIDE") end
if mode_in_force() ~= "recovering"
  or expires <= now
  or round ~= room.round
  or is_spent(visitor, token_score)
  or redis.call("ZCARD", INSIDE) >= room.capacity
then
  return reply("OUTSIDE")
end
if where then remove(visitor, where) end
put_inside(visitor, token_score, expires)
return reply("INSIDE")
