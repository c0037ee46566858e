#!lua
-- A visitor's present place. Marks the visitor seen, claims or ends their place inside, and brings a late visitor back.
-- Puts back a visitor who is in no set, when the token is of this round and not spent.
--
-- Caller:  lane::redis::poll
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
-- KEYS[12]  draws_log    list  + or - and a visitor: each change of spent_draws
-- KEYS[13]  drawn        zset  who entered by a draw, all at 0: in order of their ids
-- KEYS[14]  bound        hash  visitor -> user
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  visitor     text
-- ARGV[5]  score       integer  -2^46 to 10^14 - 1
-- ARGV[6]  round       integer
-- Returns {code, generation, log, …}
--    1  PLACE       {…, state, value, counts}: see enter; also 4 done, 5 closed
--   -1  NO_EVENT
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local visitor, token_score = ARGV[4], int(5, SCORE_MIN, SCORE_MAX)
local round = int(6, -COUNT_MAX, COUNT_MAX)
-- include lib/open.lua
-- include lib/room.lua
if not room.version then return reply("NO_EVENT") end
-- include lib/line.lua
-- include lib/places.lua
-- include lib/stand.lua
local mode = mode_in_force()
local state, value = DONE, 0
if round == room.round then
  if mode == "closed" then
    state = SHUT
  elseif not is_spent(visitor, token_score) then
    local where, number, score = place_of(visitor)
    if where then
      state, value = stand(visitor, where, number, score, mode)
      -- The place was spent just now. After this mark, a lane that is set back to an earlier state counts as behind.
      if state == DONE then take_log_id() end
    else
      put_back(visitor, token_score)
      state, value = waits(visitor, mode)
    end
  end
end
return reply("PLACE", state, value, counts(mode))
