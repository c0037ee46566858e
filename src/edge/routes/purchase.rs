//! Rows of the table: the catalogue, the purchase, what is the user's own.

use http::Method;

use crate::edge::asks::hold::HoldBody;
use crate::edge::asks::order::{OrderBody, QuoteBody};
use crate::edge::asks::payment::PaymentBody;
use crate::edge::asks::refund::RefundBody;
use crate::edge::handlers::coupons::ClaimBody;
use crate::edge::handlers::{catalog, coupons, holds, me, orders, quotes, refunds, seats};
use crate::edge::problem::Code;
use crate::edge::router::Route;
use crate::edge::views::coupon::{ClaimView, CouponView};
use crate::edge::views::event::EventView;
use crate::edge::views::hold::HoldView;
use crate::edge::views::order::{AcceptedView, OrderView};
use crate::edge::views::points::{MoveView, PointsView};
use crate::edge::views::quote::QuoteView;
use crate::edge::views::refund::{RefundView, RequestedView};
use crate::edge::views::seats::SeatsView;
use crate::edge::views::ticket::TicketView;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const DELETE: Method = Method::DELETE;

const AN_ORDER: &str = "/v1/orders/o0360303ae22b998861bce3b28f33eec1be";

pub(super) fn catalogue() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events", "list_events", "What is on sale, by id", catalog::list)
            .about(
                "Every event of the catalogue, by id. A change made through another gateway is seen within a \
                 second.",
            )
            .paged()
            .answers_page::<EventView>(),
        Route::new(GET, "/v1/events/{event}", "get_event", "An event", catalog::get)
            .about(
                "What a buyer has to know of an event: its sections and prices, its times, what may be bought and \
                 given back.",
            )
            .answers::<EventView>(200, "The event")
            .errors(&[Code::EventNotFound]),
    ]
}

pub(super) fn purchase() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/events/{event}/seats", "get_seats", "The seat map, at most a second old", seats::get)
            .about(
                "Every seat, a letter each. It needs neither pass nor user, is compressed for who takes gzip, and \
                 has an `ETag`. While the event's lane is being rebuilt it is `RECOVERING`.",
            )
            .header(
                "If-None-Match",
                "The `ETag` of a map that is known: 304 while it is still this one",
                "\"1-812-5f1c8a52\"",
            )
            .answers::<SeatsView>(200, "The map")
            .carries("ETag", "Names this map, for `If-None-Match`", "\"1-812-5f1c8a52\"")
            .answers_bare(304, "The map is the one of `If-None-Match`")
            .carries("ETag", "The map's name", "\"1-812-5f1c8a52\"")
            .errors(&[Code::EventNotFound, Code::Recovering]),
        Route::new(POST, "/v1/events/{event}/holds", "create_hold", "Set seats aside", holds::create)
            .user()
            .about(
                "All the named seats or none, or the best of a section, for `hold_ttl_s` of the event. It takes a \
                 pass of the event, which is then bound to this user, and it counts against `seats_per_user`. Of \
                 `SEATS_TAKEN`, `conflicts` has the ids of the seats; choose others. `Location` names the hold. Of \
                 a user's ended holds the last twenty are known for a day; the key of an older one is \
                 `HOLD_EXPIRED`.",
            )
            .keyed()
            .pass()
            .body::<HoldBody>()
            .answers::<HoldView>(201, "Held")
            .carries("Location", "The hold", "/v1/events/spring-hall/holds/h039f86d081884c7d659a2feaa0c55ad015")
            .errors(&[
                Code::BadOrigin,
                Code::PassRequired,
                Code::NotOwner,
                Code::EventNotFound,
                Code::SeatNotFound,
                Code::SectionNotFound,
                Code::SeatsTaken,
                Code::SoldOut,
                Code::AdjacentUnavailable,
                Code::SaleNotOpen,
                Code::LimitExceeded,
                Code::DuplicateSeat,
                Code::Empty,
                Code::HoldExpired,
                Code::Recovering,
            ]),
        Route::new(GET, "/v1/events/{event}/holds/{hold}", "get_hold", "A hold of the user", holds::get)
            .user()
            .about(
                "An expired one is `HOLD_EXPIRED`. Of a user's ended ones the last twenty are known for a day, then they \
                 are `HOLD_NOT_FOUND`.",
            )
            .answers::<HoldView>(200, "The hold")
            .errors(&[Code::NotOwner, Code::EventNotFound, Code::HoldNotFound, Code::HoldExpired, Code::Recovering]),
        Route::new(DELETE, "/v1/events/{event}/holds/{hold}", "release_hold", "Give seats back", holds::release)
            .user()
            .about(
                "The seats are free at once. A hold that was ordered is `HOLD_ALREADY_ORDERED`: cancel the order.\n\n\
                 A repeat is safe: one that has ended is answered 204 again, for as long as it is known.",
            )
            .answers_bare(204, "Given back, now or before")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::Recovering,
            ]),
        Route::new(
            POST,
            "/v1/events/{event}/holds/{hold}/quote",
            "quote_hold",
            "What a hold would cost",
            quotes::create,
        )
        .user()
        .about(
            "The lines and the total as an order would have them now, and why this coupon was chosen or none. \
             A coupon that cannot be used and points that are not there are left out. Nothing is reserved: an \
             order compares with `expected_cash`.\n\nA repeat is safe; prices may be others by then.",
        )
        .body_or_none::<QuoteBody>()
        .answers::<QuoteView>(200, "The quote")
        .errors(&[
            Code::NotOwner,
            Code::EventNotFound,
            Code::HoldNotFound,
            Code::HoldAlreadyOrdered,
            Code::HoldExpired,
            Code::Recovering,
        ]),
        Route::new(POST, "/v1/coupons/{campaign}/claims", "claim_coupon", "Claim a coupon, first come", coupons::claim)
            .user()
            .about(
                "One coupon of the campaign, numbered in the order of the claims, while there is stock. One user \
                 gets no more than the campaign's limit: `ALREADY_CLAIMED`. Before and after its time it is \
                 `CAMPAIGN_NOT_OPEN`.",
            )
            .keyed()
            .body_or_none::<ClaimBody>()
            .answers::<ClaimView>(201, "Claimed")
            .errors(&[
                Code::CampaignNotFound,
                Code::SoldOut,
                Code::AlreadyClaimed,
                Code::CampaignNotOpen,
                Code::Recovering,
            ]),
        Route::new(POST, "/v1/orders", "place_order", "Order a hold", orders::place)
            .user()
            .about(
                "The hold's seats are the order's now, and no pass is needed any more. 202 says that it will be \
                 decided: ask the order named by `Location` with `wait_s`. It is rejected with a `reason` when \
                 the price is not `expected_cash`, or points or coupon are not there; the hold is then held \
                 again. With a `payment` it is paid at once, else it waits for one.",
            )
            .keyed()
            .body::<OrderBody>()
            .answers::<AcceptedView>(202, "Accepted: it will be decided")
            .carries("Location", "The order", AN_ORDER)
            .carries("Retry-After", "Seconds after which to look at the order", "1")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::HoldExpired,
                Code::ProviderNotAllowed,
                Code::Recovering,
            ]),
        Route::new(GET, "/v1/orders/{order}", "get_order", "An order of the user", orders::get)
            .user()
            .about(
                "With `wait_s` the answer comes when the status is final or waits for the buyer, else when the \
                 time is over. So many requests may wait as are configured; one more is `OVERLOADED`.",
            )
            .waits()
            .query(
                "wait_s",
                "Seconds to wait for a status that is final or waits for the buyer; more than 30 are taken as 30",
                10,
            )
            .answers::<OrderView>(200, "The order")
            .errors(&[Code::Validation, Code::NotOwner, Code::OrderNotFound, Code::Recovering]),
        Route::new(
            DELETE,
            "/v1/orders/{order}",
            "cancel_order",
            "Cancel an order that waits for a payment",
            orders::cancel,
        )
        .user()
        .about(
            "Only while the order is `pending_payment`: the seats are free when it has become `rejected` with \
             the reason `CANCELLED`. While it is being paid it is `PAYMENT_IN_PROGRESS`, later \
             `NOT_CANCELLABLE`.\n\nA repeat is safe: what is cancelled is accepted again.",
        )
        .answers::<OrderView>(202, "Accepted; the order as it still is")
        .carries("Location", "The order", AN_ORDER)
        .carries("Retry-After", "Seconds after which to look at the order", "1")
        .shown_with(unpaid())
        .errors(&[
            Code::NotOwner,
            Code::OrderNotFound,
            Code::PaymentInProgress,
            Code::NotCancellable,
            Code::Recovering,
        ]),
        Route::new(POST, "/v1/orders/{order}/payment", "pay_order", "Pay an order that waits for it", orders::pay)
            .user()
            .about(
                "For an order that is `pending_payment`; `amount` has to be what is due, else it is \
                 `AMOUNT_MISMATCH`. 202 says that the provider will be asked: look at the order. After a decline \
                 the order waits for another payment, with a new key, until its deadline.",
            )
            .keyed()
            .body::<PaymentBody>()
            .answers::<OrderView>(202, "Accepted; the order as it still is")
            .carries("Location", "The order", AN_ORDER)
            .carries("Retry-After", "Seconds after which to look at the order", "1")
            .shown_with(unpaid())
            .errors(&[
                Code::NotOwner,
                Code::OrderNotFound,
                Code::AmountMismatch,
                Code::PaymentInProgress,
                Code::NotPayable,
                Code::ProviderNotAllowed,
                Code::Recovering,
            ]),
        Route::new(
            POST,
            "/v1/orders/{order}/refunds",
            "request_refund",
            "Give lines of an order back",
            refunds::create,
        )
        .user()
        .about(
            "Whole lines of an order that is confirmed or partially refunded, by its `refund_terms`; later it \
             is `NOT_REFUNDABLE`. 202 says that it will be decided: `Location` names the refund. The seats \
             are free when it is `done`.",
        )
        .keyed()
        .body::<RefundBody>()
        .answers::<RequestedView>(202, "Accepted")
            .carries("Location", "The refund", "/v1/orders/o0360303ae22b998861bce3b28f33eec1be/refunds/r03…")
            .carries("Retry-After", "Seconds after which to look at the refund", "1")
        .errors(REFUND)
        .errors(&[Code::NotOwner]),
        Route::new(GET, "/v1/orders/{order}/refunds", "list_refunds", "Refunds of an order", refunds::list)
            .user()
            .about(
                "All refunds of the order, oldest first, as the ledger has them: one just requested may come a \
                 moment later. It is one page.",
            )
            .answers_page::<RefundView>()
            .errors(&[Code::NotOwner, Code::OrderNotFound, Code::Recovering]),
        Route::new(GET, "/v1/orders/{order}/refunds/{refund}", "get_refund", "A refund", refunds::get)
            .user()
            .about(
                "`requested` until the ledger has it, `sent` while the provider is asked, then `done` or `failed` \
                 with the reason. A refund that is not of this order is `NOT_FOUND`.",
            )
            .answers::<RefundView>(200, "The refund")
            .errors(&[Code::NotOwner, Code::OrderNotFound, Code::NotFound, Code::Recovering]),
    ]
}

/// What a refund may be refused with, whoever asks.
pub(super) const REFUND: &[Code] =
    &[Code::OrderNotFound, Code::NotRefundable, Code::OverRefund, Code::LineNotFound, Code::Empty, Code::Recovering];

pub(super) fn own() -> Vec<Route> {
    vec![
        Route::new(GET, "/v1/me/coupons", "list_my_coupons", "Coupons of the user", me::coupons)
            .user()
            .about(
                "By campaign and number, the used and expired ones too. One just claimed may come a moment later: \
                 it is there when the ledger has it.",
            )
            .paged()
            .answers_page::<CouponView>(),
        Route::new(GET, "/v1/me/orders", "list_my_orders", "Orders of the user, newest first", me::orders)
            .user()
            .about("As the ledger has them: one just placed may come a moment later.")
            .paged()
            .answers_page::<OrderView>(),
        Route::new(GET, "/v1/me/tickets", "list_my_tickets", "Tickets of the user", me::tickets)
            .user()
            .about("Every ticket, the void ones too.")
            .paged()
            .answers_page::<TicketView>(),
        Route::new(GET, "/v1/me/points", "get_my_points", "Points of the user", me::points)
            .user()
            .about("The balance, what is owed, and the lots in the order in which they are spent.")
            .answers::<PointsView>(200, "Balance and lots"),
        Route::new(
            GET,
            "/v1/me/points/moves",
            "list_my_point_moves",
            "How points came and went, newest first",
            me::moves,
        )
        .user()
        .about("Each change of the balance, with the order or refund it belongs to.")
        .paged()
        .answers_page::<MoveView>(),
    ]
}

/// Of an order's example: it waits for its payment.
fn unpaid() -> serde_json::Value {
    serde_json::json!({
        "status": "pending_payment",
        "payment": null,
        "confirmed_at": null,
        "expires_at": "2026-11-20T10:13:20Z",
        "expires_in_s": 540,
    })
}
