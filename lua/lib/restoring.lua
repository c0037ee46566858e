-- A script that restores runs only between the drop of the old lane and the end of the rebuilding, and only for the
-- caller that rebuilds this generation (`to`). A caller that was overtaken must not write into the next rebuilding.
if is_behind or restoring ~= "building" or to ~= generation then return reply("NOT_RESTORING") end
