-- The last twenty ended holds (or orders) of a user stay whole. `list` is a hash: user -> their ids, oldest first,
-- separated by blanks.
local RECENT_MAX = 20

-- Notes the id of an ended hold or order; returns the user's oldest id when there are now more than twenty.
local function note_ended(list, user, id)
  local ids = redis.call("HGET", list, user)
  if ids and string.find(" " .. ids .. " ", " " .. id .. " ", 1, true) then return nil end
  ids = ids and ids .. " " .. id or id
  local _, blanks = string.gsub(ids, " ", "")
  local oldest
  if blanks >= RECENT_MAX then oldest, ids = string.match(ids, "^(%S+) (.*)$") end
  redis.call("HSET", list, user, ids)
  return oldest
end

local function forget_ended(list, user, id)
  local ids = redis.call("HGET", list, user)
  if not ids then return end
  local left = {}
  for other in string.gmatch(ids, "%S+") do
    if other ~= id then left[#left + 1] = other end
  end
  if #left > 0 then
    redis.call("HSET", list, user, table.concat(left, " "))
  else
    redis.call("HDEL", list, user)
  end
end
