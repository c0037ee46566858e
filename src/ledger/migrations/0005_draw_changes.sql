-- How many changes of spent draws of this round room_spent_draw has, as the lane counts them.
ALTER TABLE room_checkpoint ADD COLUMN draws_upto BIGINT NOT NULL DEFAULT 0;
