-- The lane is lost: nobody is answered until it is rebuilt from the ledger. `what` is for the log.
local function lose(what)
  redis.call("HSET", META, "restoring", "sealed", "lost", what)
  return reply("RECOVERING")
end
