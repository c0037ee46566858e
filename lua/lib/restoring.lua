-- Only between the drop of the old lane and the end of the rebuilding.
if is_behind or restoring ~= "building" then return reply("NOT_RESTORING") end
