#!lua
-- A campaign as the ledger knows it, without its claims; replaces what is there.
--
-- Caller:  lane::redis::restore_campaign
-- Cost:    O(1)
--
-- KEYS[1]  meta       hash  generation, log (last id), restoring
-- KEYS[2]  campaigns  set   campaigns of the lane
-- KEYS[3]  campaign   hash  version stock per_user opens_at closes_at expires_at last generation
-- KEYS[4]  claims     hash  claim -> number
-- KEYS[5]  numbers    hash  number -> claim (JSON)
-- KEYS[6]  claimants  hash  user -> claims
-- ARGV[1]   now_ms      integer  0 where nothing depends on it
-- ARGV[2]   generation  integer  highest the caller has seen
-- ARGV[3]   log         integer  highest log id the caller has seen
-- ARGV[4]   campaign    text
-- ARGV[5]   version     integer  the ledger's
-- ARGV[6]   stock       integer  the claimed ones included
-- ARGV[7]   per_user    integer
-- ARGV[8]   opens_at    integer  ms, 0: always
-- ARGV[9]   closes_at   integer  ms, 0: never
-- ARGV[10]  expires_at  integer  ms, 0: never
-- ARGV[11]  to          integer  the generation that was begun
-- Returns {code, generation, log, …}
--    1  DONE
-- -101  NOT_RESTORING  no rebuilding of this generation is under way; nothing was changed
-- Errors: ARITY, RANGE (a bug in the caller), SKEW (now_ms is too far from the server's time); nothing was changed
-- prologue
local campaign = ARGV[4]
local version, stock, per_user = int(5, -COUNT_MAX, COUNT_MAX), int(6, -COUNT_MAX, COUNT_MAX), int(7, -COUNT_MAX, COUNT_MAX)
local opens_at, closes_at, expires_at = int(8, 0, TIME_MAX), int(9, 0, TIME_MAX), int(10, 0, TIME_MAX)
local to = int(11, 0, COUNT_MAX)
-- include lib/restoring.lua
redis.call("UNLINK", CAMPAIGN, CLAIMS, NUMBERS, CLAIMANTS)
redis.call("SADD", CAMPAIGNS, campaign)
redis.call("HSET", CAMPAIGN, "version", text(version), "stock", text(stock), "per_user", text(per_user),
  "opens_at", text(opens_at), "closes_at", text(closes_at), "expires_at", text(expires_at),
  "generation", text(generation))
return reply("DONE")
