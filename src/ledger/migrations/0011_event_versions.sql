-- Specs that an event had before its present one. Its lane has one of them until it has taken the newest.
CREATE TABLE event_version (
    event VARCHAR(48) NOT NULL,
    version BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    PRIMARY KEY (event, version)
);
