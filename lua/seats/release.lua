#!lua flags=allow-oom
-- Gives a held hold back.
--
-- Caller:  lane::redis::release
-- Cost:    O(seats of the hold)
--
-- KEYS[1]   meta          hash    generation, log (last id), restoring
-- KEYS[2]   room          hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[3]   open          hash    visitor -> holds not ended
-- KEYS[4]   seats         string  one byte a seat: f h p s b
-- KEYS[5]   owners        hash    seat -> hold (h) or order (p s)
-- KEYS[6]   taken         hash    user -> seats h p s
-- KEYS[7]   holds         hash    hold -> what never changes (JSON)
-- KEYS[8]   hold_states   hash    hold -> state expires seats prices order
-- KEYS[9]   expiry        zset    held hold -> when it ends, ms
-- KEYS[10]  ended         zset    ended hold -> when it is dropped, ms
-- KEYS[11]  recent_holds  hash    user -> the last twenty of their ended holds
-- KEYS[12]  hold_digests  hash    older ended hold -> digest of its request
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  hold        text
-- ARGV[5]  user        text
-- Returns {code, generation, log, …}
--    1  RELEASED
--    2  ENDED       released or expired before; nothing was changed
--   -1  ORDERED
--   -2  NOT_OWNER
--   -3  NOT_FOUND
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local hold, user = ARGV[4], ARGV[5]
-- include lib/open.lua
-- include lib/room.lua
-- include lib/seats.lua
-- include lib/hold_states.lua
-- include lib/recent.lua
-- include lib/holds.lua
local changing, fact = read_hold_state(hold), redis.call("HGET", HOLDS, hold)
if not changing or not fact then return reply("NOT_FOUND") end
if cjson.decode(fact).user ~= user then return reply("NOT_OWNER") end
if changing.state == "o" then return reply("ORDERED") end
if changing.state ~= "h" or changing.expires <= now then return reply("ENDED") end
end_hold(hold, "r")
count_seats()
return reply("RELEASED")
