#!lua flags=no-writes
-- Some claims of a campaign for the audit, by number. None is ever dropped or renumbered.
--
-- Caller:  lane::redis::dump_campaign
-- Cost:    O(claims of the page)
--
-- KEYS[1]  meta     hash  generation, log (last id), restoring
-- KEYS[2]  numbers  hash  number -> claim (JSON)
-- ARGV[1]  now_ms      integer  0 where nothing depends on it
-- ARGV[2]  generation  integer  highest the caller has seen
-- ARGV[3]  log         integer  highest log id the caller has seen
-- ARGV[4]  first       integer
-- ARGV[5]  page        integer  claims, 1 to 1,000
-- Returns {code, generation, log, …}
--    1  CLAIMS      {…, number, claim, number, claim, …}
-- -100  RECOVERING  missing, behind the caller's marks, or being rebuilt; nothing was read
-- Errors: ARITY, RANGE (a bug in the caller; nothing was changed)
-- prologue
local first, page = int(4, 0, COUNT_MAX), int(5, 1, 1000)
-- include lib/open.lua
local found = { code.CLAIMS, generation, log_last }
for number = first, first + page - 1 do
  local claim = redis.call("HGET", NUMBERS, text(number))
  if claim then
    found[#found + 1] = number
    found[#found + 1] = claim
  end
end
return found
