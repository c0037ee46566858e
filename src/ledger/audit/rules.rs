//! The audit's rules. Each is a statement that finds the rows that break it.
//!
//! A rule selects one text column, `found`, over the keys of one page: `… > ? AND … <= ?`, the only two `?`. It never
//! names a user, only the user's moves and lots.

/// Rows of `table` in the order of `key`, and what must hold for each of them.
pub(super) struct Walk {
    pub table: &'static str,
    pub key: &'static str,
    pub rules: &'static [Rule],
}

pub(super) struct Rule {
    pub says: &'static str,
    pub finds: &'static str,
}

/// INV-3. Unique keys already forbid most violations. These rules check that the keys do their work, and that the flags
/// they depend on are set where they must be.
pub(super) const ORDERS: Walk = Walk {
    table: "orders",
    key: "id",
    rules: &[
        Rule {
            says: "a second live ticket for the seat of",
            finds: "SELECT a.id AS found FROM ticket a JOIN ticket b \
                    ON b.event = a.event AND b.seat = a.seat AND b.live = 1 AND b.id <> a.id \
                    WHERE a.live = 1 AND a.order_id > ? AND a.order_id <= ?",
        },
        Rule {
            says: "a second live order for the hold of order",
            finds: "SELECT a.id AS found FROM orders a JOIN orders b \
                    ON b.hold = a.hold AND b.live = 1 AND b.id <> a.id \
                    WHERE a.live = 1 AND a.id > ? AND a.id <= ?",
        },
        Rule {
            says: "more than one open payment attempt of order",
            finds: "SELECT order_id AS found FROM payment WHERE opened = 1 AND order_id > ? AND order_id <= ? \
                    GROUP BY order_id HAVING COUNT(*) > 1",
        },
        Rule {
            says: "an order under way or paid that is not live:",
            finds: "SELECT id AS found FROM orders WHERE live IS NULL \
                    AND status IN ('pending_payment', 'paying', 'awaiting_deposit', 'confirmed', 'partially_refunded') \
                    AND id > ? AND id <= ?",
        },
        Rule {
            says: "a live ticket of a rejected order:",
            finds: "SELECT t.id AS found FROM ticket t JOIN orders o ON o.id = t.order_id \
                    WHERE t.live = 1 AND o.status = 'rejected' AND o.id > ? AND o.id <= ?",
        },
        Rule {
            says: "a line that is not refunded, without a live ticket, in order",
            finds: "SELECT o.id AS found FROM orders o JOIN order_line l ON l.order_id = o.id \
                    WHERE o.status IN ('pending_payment', 'paying', 'awaiting_deposit', 'confirmed', 'partially_refunded') \
                    AND l.closed = 0 AND o.id > ? AND o.id <= ? AND NOT EXISTS \
                    (SELECT 1 FROM ticket t WHERE t.order_id = l.order_id AND t.line = l.line AND t.live = 1) AND NOT EXISTS \
                    (SELECT 1 FROM refund r JOIN refund_line x ON x.refund = r.id WHERE r.order_id = l.order_id \
                     AND x.line = l.line AND x.closes = 1 AND r.status = 'done')",
        },
        Rule {
            says: "a ticket that is not its line's:",
            finds: "SELECT t.id AS found FROM ticket t LEFT JOIN order_line l \
                    ON l.order_id = t.order_id AND l.line = t.line \
                    WHERE t.order_id > ? AND t.order_id <= ? AND (l.seat IS NULL OR l.seat <> t.seat)",
        },
    ],
};

/// INV-10: what an order costs, what was paid for it, what was given back.
pub(super) const MONEY: Walk = Walk {
    table: "orders",
    key: "id",
    rules: &[
        Rule {
            says: "price and booking fee are not discount + points + cash in a line of order",
            finds: "SELECT order_id AS found FROM order_line WHERE order_id > ? AND order_id <= ? \
                    AND (price + booking_fee <> discount + points + cash OR price < 0 OR booking_fee < 0 OR discount < 0 \
                    OR points < 0 OR cash < booking_fee OR vat < 0 OR vat > points + cash)",
        },
        Rule {
            says: "more refunded than paid in a line of order",
            finds: "SELECT order_id AS found FROM order_line WHERE order_id > ? AND order_id <= ? \
                    AND (refunded < 0 OR refunded > points + cash - booking_fee \
                    OR points_refunded < 0 OR points_refunded > points OR points_refunded > refunded \
                    OR refunded - points_refunded > cash - booking_fee OR earn_clawed < 0 OR earn_clawed > earn \
                    OR fee_refunded < 0 OR fee_refunded > booking_fee)",
        },
        Rule {
            says: "totals are not the sums of the lines in order",
            finds: "SELECT o.id AS found FROM orders o LEFT JOIN order_line l ON l.order_id = o.id \
                    WHERE o.id > ? AND o.id <= ? GROUP BY o.id, o.price, o.booking_fee, o.discount, o.points, o.cash, o.vat \
                    HAVING o.price <> COALESCE(SUM(l.price), 0) OR o.discount <> COALESCE(SUM(l.discount), 0) \
                    OR o.points <> COALESCE(SUM(l.points), 0) OR o.cash <> COALESCE(SUM(l.cash), 0) \
                    OR o.booking_fee <> COALESCE(SUM(l.booking_fee), 0) OR o.vat <> COALESCE(SUM(l.vat), 0)",
        },
        Rule {
            says: "a line's refunds are not what it says was refunded, in order",
            finds: "SELECT l.order_id AS found FROM order_line l LEFT JOIN \
                    (SELECT r.order_id, x.line, x.amount, x.booking_fee, x.points + x.fee_points AS points, x.earn FROM refund r \
                     JOIN refund_line x ON x.refund = r.id WHERE r.status <> 'failed') AS d \
                    ON d.order_id = l.order_id AND d.line = l.line \
                    WHERE l.order_id > ? AND l.order_id <= ? \
                    GROUP BY l.order_id, l.line, l.refunded, l.fee_refunded, l.points_refunded, l.earn_clawed \
                    HAVING l.refunded <> COALESCE(SUM(d.amount), 0) OR l.fee_refunded <> COALESCE(SUM(d.booking_fee), 0) \
                    OR l.points_refunded <> COALESCE(SUM(d.points), 0) OR l.earn_clawed <> COALESCE(SUM(d.earn), 0)",
        },
        Rule {
            says: "a refund is not the sum of its lines:",
            finds: "SELECT r.id AS found FROM refund r JOIN refund_line x ON x.refund = r.id \
                    WHERE r.order_id > ? AND r.order_id <= ? GROUP BY r.id, r.cash, r.points, r.earn, r.fee, r.booking_fee \
                    HAVING r.cash <> SUM(x.cash) OR r.points <> SUM(x.points) OR r.earn <> SUM(x.earn) \
                    OR r.booking_fee <> SUM(x.booking_fee) \
                    OR r.cash + r.points + r.fee <> SUM(x.amount) + SUM(x.booking_fee)",
        },
        Rule {
            says: "a paid order without its money captured:",
            finds: "SELECT o.id AS found FROM orders o LEFT JOIN payment p \
                    ON p.order_id = o.id AND p.status = 'captured' \
                    WHERE o.confirmed_ms IS NOT NULL AND o.id > ? AND o.id <= ? \
                    GROUP BY o.id, o.cash HAVING o.cash > COALESCE(SUM(p.amount), 0)",
        },
        Rule {
            says: "more cash given back than captured for order",
            finds: "SELECT o.id AS found FROM orders o WHERE o.id > ? AND o.id <= ? AND \
                    (SELECT COALESCE(SUM(r.cash), 0) FROM refund r WHERE r.order_id = o.id AND r.status <> 'failed') > \
                    (SELECT COALESCE(SUM(p.amount), 0) FROM payment p \
                     WHERE p.order_id = o.id AND p.status = 'captured')",
        },
        Rule {
            // A refused order shows what it would have cost and has spent nothing.
            says: "points spent are not the sum of their lots in order",
            finds: "SELECT l.order_id AS found FROM orders o JOIN order_line l ON l.order_id = o.id \
                    LEFT JOIN point_spend s ON s.order_id = l.order_id AND s.line = l.line \
                    WHERE o.id > ? AND o.id <= ? AND o.status <> 'rejected' \
                    GROUP BY l.order_id, l.line, l.points HAVING l.points <> COALESCE(SUM(s.amount), 0)",
        },
        Rule {
            says: "more points restored than spent in order",
            finds: "SELECT order_id AS found FROM point_spend WHERE order_id > ? AND order_id <= ? \
                    AND (restored < 0 OR restored > amount OR amount <= 0)",
        },
    ],
};

/// INV-10: points. Every move changes one lot, so what is left of the lots is the sum of the moves.
pub(super) const POINTS: Walk = Walk {
    table: "wallet",
    key: "user_id",
    rules: &[
        Rule {
            says: "a points balance is not the sum of its moves; the last is",
            finds: "SELECT COALESCE(MAX(m.id), 'none') AS found FROM wallet a \
                    LEFT JOIN point_move m ON m.user_id = a.user_id WHERE a.user_id > ? AND a.user_id <= ? \
                    GROUP BY a.user_id, a.balance HAVING a.balance <> COALESCE(SUM(m.amount), 0)",
        },
        Rule {
            says: "a points balance is not the sum of its lots; the last is",
            finds: "SELECT COALESCE(MAX(l.id), 'none') AS found FROM wallet a \
                    LEFT JOIN point_lot l ON l.user_id = a.user_id WHERE a.user_id > ? AND a.user_id <= ? \
                    GROUP BY a.user_id, a.balance HAVING a.balance <> COALESCE(SUM(l.remaining), 0)",
        },
        Rule {
            says: "what is left of a lot is not the sum of its moves:",
            finds: "SELECT l.id AS found FROM point_lot l LEFT JOIN point_move m \
                    ON m.user_id = l.user_id AND m.lot = l.id WHERE l.user_id > ? AND l.user_id <= ? \
                    GROUP BY l.id, l.remaining HAVING l.remaining <> COALESCE(SUM(m.amount), 0)",
        },
        Rule {
            says: "a lot holds less than nothing:",
            finds: "SELECT id AS found FROM point_lot WHERE user_id > ? AND user_id <= ? AND remaining < 0",
        },
        Rule {
            // A grant's step is the grant; its transaction is named after both.
            says: "points granted that the journal does not have; the move is",
            finds: "SELECT d.id AS found FROM (SELECT m.id, m.amount, SUBSTR(m.id, 1, INSTR(m.id, '/') - 1) AS step \
                    FROM point_move m WHERE m.user_id > ? AND m.user_id <= ? AND m.kind = 'grant') AS d \
                    WHERE d.amount + COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                    WHERE j.transaction_id = CONCAT(d.step, '.granted') AND j.account = 'points_liability'), 0) <> 0",
        },
        Rule {
            says: "points that an admin took back and the journal does not have; the correction is",
            finds: "SELECT c.id AS found FROM point_correction c WHERE c.user_id > ? AND c.user_id <= ? \
                    AND c.amount <> COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                    WHERE j.transaction_id = CONCAT(c.id, '.corrected') AND j.account = 'points_liability'), 0)",
        },
        Rule {
            // Steps that expire points are named as their transactions are.
            says: "points expired that the journal does not have; the last move is",
            finds: "SELECT d.id AS found FROM (SELECT MAX(m.id) AS id, SUM(m.amount) AS amount, \
                    SUBSTR(m.id, 1, INSTR(m.id, '/') - 1) AS step FROM point_move m \
                    WHERE m.user_id > ? AND m.user_id <= ? AND m.kind = 'expire' \
                    GROUP BY SUBSTR(m.id, 1, INSTR(m.id, '/') - 1)) AS d \
                    WHERE d.amount + COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                    WHERE j.transaction_id = d.step AND j.account = 'points_liability'), 0) <> 0",
        },
        Rule {
            says: "a wallet with a debt below zero; its last move is",
            finds: "SELECT COALESCE(MAX(m.id), 'none') AS found FROM wallet a \
                    LEFT JOIN point_move m ON m.user_id = a.user_id \
                    WHERE a.user_id > ? AND a.user_id <= ? AND a.debt < 0 GROUP BY a.user_id",
        },
    ],
};

/// INV-11.
pub(super) const CAMPAIGNS: Walk = Walk {
    table: "campaign",
    key: "id",
    rules: &[
        Rule {
            says: "more coupons claimed than issued in campaign",
            finds: "SELECT g.id AS found FROM campaign g JOIN coupon c ON c.campaign = g.id \
                    WHERE g.id > ? AND g.id <= ? GROUP BY g.id, g.stock HAVING COUNT(*) > g.stock",
        },
        Rule {
            says: "a coupon's number is not one of those issued in campaign",
            finds: "SELECT c.campaign AS found FROM coupon c JOIN campaign g ON g.id = c.campaign \
                    WHERE g.id > ? AND g.id <= ? AND (c.number < 1 OR c.number > g.stock)",
        },
        Rule {
            says: "a coupon in use whose order does not name it, campaign",
            finds: "SELECT c.campaign AS found FROM coupon c LEFT JOIN orders o ON o.id = c.order_id \
                    AND o.coupon_campaign = c.campaign AND o.coupon_number = c.number \
                    WHERE c.campaign > ? AND c.campaign <= ? AND c.state IN ('reserved', 'used') \
                    AND (o.id IS NULL OR o.status = 'rejected')",
        },
        Rule {
            says: "a coupon that is free while an order uses it, campaign",
            finds: "SELECT c.campaign AS found FROM coupon c JOIN orders o ON o.id = c.order_id \
                    WHERE c.campaign > ? AND c.campaign <= ? AND c.state = 'issued' \
                    AND o.status IN ('pending_payment', 'paying', 'awaiting_deposit', 'confirmed', 'partially_refunded')",
        },
    ],
};

#[cfg(test)]
mod tests {
    use super::super::books::{BOOKS, ENTRIES};
    use super::super::settlements::{ENTRIES_OF, PAYOUTS};
    use super::*;

    #[test]
    fn every_rule_takes_one_page() {
        for walk in [&ORDERS, &MONEY, &POINTS, &ENTRIES, &BOOKS, &CAMPAIGNS, &ENTRIES_OF, &PAYOUTS] {
            for rule in walk.rules {
                assert_eq!(rule.finds.matches('?').count(), 2, "{}", rule.says);
                assert!(rule.finds.contains(" > ? AND ") && rule.finds.contains(" AS found "), "{}", rule.says);
            }
        }
    }
}
