#!lua flags=allow-oom
-- Closes the doors of a lane that is about to be rebuilt; its log can still be read, to the end. A lane
-- never built or being rebuilt is left alone.
--
-- Caller:  lane::redis::seal
-- Cost:    O(1)
--
-- KEYS[1]  meta  hash  generation, log (last id), restoring
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- Returns {code, generation, log, …}
--    1  DONE
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
local META = unpack(KEYS)
local code = { DONE = 1 }
-- include lib/args.lua
arity(1, 3)
-- include lib/marks.lua
if generation > 0 and not restoring then redis.call("HSET", META, "restoring", "sealed") end
return reply("DONE")
