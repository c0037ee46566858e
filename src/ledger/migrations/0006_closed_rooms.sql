-- The room's round was over: one that is not closed any more begins the next.
ALTER TABLE room_checkpoint ADD COLUMN closed BIGINT NOT NULL DEFAULT 0;
