//! Reads of the ledger: rows as facts, lists in pages, and what a rebuild and an audit are given.

use stanchion::facts::coupon::CouponChoice;
use stanchion::facts::ids::{CouponRef, EventId, OrderId, RefundId, UserId};
use stanchion::facts::order::{OrderStatus, Reason, TicketState};
use stanchion::facts::refund::RefundStatus;
use stanchion::facts::seat::SeatState;
use stanchion::ledger::Ledger;
use stanchion::ledger::read::{Cursor, OrderFilter};
use stanchion::ledger::store::sql::{self, Value};

use crate::ledger::rows::{on_both, paid_order, run};

on_both! {
    an_order_is_a_fact
    lists_are_pages
    a_user_sees_tickets_coupons_and_points
    a_quote_is_given_what_is_free
    a_quote_counts_every_lot
    a_lane_can_be_rebuilt
    a_sound_ledger_has_no_violations
    what_breaks_an_invariant_is_found
}

async fn an_order_is_a_fact(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let order = ledger.order(&OrderId::from("o01a")).await.expect("reads").expect("is there");
    assert_eq!((order.status, order.reason, order.version), (OrderStatus::Confirmed, None, 4));
    assert_eq!(order.coupon.as_deref(), Some("spring.1.1"));
    let total = order.total.expect("it has been priced");
    assert_eq!((total.price, total.discount, total.points, total.cash), (20_000, 2_000, 1_000, 17_000));
    let lines: Vec<_> = order
        .lines
        .iter()
        .map(|l| (l.line, l.seat, l.cash, l.refunded, l.closed, l.ticket.as_ref().map(|t| (t.id.as_str(), t.state))))
        .collect();
    assert_eq!(
        lines,
        [
            (1, 7, 8_500, 0, false, Some(("t1", TicketState::Valid))),
            (2, 8, 8_500, 9_000, true, Some(("t2", TicketState::Suspended))),
        ]
    );
    let payment = order.payment.expect("attempts");
    assert_eq!(
        (payment.status.as_str(), payment.attempts, payment.captured, payment.cancelled),
        ("captured", 2, 17_000, 0)
    );
    assert_eq!((order.placed_ms, order.confirmed_ms, order.deadline_ms), (100, Some(200), 900));

    let ended = ledger.order(&OrderId::from("o01b")).await.expect("reads").expect("is there");
    assert_eq!((ended.status, ended.reason), (OrderStatus::Rejected, Some(Reason::PaymentExpired)));
    assert!(ended.lines[0].ticket.is_none() && ended.payment.is_none());
    assert_eq!(ledger.order(&OrderId::from("none")).await.expect("reads"), None);

    let refund = ledger.refund(&RefundId::from("r1")).await.expect("reads").expect("is there");
    assert_eq!(
        (refund.status, refund.cash, refund.points_restored, refund.earn_clawed, refund.fee),
        (RefundStatus::Sent, 7_600, 500, 85, 900)
    );
    assert_eq!((refund.lines.len(), refund.lines[0].amount, refund.lines[0].line), (1, 9_000, 2));
    let of_order = ledger.refunds_of(&OrderId::from("o01a")).await.expect("reads");
    assert_eq!(of_order, std::slice::from_ref(&refund));

    run(ledger, "UPDATE refund SET status = 'done', opened = NULL").await.expect("a change");
    let order = ledger.order(&OrderId::from("o01a")).await.expect("reads").expect("is there");
    assert_eq!(order.payment.expect("attempts").cancelled, 7_600);
    run(ledger, "UPDATE orders SET status = 'strange'").await.expect("a change");
    let error = ledger.order(&OrderId::from("o01a")).await.expect_err("no such status");
    assert!(error.to_string().starts_with("orders.status of o01a is not readable"), "{error}");
}

async fn lists_are_pages(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let ids = |filter: OrderFilter, limit| async move {
        let (mut ids, mut after): (Vec<String>, Option<Cursor>) = (Vec::new(), None);
        loop {
            let page = ledger.orders_where(filter.clone(), after, limit).await.expect("reads");
            assert!(page.items.len() <= limit as usize);
            ids.extend(page.items.into_iter().map(|order| order.id.into_string()));
            after = match page.next {
                // A client sends the cursor back as text.
                Some(next) => Some(Cursor::parse(&next.to_string()).expect("a cursor")),
                None => return ids,
            }
        }
    };
    for limit in [1, 2, 3, 50] {
        assert_eq!(ids(OrderFilter::default(), limit).await, ["o01c", "o01b", "o01a"]);
    }
    let of = |user: &str, status| OrderFilter { user: Some(user.into()), event: Some("hall".into()), status };
    assert_eq!(ids(of("kim", None), 1).await, ["o01b", "o01a"]);
    assert_eq!(ids(of("kim", Some(OrderStatus::Confirmed)), 1).await, ["o01a"]);
    assert!(ids(OrderFilter { event: Some(EventId::from("arena")), ..OrderFilter::default() }, 1).await.is_empty());
    let page = ledger.orders_of(&UserId::from("lee"), None, 50).await.expect("reads");
    assert_eq!((page.items.len(), page.next), (1, None));
}

async fn a_user_sees_tickets_coupons_and_points(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let kim = UserId::from("kim");
    let first = ledger.tickets_of(&kim, None, 1).await.expect("reads");
    let rest = ledger.tickets_of(&kim, first.next, 1).await.expect("reads");
    let tickets: Vec<_> = first.items.iter().chain(&rest.items).map(|t| (t.id.as_str(), t.seat, t.state)).collect();
    assert_eq!(tickets, [("t1", 7, TicketState::Valid), ("t2", 8, TicketState::Suspended)]);
    assert_eq!(rest.next, None);
    assert!(
        ledger.tickets_of(&UserId::from("lee"), None, 9).await.expect("reads").items.is_empty(),
        "an order that is not paid has no tickets"
    );

    let coupons = |after, limit| ledger.coupons_of(&kim, after, limit, 1_000);
    let first = coupons(None, 1).await.expect("reads");
    let rest = coupons(first.next, 5).await.expect("reads");
    let states: Vec<_> = first.items.iter().chain(&rest.items).map(|c| (c.coupon.number, c.state.as_str())).collect();
    assert_eq!(states, [(1, "used"), (2, "expired")]);
    assert_eq!(rest.items[0].spec.percent_bp, Some(1_000));

    let points = ledger.points(&kim, 300).await.expect("reads");
    assert_eq!((points.balance, points.debt), (585, 0));
    assert_eq!(
        points.lots.iter().map(|l| (l.id.as_str(), l.remaining)).collect::<Vec<_>>(),
        [("e/001", 85), ("g/001", 500)]
    );
    let nobody = ledger.points(&UserId::from("nobody"), 300).await.expect("reads");
    assert_eq!((nobody.balance, nobody.lots.len()), (0, 0));
}

async fn a_quote_is_given_what_is_free(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let kim = UserId::from("kim");
    let best = ledger.quote_inputs(&kim, &CouponChoice::Best, 999).await.expect("reads");
    assert_eq!((best.usable, best.coupons.len(), best.campaigns.len()), (585, 1, 1));
    assert_eq!(best.coupons[0].coupon.number, 2);
    let late = ledger.quote_inputs(&kim, &CouponChoice::Best, 1_000).await.expect("reads");
    assert!(late.coupons.is_empty());
    // The 85 earned points are usable from 200 on.
    assert_eq!(ledger.quote_inputs(&kim, &CouponChoice::None, 199).await.expect("reads").usable, 500);
    for (number, taken) in [(1, true), (2, false), (3, true), (4, false)] {
        let one = CouponChoice::One(CouponRef { campaign: "spring".into(), number, version: 1 });
        let inputs = ledger.quote_inputs(&kim, &one, 300).await.expect("reads");
        assert_eq!((inputs.taken, inputs.campaigns.len()), (taken, 1), "{number}");
    }
}

/// A quote counts all of a user's lots, because the writer spends from all of them.
async fn a_quote_counts_every_lot(ledger: &Ledger) {
    let columns = ["id", "user_id", "origin", "granted", "remaining", "usable_ms", "expires_ms", "created_ms"];
    let lot = |n: i64, usable_ms: i64, expires_ms: Value| -> Vec<Value> {
        let id = format!("g/{n:03}");
        vec![
            id.into(),
            "lee".into(),
            "grant".into(),
            2i64.into(),
            2i64.into(),
            usable_ms.into(),
            expires_ms,
            0i64.into(),
        ]
    };
    let mut lots: Vec<_> = (0..300).map(|n| lot(n, 10, Value::Null)).collect();
    lots.extend([lot(300, 11, Value::Null), lot(301, 10, 10i64.into()), lot(302, 10, 11i64.into())]);
    let put =
        ledger.transaction(move |tx| Box::pin(async move { sql::insert(tx, "point_lot", &columns, &lots).await }));
    put.await.expect("rows");
    let lee = UserId::from("lee");
    assert_eq!(ledger.quote_inputs(&lee, &CouponChoice::None, 10).await.expect("reads").usable, 602);
}

async fn a_lane_can_be_rebuilt(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    let orders = ledger.live_orders(&EventId::from("hall")).await.expect("reads");
    assert_eq!(orders.iter().map(|o| o.fact.id.as_str()).collect::<Vec<_>>(), ["o01a", "o01c"]);
    assert_eq!(orders[0].seats, [(7, SeatState::Sold), (8, SeatState::Sold)]);
    assert_eq!(orders[1].seats, [(9, SeatState::Paying)]);
    let hold = &orders[0].hold;
    assert_eq!(
        (hold.id.as_str(), hold.visitor.as_str(), hold.order.as_ref()),
        ("h01a", "v1", Some(&OrderId::from("o01a")))
    );
    assert_eq!((&hold.seats[..], &hold.prices[..], hold.created_ms), (&[7, 8][..], &[10_000, 10_000][..], 50));

    let claims = ledger.claims(&"spring".into()).await.expect("reads");
    let claims: Vec<_> = claims.iter().map(|c| (c.number, c.user.as_str(), c.claim.as_str())).collect();
    assert_eq!(claims, [(1, "kim", "k011"), (2, "kim", "k012"), (3, "lee", "")]);
    assert_eq!(ledger.claimed(&"spring".into()).await.expect("reads").len(), 3);

    let seats = ledger.live_seats(&EventId::from("hall")).await.expect("reads");
    let seats: Vec<_> = seats.iter().map(|s| (s.seat, s.order.as_str(), s.status)).collect();
    let (paid, open) = (OrderStatus::Confirmed, OrderStatus::PendingPayment);
    assert_eq!(seats, [(7, "o01a", paid), (8, "o01a", paid), (9, "o01c", open)]);
    let known = ledger.known_orders(&["o01a".into(), "o09z".into()]).await.expect("reads");
    assert_eq!((known.versions.len(), known.versions["o01a"], known.dead.len()), (1, 4, 0));
}

async fn violations(ledger: &Ledger) -> Vec<String> {
    let mut found = ledger.audit_orders().await.expect("audits").violations;
    found.extend(ledger.audit_money().await.expect("audits").violations);
    found.extend(ledger.audit_coupons().await.expect("audits").violations);
    found
}

/// The columns of an order that was cancelled before it cost anything, without `id`, `hold` and `placed_ms`.
const ENDED: &str =
    "1, 'arena', 'lee', 'v', 'd', 'rejected', 'CANCELLED', 1, 'KRW', 0, 0, 0, 0, 0, 0, 1, 1, '{}', 1, 1, ''";

async fn a_sound_ledger_has_no_violations(ledger: &Ledger) {
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    paid_order(ledger).await.expect("rows");
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    assert_eq!(ledger.audit_orders().await.expect("audits").checked, 3);
    // More orders than one page: the audit reads every page.
    let rows: Vec<String> = (0..2_500)
        .map(|n| {
            let (hold, placed) = (format!("x{n:05}"), n);
            format!("('{hold}', '{hold}', {placed}, {ENDED})")
        })
        .collect();
    let more = format!(
        "INSERT INTO orders (id, hold, placed_ms, lane, event, user_id, visitor, digest, status, reason, version, \
         currency, price, booking_fee, discount, points, cash, vat, earn_bp, fee_bp, terms, deadline_ms, hold_created_ms, \
         hold_digest) VALUES {}",
        rows.join(", ")
    );
    run(ledger, more).await.expect("rows");
    assert_eq!(violations(ledger).await, Vec::<String>::new());
    assert_eq!(ledger.audit_orders().await.expect("audits").checked, 2_503);
}

async fn what_breaks_an_invariant_is_found(ledger: &Ledger) {
    paid_order(ledger).await.expect("rows");
    // Table, harm, cure, row, and what the audit says of it.
    let cases = [
        (
            "ticket",
            "live = NULL",
            "live = 1",
            "id = 't1'",
            "a line that is not refunded, without a live ticket, in order o01a",
        ),
        ("ticket", "seat = 77", "seat = 7", "id = 't1'", "a ticket that is not its line's: t1"),
        ("orders", "live = NULL", "live = 1", "id = 'o01a'", "an order under way or paid that is not live: o01a"),
        ("orders", "cash = 1", "cash = 9000", "id = 'o01b'", "totals are not the sums of the lines in order o01b"),
        (
            "orders",
            "status = 'rejected'",
            "status = 'pending_payment'",
            "id = 'o01c'",
            "a live ticket of a rejected order: t4",
        ),
        (
            "order_line",
            "cash = 1",
            "cash = 9000",
            "order_id = 'o01b'",
            "price and booking fee are not discount + points + cash in a line of order o01b",
        ),
        ("orders", "vat = 1", "vat = 0", "id = 'o01b'", "totals are not the sums of the lines in order o01b"),
        (
            "order_line",
            "fee_refunded = 1",
            "fee_refunded = 0",
            "line = 2",
            "more refunded than paid in a line of order o01a",
        ),
        ("refund", "booking_fee = 1", "booking_fee = 0", "id = 'r1'", "a refund is not the sum of its lines: r1"),
        (
            "order_line",
            "earn_clawed = 86",
            "earn_clawed = 85",
            "line = 2",
            "more refunded than paid in a line of order o01a",
        ),
        (
            "order_line",
            "refunded = 8999",
            "refunded = 9000",
            "line = 2",
            "a line's refunds are not what it says was refunded, in order o01a",
        ),
        ("refund", "cash = 7599", "cash = 7600", "id = 'r1'", "a refund is not the sum of its lines: r1"),
        ("payment", "amount = 16999", "amount = 17000", "id = 'p2'", "a paid order without its money captured: o01a"),
        (
            "payment",
            "amount = 7000",
            "amount = 17000",
            "id = 'p2'",
            "more cash given back than captured for order o01a",
        ),
        (
            "point_spend",
            "amount = 499",
            "amount = 500",
            "line = 1",
            "points spent are not the sum of their lots in order o01a",
        ),
        (
            "point_spend",
            "restored = 501",
            "restored = 500",
            "line = 2",
            "more points restored than spent in order o01a",
        ),
        (
            "wallet",
            "balance = 1",
            "balance = 0",
            "user_id = 'lee'",
            "a points balance is not the sum of its moves; the last is none",
        ),
        (
            "wallet",
            "balance = 1",
            "balance = 0",
            "user_id = 'lee'",
            "a points balance is not the sum of its lots; the last is none",
        ),
        (
            "wallet",
            "debt = -1",
            "debt = 0",
            "user_id = 'lee'",
            "a wallet with a debt below zero; its last move is none",
        ),
        ("point_lot", "remaining = -1", "remaining = 0", "id = 'e/003'", "a lot holds less than nothing: e/003"),
        (
            "point_lot",
            "remaining = 499",
            "remaining = 500",
            "id = 'g/001'",
            "what is left of a lot is not the sum of its moves: g/001",
        ),
        (
            "journal_entry",
            "amount = 16999",
            "amount = 17000",
            "transaction_id = 'o01a.confirmed' AND entry = 1",
            "a journal transaction does not sum to zero: o01a.confirmed",
        ),
        (
            "journal_entry",
            "account = 'payouts'",
            "account = 'provider_receivable:sandbox'",
            "transaction_id = 'o01a.confirmed' AND entry = 1",
            "the journal's money of a provider is not what it captured and gave back, in order o01a",
        ),
        (
            "journal_entry",
            "account = 'provider_receivable:toss'",
            "account = 'provider_receivable:sandbox'",
            "transaction_id = 'o01a.confirmed' AND entry = 1",
            "the journal has money of a provider that was never asked, in order o01a",
        ),
        (
            "journal_entry",
            "account = 'points_expense'",
            "account = 'points_in_orders'",
            "transaction_id = 'o01a.confirmed' AND entry = 3",
            "the journal's points in orders are not those of the unpaid order o01a",
        ),
        (
            "journal_entry",
            "account = 'points_expense'",
            "account = 'refunds_pending'",
            "transaction_id = 'r1.requested' AND entry = 2",
            "the journal's pending refunds are not the points of open refunds, in order o01a",
        ),
        (
            "journal_entry",
            "account = 'deposits_in_suspense'",
            "account = 'fee_revenue'",
            "transaction_id = 'o01a.confirmed' AND entry = 7",
            "the journal's money in suspense is not the late money that is still here, in order o01a",
        ),
        (
            "journal_entry",
            "account = 'points_expired'",
            "account = 'points_liability'",
            "transaction_id = 'o01a.confirmed' AND entry = 2",
            "the journal's points are not those that the order spent, restored, earned and took back: o01a",
        ),
        (
            "journal_entry",
            "account = 'payouts'",
            "account = 'organizer_payable:o:coupons'",
            "transaction_id = 'o01a.confirmed' AND entry = 5",
            "the journal owes the organizer not what tickets cost, less coupons and refunds, in order o01a",
        ),
        (
            "journal_entry",
            "currency = 'USD'",
            "currency = 'KRW'",
            "transaction_id = 'o01a.placed'",
            "an entry of the journal is in another currency than its order: o01a",
        ),
        (
            "journal_entry",
            "transaction_id = 'h.granted'",
            "transaction_id = 'g.granted'",
            "account IN ('points_liability', 'points_expense') AND at_ms = 1",
            "points granted that the journal does not have; the move is g/002",
        ),
        (
            "point_move",
            "kind = 'expire'",
            "kind = 'claw_back'",
            "id = 'x/002'",
            "points expired that the journal does not have; the last move is x/002",
        ),
        ("campaign", "stock = 2", "stock = 10", "id = 'spring'", "more coupons claimed than issued in campaign spring"),
        (
            "coupon",
            "number = 11",
            "number = 3",
            "user_id = 'lee'",
            "a coupon's number is not one of those issued in campaign spring",
        ),
        (
            "coupon",
            "order_id = NULL",
            "order_id = 'o01a'",
            "number = 1",
            "a coupon in use whose order does not name it, campaign spring",
        ),
        (
            "coupon",
            "state = 'issued'",
            "state = 'used'",
            "number = 1",
            "a coupon that is free while an order uses it, campaign spring",
        ),
    ];
    for (table, harm, cure, row, says) in cases {
        let change = |set: &str| format!("UPDATE {table} SET {set} WHERE {row}");
        run(ledger, change(harm)).await.expect("a change");
        let found = violations(ledger).await;
        assert!(found.iter().any(|text| text == says), "{table} {harm}: {found:?}");
        run(ledger, change(cure)).await.expect("a change");
    }
    assert_eq!(violations(ledger).await, Vec::<String>::new());
}
