-- Seals the lane, which then serves nobody until it is rebuilt from the ledger. `what` names what is missing, for the
-- writer's log message.
local function lose(what)
  redis.call("HSET", META, "restoring", "sealed", "lost", what)
  return reply("RECOVERING")
end
