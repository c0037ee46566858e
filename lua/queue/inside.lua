#!lua flags=no-writes
-- When this visitor's place inside expires.
--
-- Caller:  lane::redis::inside
-- Cost:    O(1)
--
-- KEYS[1]  meta    hash  generation, log (last id), restoring
-- KEYS[2]  inside  zset  visitor -> expiry, ms
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  visitor     text
-- Returns {code, generation, log, …}
--    1  INSIDE      {…, expires}
--   -1  OUTSIDE     not inside, or past its time
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
-- include lib/open.lua
local expires = tonumber(redis.call("ZSCORE", INSIDE, ARGV[4]) or nil)
if not expires or expires <= now then return reply("OUTSIDE") end
return reply("INSIDE", expires)
