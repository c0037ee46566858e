-- What a campaign said at each of its versions: a coupon is worth what it was when it was claimed.
CREATE TABLE campaign_version (
    campaign VARCHAR(48) NOT NULL,
    version BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    PRIMARY KEY (campaign, version)
);

-- Coupons claimed until now are worth what their campaigns say now: version 0.
INSERT INTO campaign_version (campaign, version, spec) SELECT id, 0, spec FROM campaign;
INSERT INTO campaign_version (campaign, version, spec) SELECT id, version, spec FROM campaign;
ALTER TABLE coupon ADD COLUMN version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE orders ADD COLUMN coupon_version BIGINT NULL;
