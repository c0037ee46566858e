-- The end of holds. An ended hold is kept for KEEP ms: the last twenty of a user whole, of an older one only the digest
-- of its request, so that a repeat of the request is recognized.

local function keep_ended(hold, user)
  redis.call("ZADD", ENDED, text(now + KEEP), hold)
  local oldest = note_ended(RECENT_HOLDS, user, hold)
  local fact = oldest and redis.call("HGET", HOLDS, oldest)
  if not fact then return end
  redis.call("HSET", HOLD_DIGESTS, oldest, cjson.decode(fact).digest)
  redis.call("HDEL", HOLDS, oldest)
  redis.call("HDEL", HOLD_STATES, oldest)
end

-- Ends a held hold: its seats become free, its user has that many seats less, and its visitor one open hold less.
local function end_hold(hold, state)
  local changing, fact = read_hold_state(hold), cjson.decode(redis.call("HGET", HOLDS, hold))
  local freed = 0
  for index in string.gmatch(changing.seats, "%d+") do
    if is_owner(index, hold) then
      put_seat(index, "f")
      freed = freed + 1
    end
  end
  changing.state = state
  write_hold_state(hold, changing)
  redis.call("ZREM", EXPIRY, hold)
  add(TAKEN, fact.user, -freed)
  add(OPEN, fact.visitor, -1)
  keep_ended(hold, fact.user)
end
