-- Nothing is read or sold in a lane that is missing, behind or being rebuilt.
if is_behind or restoring then return reply("RECOVERING") end
