//! INV-10: the journal is balanced, and says of each order what its payments, refunds and points say.

use super::rules::{Rule, Walk};

/// Double entry.
pub(super) const ENTRIES: Walk = Walk {
    table: "journal_entry",
    key: "transaction_id",
    rules: &[Rule {
        says: "a journal transaction does not sum to zero:",
        finds: "SELECT transaction_id AS found FROM journal_entry \
                WHERE transaction_id > ? AND transaction_id <= ? \
                GROUP BY transaction_id, currency HAVING SUM(amount) <> 0",
    }],
};

/// What an order's entries must sum to, account by account.
pub(super) const BOOKS: Walk = Walk {
    table: "orders",
    key: "id",
    rules: &[
        Rule {
            // Each provider by itself: what its attempts captured, less what refunds of these attempts sent back.
            says: "the journal's money of a provider is not what it captured and gave back, in order",
            finds: "SELECT p.order_id AS found FROM payment p WHERE p.order_id > ? AND p.order_id <= ? \
                    GROUP BY p.order_id, p.provider \
                    HAVING SUM(CASE WHEN p.status = 'captured' THEN p.amount ELSE 0 END) \
                    - COALESCE((SELECT SUM(r.cash) FROM refund r JOIN payment q ON q.id = r.attempt \
                        WHERE r.order_id = p.order_id AND q.provider = p.provider AND r.status = 'done'), 0) \
                    <> COALESCE((SELECT SUM(j.amount) FROM journal_entry j WHERE j.order_id = p.order_id \
                        AND j.account LIKE 'provider_receivable:%' AND SUBSTR(j.account, 21) = p.provider), 0)",
        },
        Rule {
            says: "the journal has money of a provider that was never asked, in order",
            finds: "SELECT o.id AS found FROM orders o JOIN journal_entry j \
                    ON j.order_id = o.id AND j.account LIKE 'provider_receivable:%' \
                    WHERE o.id > ? AND o.id <= ? AND NOT EXISTS (SELECT 1 FROM payment p \
                    WHERE p.order_id = o.id AND p.provider = SUBSTR(j.account, 21))",
        },
        Rule {
            says: "the journal's points in orders are not those of the unpaid order",
            finds: "SELECT o.id AS found FROM orders o WHERE o.id > ? AND o.id <= ? \
                    AND COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                        WHERE j.order_id = o.id AND j.account = 'points_in_orders'), 0) \
                    <> CASE WHEN o.status IN ('pending_payment', 'paying', 'awaiting_deposit') THEN -o.points ELSE 0 END",
        },
        Rule {
            says: "the journal's pending refunds are not the points of open refunds, in order",
            finds: "SELECT o.id AS found FROM orders o WHERE o.id > ? AND o.id <= ? \
                    AND COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                        WHERE j.order_id = o.id AND j.account = 'refunds_pending'), 0) \
                    <> COALESCE((SELECT SUM(r.points) FROM refund r WHERE r.order_id = o.id AND r.opened = 1), 0)",
        },
        Rule {
            // Late money has a refund without lines.
            says: "the journal's money in suspense is not the late money that is still here, in order",
            finds: "SELECT o.id AS found FROM orders o WHERE o.id > ? AND o.id <= ? \
                    AND COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                        WHERE j.order_id = o.id AND j.account = 'deposits_in_suspense'), 0) \
                    <> -COALESCE((SELECT SUM(r.cash) FROM refund r WHERE r.order_id = o.id AND r.status <> 'done' \
                        AND NOT EXISTS (SELECT 1 FROM refund_line x WHERE x.refund = r.id)), 0)",
        },
        Rule {
            // Spent points leave what users hold, points of refunds and unpaid orders come back, earned points are added.
            says: "the journal's points are not those that the order spent, restored, earned and took back:",
            finds: "SELECT o.id AS found FROM orders o LEFT JOIN order_line l ON l.order_id = o.id \
                    WHERE o.id > ? AND o.id <= ? GROUP BY o.id, o.points, o.status, o.confirmed_ms \
                    HAVING COALESCE((SELECT SUM(j.amount) FROM journal_entry j \
                        WHERE j.order_id = o.id AND j.account = 'points_liability'), 0) <> \
                    CASE WHEN o.status = 'rejected' THEN 0 ELSE o.points END \
                    - COALESCE((SELECT SUM(r.points) FROM refund r WHERE r.order_id = o.id AND r.status <> 'failed'), 0) \
                    - CASE WHEN o.confirmed_ms IS NULL THEN 0 ELSE COALESCE(SUM(l.earn - l.earn_clawed), 0) END",
        },
        Rule {
            says: "the journal owes the organizer not what tickets cost, less coupons and refunds, in order",
            finds: "SELECT o.id AS found FROM orders o WHERE o.id > ? AND o.id <= ? \
                    AND COALESCE((SELECT SUM(j.amount) FROM journal_entry j WHERE j.order_id = o.id \
                        AND (j.account LIKE 'organizer_payable:%' OR j.account IN ('fee_revenue', 'vat_payable', 'coupon_expense'))), 0) \
                    <> CASE WHEN o.confirmed_ms IS NULL THEN 0 ELSE -(o.points + o.cash) END \
                    + COALESCE((SELECT SUM(r.cash + r.points) FROM refund r WHERE r.order_id = o.id AND r.status = 'done' \
                        AND EXISTS (SELECT 1 FROM refund_line x WHERE x.refund = r.id)), 0)",
        },
        Rule {
            says: "what an organizer is owed has no tickets, so no settlement would have it: order",
            finds: "SELECT o.id AS found FROM orders o JOIN journal_entry j ON j.order_id = o.id \
                    WHERE o.id > ? AND o.id <= ? AND j.account LIKE 'organizer_payable:%' AND NOT EXISTS \
                    (SELECT 1 FROM journal_entry t WHERE t.transaction_id = j.transaction_id \
                     AND t.account LIKE 'organizer_payable:%:tickets')",
        },
        Rule {
            says: "an entry of the journal is in another currency than its order:",
            finds: "SELECT o.id AS found FROM orders o JOIN journal_entry j ON j.order_id = o.id \
                    WHERE o.id > ? AND o.id <= ? AND j.currency <> o.currency",
        },
    ],
};
