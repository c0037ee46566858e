-- Checks the arguments: their number, and that whole numbers are in range. A breach is a bug in the caller; the error
-- ends the script before anything is written.
local TIME_MAX, COUNT_MAX = 99999999999999, 9007199254740991
local SCORE_MIN, SCORE_MAX = -70368744177664, 99999999999999

local function arity(keys, args)
  if #KEYS ~= keys or #ARGV ~= args then error({ err = "ARITY" }) end
end

local function arity_from(keys, args)
  if #KEYS ~= keys or #ARGV < args then error({ err = "ARITY" }) end
end

local function whole(word, low, high, at)
  local digits = string.match(word or "", "^%-?%d+$")
  local n = digits and tonumber(digits)
  if not n or n < low or n > high then error({ err = "RANGE argument " .. at }) end
  return n
end

local function int(at, low, high)
  return whole(ARGV[at], low, high, at)
end

-- Splits one argument into words: `each` words for a thing, at most `max` things. Thousands of separate arguments would
-- cost the caller more than the work that is done on them.
local function words(at, each, max)
  local found = {}
  for word in string.gmatch(ARGV[at], "%S+") do found[#found + 1] = word end
  if #found % each ~= 0 or #found > each * max then error({ err = "ARITY" }) end
  return found
end

-- How many things an argument list has from `first` on, `each` arguments a thing, at most `max` things.
local function things(first, each, max)
  local n = (#ARGV - first + 1) / each
  if n < 1 or n > max or n ~= math.floor(n) then error({ err = "ARITY" }) end
  return n
end

-- A whole number as text, exact where `..` and tostring would round (above 10^14).
local function text(n)
  return string.format("%.0f", n)
end
