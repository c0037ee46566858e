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
-- KEYS[21]  marks          hash    hold -> state expires seats prices order
-- KEYS[22]  expiry         zset    held hold -> when it ends, ms
-- KEYS[23]  ended          zset    ended hold -> when it is dropped, ms
-- KEYS[24]  recent_holds   hash    user -> the last twenty of their ended holds
-- KEYS[25]  hold_digests   hash    older ended hold -> digest of its request
-- KEYS[26]  recent_orders  hash    user -> the last twenty of their rejected or refunded orders
-- ARGV[1]   now_ms        integer  0 where nothing depends on it
-- ARGV[2]   generation    integer  highest the caller has seen
-- ARGV[3]   log           integer  highest log id the caller has seen
-- ARGV[4]   event         text
-- ARGV[5]   version       integer  the ledger's
-- ARGV[6]   seats         integer  length of the string
-- ARGV[7]   mode          text     scheduled open paused drain closed
-- ARGV[8]   opens_at      integer  ms, 0: none
-- ARGV[9]   closes_at     integer  ms, 0: none
-- ARGV[10]  capacity      integer
-- ARGV[11]  rate          integer  admissions a minute
-- ARGV[12]  pass_ttl      integer  s
-- ARGV[13]  claim_ttl     integer  s
-- ARGV[14]  absent_after  integer  s
-- ARGV[15]  late_grace    integer  s
-- ARGV[16]  release_on    text     order exit
-- ARGV[17]  order         text     fifo lottery
-- ARGV[18]  control       text     fixed adaptive
-- ARGV[19]  epoch         integer  above every one given before
-- ARGV[20]  to            integer  the generation that was begun
-- ARGV[21]  recover       integer  ms, so long the room recovers once the lane is open; 0: not at all
-- ARGV[22]  round         integer  of the checkpoint; 0: there is none, and what follows is not looked at
-- ARGV[23]  serial        integer
-- ARGV[24]  admitted      integer
-- ARGV[25]  head          integer
-- ARGV[26]  drawing       integer  0 or 1
-- then     first, end: half-open ranges of blocked seats, ascending, disjoint
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
-- include lib/settings.lua
-- include lib/room.lua
-- include lib/layout.lua
local epoch, to, recover = int(19, 0, 1454), int(20, 0, COUNT_MAX), int(21, 0, TIME_MAX)
local round, serial, admitted = int(22, 0, COUNT_MAX), int(23, 0, COUNT_MAX), int(24, 0, COUNT_MAX)
local head, drawing = int(25, SCORE_MIN - 1, SCORE_MAX), int(26, 0, 1) == 1
local ranges = blocked_ranges(27, settings.seats)
-- include lib/restoring.lua
-- include lib/bucket.lua
redis.call("UNLINK", unpack(KEYS, 3))
room = new_room({ round = 1, epoch = epoch, serial = 0, admitted = 0, units = bucket_size(settings.rate),
  filled_at = now, seat_version = generation * 4294967296 + 1 })
if recover > 0 then room.recover_until = tonumber(redis.call("HGET", META, "begun") or now) + recover end
if round > 0 then
  -- The bucket begins empty, because it is not known how many were let in since the checkpoint.
  room.round, room.serial, room.admitted, room.head, room.drawing, room.units = round, serial, admitted, head, drawing, 0
end
write_event(laid_out("", settings.seats, ranges))
return reply("DONE")
