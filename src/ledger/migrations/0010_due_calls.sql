-- An open call is made, or asked after, at this time: the longest due first.
ALTER TABLE payment ADD COLUMN due_ms BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refund ADD COLUMN due_ms BIGINT NOT NULL DEFAULT 0;
CREATE INDEX payment_due ON payment (lane, opened, due_ms);
CREATE INDEX refund_due ON refund (lane, opened, due_ms);
DROP INDEX payment_lane ON payment;
DROP INDEX refund_lane ON refund;
