-- Rooms as they stood about a second ago: what a lost lane's rooms are rebuilt from.
-- `at_ms` is also the version: a save names the one it was made over.
CREATE TABLE room_checkpoint (
    event VARCHAR(48) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    round BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    admitted_total BIGINT NOT NULL,
    head BIGINT NOT NULL,
    drawing BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE TABLE room_inside (
    event VARCHAR(48) NOT NULL,
    visitor VARCHAR(128) NOT NULL,
    score BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    claimed BIGINT NOT NULL,
    PRIMARY KEY (event, visitor)
);

-- The scores that are through, 1,024 a row, as hex.
CREATE TABLE room_spent (
    event VARCHAR(48) NOT NULL,
    chunk BIGINT NOT NULL,
    bits VARCHAR(256) NOT NULL,
    PRIMARY KEY (event, chunk)
);

CREATE TABLE room_spent_draw (
    event VARCHAR(48) NOT NULL,
    visitor VARCHAR(128) NOT NULL,
    PRIMARY KEY (event, visitor)
);
