#!lua
-- An event as the ledger knows it, without its orders, places and spent marks; replaces what is there.
--
-- Caller:  lane::redis::restore_event
-- Cost:    O(seats)
--
-- KEYS[1]   meta           hash    generation, log (last id), restoring, begun, took
-- KEYS[2]   events         set     events of the lane
-- KEYS[3]   seats          string  one byte a seat: f h p s b
-- KEYS[4]   room           hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[5]   waiting        zset    visitor -> score
-- KEYS[6]   seen           hash    waiting visitor -> last seen, ms
-- KEYS[7]   inside         zset    visitor -> expiry, ms
-- KEYS[8]   called         set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[9]   late           zset    visitor -> when called, ms
-- KEYS[10]  back           zset    visitor -> score
-- KEYS[11]  scores         hash    visitor inside, late or back -> score, and its own end
-- KEYS[12]  spent          hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[13]  spent_draws    set     visitors of a draw who are through
-- KEYS[14]  draws_log      list    + or - and a visitor: each change of spent_draws
-- KEYS[15]  drawn          zset    who entered by a draw, all at 0: in order of their ids
-- KEYS[16]  bound          hash    visitor -> user
-- KEYS[17]  open           hash    visitor -> holds not ended
-- KEYS[18]  owners         hash    seat -> hold (h) or order (p s)
-- KEYS[19]  taken          hash    user -> seats h p s
-- KEYS[20]  holds          hash    hold -> what never changes (JSON)
-- KEYS[21]  hold_states    hash    hold -> state expires seats prices order
-- KEYS[22]  expiry         zset    held hold -> when it ends, ms
-- KEYS[23]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[24]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[25]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[26]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   event       text
-- ARGV[5]   version     integer  the ledger's
-- ARGV[6]   seats       integer  length of the string
-- ARGV[7]   settings    text     the room's, a line of words (see lib/room.lua)
-- ARGV[8]   epoch       integer  above every one given before
-- ARGV[9]   to          integer  the generation that was begun
-- ARGV[10]  recover     integer  ms, so long the room recovers once the lane is open; 0: not at all
-- ARGV[11]  round       integer  of the checkpoint; 0: there is none, and what follows is not looked at
-- ARGV[12]  serial      integer
-- ARGV[13]  admitted    integer
-- ARGV[14]  head        integer
-- ARGV[15]  drawing     integer  0 or 1
-- then     first, end: half-open ranges of blocked seats, ascending, disjoint
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
-- include lib/room.lua
-- include lib/settings.lua
-- include lib/layout.lua
local epoch, to, recover = int(8, 0, 1454), int(9, 0, COUNT_MAX), int(10, 0, TIME_MAX)
local round, serial, admitted = int(11, 0, COUNT_MAX), int(12, 0, COUNT_MAX), int(13, 0, COUNT_MAX)
local head, drawing = int(14, SCORE_MIN - 1, SCORE_MAX), int(15, 0, 1) == 1
local ranges = blocked_ranges(16, settings.seats)
-- include lib/restoring.lua
-- include lib/bucket.lua
redis.call("UNLINK", unpack(KEYS, 3))
room = new_room(settings.order, { round = 1, epoch = epoch, serial = 0, admitted = 0, units = bucket_size(settings.rate),
  filled_at = now, seat_version = generation * 4294967296 + 1 })
if recover > 0 then room.recover_until = tonumber(redis.call("HGET", META, "begun") or now) + recover end
if round > 0 then
  -- The bucket begins empty, because it is not known how many were let in since the checkpoint.
  room.round, room.serial, room.admitted, room.head, room.drawing, room.units = round, serial, admitted, head, drawing, 0
end
write_event(laid_out("", settings.seats, ranges))
return reply("DONE")
