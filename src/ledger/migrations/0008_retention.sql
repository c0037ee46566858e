-- What is forgotten when nobody can ask for it any more is found by its age.
CREATE INDEX record_done_age ON record_done (lane, done_ms);
CREATE INDEX outbox_sent ON outbox (sent_ms);

-- When a version came into force; those of before are as old as can be.
ALTER TABLE campaign_version ADD COLUMN since_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX coupon_version ON coupon (campaign, version);
