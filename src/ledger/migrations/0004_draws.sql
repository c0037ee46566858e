-- What an event's draws are made from, hex; events of before have none and no draw.
ALTER TABLE event ADD COLUMN draw_key VARCHAR(64) NOT NULL DEFAULT '';

-- Who took part in a round's draw, as it stood at the opening. Never changed.
CREATE TABLE room_draw (
    event VARCHAR(48) NOT NULL,
    round BIGINT NOT NULL,
    list_digest VARCHAR(64) NOT NULL,
    visitors BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (event, round)
);

-- The sorted ids, one a line, at most 5,000 a part; parts count from 0.
CREATE TABLE room_draw_part (
    event VARCHAR(48) NOT NULL,
    round BIGINT NOT NULL,
    part BIGINT NOT NULL,
    body MEDIUMTEXT NOT NULL,
    PRIMARY KEY (event, round, part)
);
