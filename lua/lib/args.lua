-- Arguments as they must be: their number, and whole numbers in range. A breach is a bug in the caller;
-- the error leaves the script before anything was written.
local TIME_MAX, COUNT_MAX = 99999999999999, 9007199254740991
local SCORE_MIN, SCORE_MAX = -70368744177664, 99999999999999

local function arity(keys, args)
  if #KEYS ~= keys or #ARGV ~= args then error({ err = "ARITY" }) end
end

local function arity_from(keys, args)
  if #KEYS ~= keys or #ARGV < args then error({ err = "ARITY" }) end
end

local function int(at, low, high)
  local digits = string.match(ARGV[at] or "", "^%-?%d+$")
  local n = digits and tonumber(digits)
  if not n or n < low or n > high then error({ err = "RANGE argument " .. at }) end
  return n
end

-- A whole number as text, exact where `..` and tostring would round (above 10^14).
local function text(n)
  return string.format("%.0f", n)
end
