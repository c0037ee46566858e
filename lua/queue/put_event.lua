#!lua
-- Creates an event or changes its layout and room, all or nothing. Never frees a seat that is held, paying or sold.
-- A room that was set to closed and is now set to another mode begins a new round.
--
-- Caller:  lane::redis::put_event
-- Cost:    O(seats + places when a round ends)
--
-- KEYS[1]   meta         hash    generation, log (last id), restoring
-- KEYS[2]   events       set     events of the lane
-- KEYS[3]   seats        string  one byte a seat: f h p s b
-- KEYS[4]   room         hash    version; settings, counters, seats (see lib/room.lua)
-- KEYS[5]   waiting      zset    visitor -> score
-- KEYS[6]   seen         hash    waiting visitor -> last seen, ms
-- KEYS[7]   inside       zset    visitor -> expiry, ms
-- KEYS[8]   called       set     visitors inside who have not claimed it; with ! before it: the second call
-- KEYS[9]   late         zset    visitor -> when called, ms
-- KEYS[10]  back         zset    visitor -> score
-- KEYS[11]  scores       hash    visitor inside, late or back -> score, and its own end
-- KEYS[12]  spent        hash    score / 1024 -> 128 bytes, a bit a score
-- KEYS[13]  spent_draws  set     visitors of a draw who are through
-- KEYS[14]  draws_log    list    + or - and a visitor: each change of spent_draws
-- KEYS[15]  drawn        zset    who entered by a draw, all at 0: in order of their ids
-- KEYS[16]  owners       hash    seat -> hold (h) or order (p s)
-- KEYS[17]  bound        hash    visitor -> user
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  event       text
-- ARGV[5]  version     integer  the ledger's
-- ARGV[6]  seats       integer  length of the string
-- ARGV[7]  settings    text     the room's, a line of words (see lib/room.lua)
-- ARGV[8]  returned    integer  1: only a rebuilding may bring it here
-- then     first, end: half-open ranges of blocked seats, ascending, disjoint
-- Returns {code, generation, log, …}
--    1  DONE
--   -1  STALE        {…, version}: the lane has this newer one
--   -2  SEATS_TAKEN  {…, seat, seat}: to be blocked but held, paying or sold; 20 at most
--   -3  MISSING      not here, and only a rebuilding may bring it
-- -100  RECOVERING   missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
-- include lib/room.lua
-- include lib/settings.lua
-- include lib/layout.lua
local returned = int(8, 0, 1)
local ranges = blocked_ranges(9, settings.seats)
-- include lib/open.lua
-- include lib/bucket.lua
-- include lib/whole.lua
-- include lib/lost.lua
if not room.version and redis.call("SISMEMBER", EVENTS, event) == 1 then return lose("the room of " .. event) end
if not room.version then
  -- Only the ledger still knows what was sold. An event put here without its seats' owners would sell them again.
  local left = tonumber(redis.call("HGET", META, "left:" .. event) or nil)
  if left and settings.version <= left then return reply("STALE", left) end
  if left or returned == 1 then return reply("MISSING") end
end
if room.version and not seats_are_whole() then return lose("seats of " .. event) end
local before = redis.call("GET", SEATS) or ""
if room.version then
  if settings.version < room.version then return reply("STALE", room.version) end
  if settings.seats < #before then error({ err = "RANGE a seat string never gets shorter" }) end
  local taken = {}
  for _, range in ipairs(ranges) do
    local at = string.find(before, "[hps]", range[1] + 1)
    while at and at <= range[2] and #taken < 20 do
      taken[#taken + 1] = at - 1
      at = string.find(before, "[hps]", at + 1)
    end
  end
  if #taken > 0 then return reply("SEATS_TAKEN", unpack(taken)) end
end

if not room.version then
  room = new_room(settings.order, { round = 1, epoch = 1, serial = 0, admitted = 0, filled_at = now,
    units = bucket_size(settings.rate), seat_version = generation * 4294967296 })
else
  if room.mode == "closed" and settings.mode ~= "closed" then
    room.round, room.epoch, room.head = room.round + 1, room.epoch + 1, NO_HEAD
    room.drawing = settings.order == "lottery"
    redis.call("UNLINK", WAITING, SEEN, INSIDE, CALLED, LATE, BACK, SCORES, SPENT, SPENT_DRAWS, DRAWS_LOG, DRAWN, BOUND)
    take_log_id()
  else
    -- A drawing is over when its room is no longer scheduled, but not while the room recovers: its visitors are still
    -- coming back.
    local in_force = mode_in_force()
    local is_over = room.drawing and in_force ~= "scheduled" and in_force ~= "recovering"
    if is_over then room.drawing = false end
    if is_over or (settings.mode == "closed" and room.mode ~= "closed") then take_log_id() end
  end
  -- Up to now the bucket fills at the old rate; the new rate counts from here on.
  room.units, room.filled_at = filled()
end
local after = laid_out(before, settings.seats, ranges)
if after ~= before then room.seat_version = room.seat_version + 1 end
write_event(after)
return reply("DONE")
