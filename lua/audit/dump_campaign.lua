#!lua flags=no-writes
-- A campaign for the audit: its version, its stock, and how many claims it has. dump_claims gives these in pages.
--
-- Caller:  lane::redis::dump_campaign
-- Cost:    O(1)
--
-- KEYS[1]  meta      hash  generation, log (last id), restoring
-- KEYS[2]  campaign  hash  version stock per_user opens_at closes_at expires_at last generation
-- KEYS[3]  numbers   hash  number -> claim (JSON)
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  CAMPAIGN     {…, version, stock, claims}
--   -1  NO_CAMPAIGN
-- -100  RECOVERING   missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
local terms = redis.call("HMGET", CAMPAIGN, "version", "stock")
if not terms[1] then return reply("NO_CAMPAIGN") end
return reply("CAMPAIGN", tonumber(terms[1]), tonumber(terms[2]), redis.call("HLEN", NUMBERS))
