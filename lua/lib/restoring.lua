-- Only between the drop of the old lane and the end of the rebuilding, and only for who rebuilds this
-- generation (`to`): one who was overtaken must not write into what the next one rebuilds.
if is_behind or restoring ~= "building" or to ~= generation then return reply("NOT_RESTORING") end
