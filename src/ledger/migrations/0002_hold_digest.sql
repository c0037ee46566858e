-- The digest of the request that made an order's hold, so that a rebuilt lane answers its repeats.
-- Orders of before have none: what they say of a repeat is IDEMPOTENCY_KEY_REUSED.
ALTER TABLE orders ADD COLUMN hold_digest VARCHAR(64) NOT NULL DEFAULT '';
