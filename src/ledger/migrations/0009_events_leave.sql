-- An event whose time is over leaves its lane: it is away until it is put again. One that ever left comes back by a
-- rebuilding alone.
ALTER TABLE event ADD COLUMN away BIGINT NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN times_left BIGINT NOT NULL DEFAULT 0;
