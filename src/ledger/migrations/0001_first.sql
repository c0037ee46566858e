-- The book of record. One SQL text for SQLite, MariaDB and MySQL: integers and text, ids and times made
-- by the program, times in ms since the epoch, amounts in minor units.
-- A column that is 1 or NULL makes its unique key a guard over live rows only.

CREATE TABLE lane (
    lane BIGINT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    log_last BIGINT NOT NULL,
    epoch BIGINT NOT NULL
);

-- Versioned by `version`; `seq` grows over all events, so that gateways fetch what changed.
CREATE TABLE event (
    id VARCHAR(48) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    version BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    layout MEDIUMTEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX event_seq ON event (seq);

CREATE TABLE campaign (
    id VARCHAR(48) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    version BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    stock BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX campaign_seq ON campaign (seq);

CREATE TABLE coupon (
    campaign VARCHAR(48) NOT NULL,
    number BIGINT NOT NULL,
    user_id VARCHAR(128) NOT NULL,
    claim VARCHAR(40) NULL,
    digest VARCHAR(64) NULL,
    state VARCHAR(16) NOT NULL,
    order_id VARCHAR(40) NULL,
    claimed_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    PRIMARY KEY (campaign, number)
);
CREATE INDEX coupon_user ON coupon (user_id, campaign, number);

CREATE TABLE orders (
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    event VARCHAR(48) NOT NULL,
    user_id VARCHAR(128) NOT NULL,
    hold VARCHAR(40) NOT NULL,
    live BIGINT NULL,
    visitor VARCHAR(128) NOT NULL,
    digest VARCHAR(64) NOT NULL,
    status VARCHAR(24) NOT NULL,
    reason VARCHAR(32) NULL,
    version BIGINT NOT NULL,
    currency VARCHAR(8) NOT NULL,
    price BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    points BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    coupon_campaign VARCHAR(48) NULL,
    coupon_number BIGINT NULL,
    earn_bp BIGINT NOT NULL,
    fee_bp BIGINT NOT NULL,
    terms TEXT NOT NULL,
    placed_ms BIGINT NOT NULL,
    confirmed_ms BIGINT NULL,
    deadline_ms BIGINT NOT NULL,
    hold_created_ms BIGINT NOT NULL,
    held_until_ms BIGINT NULL,
    CONSTRAINT orders_live_hold UNIQUE (hold, live)
);
CREATE INDEX orders_user ON orders (user_id, placed_ms, id);
CREATE INDEX orders_event ON orders (event, status);
CREATE INDEX orders_lane ON orders (lane, status, deadline_ms);

CREATE TABLE order_line (
    order_id VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    seat BIGINT NOT NULL,
    price BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    points BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    earn BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    points_refunded BIGINT NOT NULL,
    earn_clawed BIGINT NOT NULL,
    closed BIGINT NOT NULL,
    PRIMARY KEY (order_id, line)
);

-- The last guard: one live ticket a seat, whatever failed before.
CREATE TABLE ticket (
    id VARCHAR(48) NOT NULL PRIMARY KEY,
    event VARCHAR(48) NOT NULL,
    seat BIGINT NOT NULL,
    live BIGINT NULL,
    order_id VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    user_id VARCHAR(128) NOT NULL,
    state VARCHAR(16) NOT NULL,
    issued_ms BIGINT NOT NULL,
    CONSTRAINT ticket_live_seat UNIQUE (event, seat, live)
);
CREATE INDEX ticket_order ON ticket (order_id);
CREATE INDEX ticket_user ON ticket (user_id, id);

-- One open attempt an order: `opened` is 1 until a definite answer.
CREATE TABLE payment (
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    order_id VARCHAR(40) NOT NULL,
    lane BIGINT NOT NULL,
    opened BIGINT NULL,
    provider VARCHAR(32) NOT NULL,
    pay_key VARCHAR(255) NOT NULL,
    amount BIGINT NOT NULL,
    status VARCHAR(16) NOT NULL,
    detail VARCHAR(255) NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    CONSTRAINT payment_open UNIQUE (order_id, opened)
);
CREATE INDEX payment_lane ON payment (lane, opened, created_ms);

-- `lines_of` empty and `order_id` rejected: money that came after the end, sent back whole.
CREATE TABLE refund (
    id VARCHAR(40) NOT NULL PRIMARY KEY,
    order_id VARCHAR(40) NOT NULL,
    lane BIGINT NOT NULL,
    opened BIGINT NULL,
    attempt VARCHAR(40) NULL,
    digest VARCHAR(64) NOT NULL,
    status VARCHAR(16) NOT NULL,
    reason VARCHAR(255) NOT NULL,
    failure VARCHAR(255) NULL,
    cash BIGINT NOT NULL,
    points BIGINT NOT NULL,
    earn BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    requested_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX refund_order ON refund (order_id);
CREATE INDEX refund_lane ON refund (lane, opened, requested_ms);

-- amount = cash + points + the fee's part; fee_points: what of that part came from points.
CREATE TABLE refund_line (
    refund VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    points BIGINT NOT NULL,
    earn BIGINT NOT NULL,
    fee_points BIGINT NOT NULL,
    closes BIGINT NOT NULL,
    PRIMARY KEY (refund, line)
);

CREATE TABLE record_done (
    id VARCHAR(96) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    log BIGINT NOT NULL,
    order_id VARCHAR(40) NULL,
    outcome VARCHAR(64) NOT NULL,
    done_ms BIGINT NOT NULL
);

CREATE TABLE dead_letter (
    id VARCHAR(96) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    log BIGINT NOT NULL,
    order_id VARCHAR(40) NULL,
    at_ms BIGINT NOT NULL,
    entry MEDIUMTEXT NOT NULL,
    error TEXT NOT NULL,
    died_ms BIGINT NOT NULL
);
CREATE INDEX dead_letter_order ON dead_letter (order_id);
CREATE INDEX dead_letter_lane ON dead_letter (lane, log);

-- Points. A balance is the sum of the moves; the lots are what is left of it.
CREATE TABLE account (
    user_id VARCHAR(128) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    debt BIGINT NOT NULL
);

CREATE TABLE point_lot (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    origin VARCHAR(16) NOT NULL,
    granted BIGINT NOT NULL,
    remaining BIGINT NOT NULL,
    usable_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    created_ms BIGINT NOT NULL,
    order_id VARCHAR(40) NULL,
    line BIGINT NULL
);
CREATE INDEX point_lot_user ON point_lot (user_id, expires_ms);
CREATE INDEX point_lot_order ON point_lot (order_id, line);

-- Which lot paid for which line: line × lot.
CREATE TABLE point_spend (
    order_id VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    lot VARCHAR(64) NOT NULL,
    seq BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    restored BIGINT NOT NULL,
    spent_ms BIGINT NOT NULL,
    PRIMARY KEY (order_id, line, lot)
);

-- Append-only.
CREATE TABLE point_move (
    id VARCHAR(96) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    at_ms BIGINT NOT NULL,
    kind VARCHAR(16) NOT NULL,
    amount BIGINT NOT NULL,
    lot VARCHAR(64) NULL,
    order_id VARCHAR(40) NULL,
    refund VARCHAR(40) NULL,
    digest VARCHAR(64) NULL,
    reason VARCHAR(255) NULL
);
CREATE INDEX point_move_user ON point_move (user_id, at_ms, id);

-- Double entry: the amounts of one transaction sum to zero.
CREATE TABLE journal_entry (
    transaction_id VARCHAR(96) NOT NULL,
    entry BIGINT NOT NULL,
    account VARCHAR(96) NOT NULL,
    amount BIGINT NOT NULL,
    currency VARCHAR(8) NOT NULL,
    order_id VARCHAR(40) NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (transaction_id, entry)
);
CREATE INDEX journal_order ON journal_entry (order_id);

-- Facts on their way out, written with what they tell of.
CREATE TABLE outbox (
    id VARCHAR(96) NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    body TEXT NOT NULL,
    sent_ms BIGINT NULL
);
CREATE INDEX outbox_unsent ON outbox (sent_ms, at_ms);

-- Numbers given in commit order.
CREATE TABLE counter (
    name VARCHAR(32) NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('catalog', 0);
