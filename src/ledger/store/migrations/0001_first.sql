-- The book of record. One SQL text for SQLite, MariaDB and MySQL: integers and text. The program makes ids and times; times
-- are ms since the epoch, amounts are minor units.
-- A column that is 1 or NULL makes its unique key a guard over live rows only.

CREATE TABLE lane (
    lane BIGINT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    log_last BIGINT NOT NULL,
    epoch BIGINT NOT NULL
);

-- `seq` grows with every change of any event or campaign, so that gateways fetch only what changed. `draw_key`: hex, what the
-- draws are made from. `away`: the event has left its lane until it is put again; an event that ever left comes back by a
-- rebuilding alone.
CREATE TABLE event (
    id VARCHAR(48) NOT NULL PRIMARY KEY,
    lane BIGINT NOT NULL,
    version BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    layout MEDIUMTEXT NOT NULL,
    draw_key VARCHAR(64) NOT NULL DEFAULT '',
    away BIGINT NOT NULL DEFAULT 0,
    times_left BIGINT NOT NULL DEFAULT 0,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);
CREATE INDEX event_seq ON event (seq);

-- Specs that an event had before its present one. Its lane has one of them until it has taken the newest.
CREATE TABLE event_version (
    event VARCHAR(48) NOT NULL,
    version BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    PRIMARY KEY (event, version)
);

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

-- What a campaign said at each of its versions: a coupon is worth what it was when it was claimed.
CREATE TABLE campaign_version (
    campaign VARCHAR(48) NOT NULL,
    version BIGINT NOT NULL,
    spec MEDIUMTEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    PRIMARY KEY (campaign, version)
);

CREATE TABLE coupon (
    campaign VARCHAR(48) NOT NULL,
    number BIGINT NOT NULL,
    user_id VARCHAR(128) NOT NULL,
    version BIGINT NOT NULL,
    claim VARCHAR(40) NULL,
    digest VARCHAR(64) NULL,
    state VARCHAR(16) NOT NULL,
    order_id VARCHAR(40) NULL,
    claimed_ms BIGINT NOT NULL,
    expires_ms BIGINT NULL,
    PRIMARY KEY (campaign, number)
);
CREATE INDEX coupon_user ON coupon (user_id, campaign, number);
CREATE INDEX coupon_version ON coupon (campaign, version);

-- `hold_digest`: of the request that made the order's hold, so that a rebuilt lane answers its repeats. `undone`: how often
-- a bank took its deposit back.
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
    booking_fee BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    points BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    vat BIGINT NOT NULL,
    coupon_campaign VARCHAR(48) NULL,
    coupon_number BIGINT NULL,
    coupon_version BIGINT NULL,
    earn_bp BIGINT NOT NULL,
    fee_bp BIGINT NOT NULL,
    terms TEXT NOT NULL,
    placed_ms BIGINT NOT NULL,
    confirmed_ms BIGINT NULL,
    deadline_ms BIGINT NOT NULL,
    hold_created_ms BIGINT NOT NULL,
    hold_digest VARCHAR(64) NOT NULL,
    held_until_ms BIGINT NULL,
    undone BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT orders_live_hold UNIQUE (hold, live)
);
CREATE INDEX orders_user ON orders (user_id, placed_ms, id);
CREATE INDEX orders_event ON orders (event, status);
CREATE INDEX orders_lane ON orders (lane, status, deadline_ms);

CREATE TABLE order_line (
    order_id VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    seat BIGINT NOT NULL,
    ticket_type VARCHAR(48) NOT NULL,
    price BIGINT NOT NULL,
    booking_fee BIGINT NOT NULL,
    discount BIGINT NOT NULL,
    points BIGINT NOT NULL,
    cash BIGINT NOT NULL,
    earn BIGINT NOT NULL,
    vat BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    fee_refunded BIGINT NOT NULL,
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

-- One open attempt an order: `opened` is 1 until a definite answer. At `due_ms` the call is made, or asked after.
-- `waits_for`: why the call was put off, for an operator. `deposit_until_ms`: it is a deposit, and the money must be there by
-- then. `deposit`: the account that the buyer pays into.
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
    due_ms BIGINT NOT NULL,
    waits_for VARCHAR(255) NULL,
    deposit_until_ms BIGINT NULL,
    deposit VARCHAR(1024) NULL,
    CONSTRAINT payment_open UNIQUE (order_id, opened)
);
CREATE INDEX payment_provider ON payment (provider, created_ms);
CREATE INDEX payment_due ON payment (lane, opened, due_ms);

-- Attempts that have their answer, and about which their provider says that something happened. At `due_ms` it is asked.
CREATE TABLE payment_hint (
    attempt VARCHAR(40) NOT NULL PRIMARY KEY,
    order_id VARCHAR(40) NOT NULL,
    lane BIGINT NOT NULL,
    due_ms BIGINT NOT NULL
);
CREATE INDEX payment_hint_order ON payment_hint (order_id);
CREATE INDEX payment_hint_due ON payment_hint (lane, due_ms);

-- A refund without lines sends back an attempt whose money came too late. `account`: where the money of a deposit goes,
-- sealed; only until it is there. `accounts`: how many the buyer has named that were wrong.
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
    booking_fee BIGINT NOT NULL,
    requested_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    due_ms BIGINT NOT NULL,
    waits_for VARCHAR(255) NULL,
    account VARCHAR(1024) NULL,
    accounts BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refund_order ON refund (order_id);
CREATE INDEX refund_due ON refund (lane, opened, due_ms);

-- amount + booking_fee = cash + points + the cancellation fee's part; fee_points: what of that part came from points.
CREATE TABLE refund_line (
    refund VARCHAR(40) NOT NULL,
    line BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    booking_fee BIGINT NOT NULL,
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
CREATE INDEX record_done_age ON record_done (lane, done_ms);

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

-- Points. A balance is the sum of the moves; the lots are what is left of it. `lapse_ms`: no points expire before this time;
-- NULL: none will.
CREATE TABLE wallet (
    user_id VARCHAR(128) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    balance BIGINT NOT NULL,
    debt BIGINT NOT NULL,
    lapse_ms BIGINT NULL
);
CREATE INDEX wallet_lapse ON wallet (lapse_ms);

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

-- Points that an admin took back.
CREATE TABLE point_correction (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    user_id VARCHAR(128) NOT NULL,
    amount BIGINT NOT NULL,
    digest VARCHAR(64) NOT NULL,
    reason VARCHAR(255) NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX point_correction_user ON point_correction (user_id);

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
CREATE INDEX journal_account ON journal_entry (account, at_ms);

-- What an organizer is owed for one month. `reached_ms`: while it is being closed, how far its entries are written down.
CREATE TABLE settlement (
    id VARCHAR(64) NOT NULL PRIMARY KEY,
    organizer VARCHAR(48) NOT NULL,
    period VARCHAR(8) NOT NULL,
    state VARCHAR(16) NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    currency VARCHAR(8) NOT NULL,
    early BIGINT NOT NULL,
    reached_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    entries BIGINT NOT NULL DEFAULT 0,
    tickets BIGINT NOT NULL DEFAULT 0,
    coupons BIGINT NOT NULL DEFAULT 0,
    platform_fee BIGINT NOT NULL DEFAULT 0,
    cancellation_fees BIGINT NOT NULL DEFAULT 0,
    closed_ms BIGINT NULL,
    paid_ms BIGINT NULL,
    reference VARCHAR(255) NULL
);
CREATE INDEX settlement_of ON settlement (organizer, period);
CREATE INDEX settlement_state ON settlement (state);

-- Which of the journal's transactions stand in which settlement. The key lets none stand in two.
CREATE TABLE settlement_entry (
    transaction_id VARCHAR(96) NOT NULL PRIMARY KEY,
    settlement VARCHAR(64) NOT NULL,
    at_ms BIGINT NOT NULL
);
CREATE INDEX settlement_entry_of ON settlement_entry (settlement, at_ms, transaction_id);

-- Told in the transaction that it tells of, and gone when its deliveries are made. `seq` rises in the order of the lane's
-- commits, because outbox_head's row is held until the commit.
CREATE TABLE outbox_head (
    lane BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

CREATE TABLE outbox (
    lane BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    told MEDIUMTEXT NOT NULL,
    PRIMARY KEY (lane, seq)
);

-- What was told last of a room: its mode, and whether everything is sold.
CREATE TABLE room_told (
    event VARCHAR(48) NOT NULL PRIMARY KEY,
    mode VARCHAR(16) NOT NULL,
    sold_out BIGINT NOT NULL
);

CREATE TABLE subscription (
    name VARCHAR(48) NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    url VARCHAR(2048) NOT NULL,
    secrets TEXT NOT NULL,
    types TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

-- `ord`: the notice's place in its lane. `next_ms`: when it is due; of one that has ended: when it ended.
CREATE TABLE delivery (
    subscription VARCHAR(48) NOT NULL,
    id VARCHAR(64) NOT NULL,
    lane BIGINT NOT NULL,
    ord BIGINT NOT NULL,
    about VARCHAR(160) NOT NULL,
    kind VARCHAR(48) NOT NULL,
    body MEDIUMTEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    state VARCHAR(16) NOT NULL,
    attempts BIGINT NOT NULL,
    next_ms BIGINT NOT NULL,
    status BIGINT NULL,
    detail VARCHAR(255) NULL,
    PRIMARY KEY (subscription, id)
);
CREATE INDEX delivery_due ON delivery (subscription, lane, state, ord, next_ms);
CREATE INDEX delivery_about ON delivery (subscription, about, state, ord);
CREATE INDEX delivery_listed ON delivery (subscription, state, at_ms, id);
CREATE INDEX delivery_old ON delivery (lane, state, at_ms);

-- Rooms as they stood about a second ago: a lost lane's rooms are rebuilt from them. `at_ms` is also the version: a save names
-- the one it was made over. `draws_upto`: how many changes of this round's spent draws room_spent_draw has, as the lane counts
-- them. `closed`: the round is over.
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
    closed BIGINT NOT NULL,
    draws_upto BIGINT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE TABLE room_inside (
    event VARCHAR(48) NOT NULL,
    visitor VARCHAR(128) NOT NULL,
    score BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    -- 0: called, 1: claimed, 2: called a second time.
    claimed BIGINT NOT NULL,
    -- The place's own end, when it differs from expires_ms.
    ends_ms BIGINT NULL,
    PRIMARY KEY (event, visitor)
);

-- The spent scores, 1,024 a row, as hex.
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

-- Who took part in a round's draw, as the list was at the opening. A row is never changed.
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

-- Numbers given in commit order.
CREATE TABLE counter (
    name VARCHAR(32) NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counter (name, value) VALUES ('catalog', 0);
