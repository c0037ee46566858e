//! The routes of `orders`.

use crate::edge::api::orders::body::OrderBody;
use crate::edge::api::orders::payment::PaymentBody;
use crate::edge::api::orders::view::{AcceptedView, OrderView};
use crate::edge::problem::Code;
use crate::edge::router::{Route, delete, get, post};

const AN_ORDER: &str = "/v1/orders/o0360303ae22b998861bce3b28f33eec1be";

/// The fields of an order's example that differ while it waits for its payment.
fn unpaid() -> serde_json::Value {
    serde_json::json!({
        "status": "pending_payment",
        "payment": null,
        "confirmed_at": null,
        "expires_at": "2026-11-20T10:13:20Z",
        "expires_in_s": 540,
    })
}

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/orders", "place_order", "Order a hold", super::place)
            .user()
            .about(
                "The seats of the hold now belong to the order, and no pass is needed any more. 202 says that the \
                 order will be decided: ask for it at `Location` with `wait_s`. The order is rejected with a `reason` \
                 when the price is not `expected_cash`, or when the points or the coupon are not available; its seats \
                 are then held again, for at least 60 s the first time it happens to a hold. With a `payment` the order is paid at once, else it waits for a payment.",
            )
            .keyed()
            .body::<OrderBody>()
            .answers::<AcceptedView>(202, "Accepted: the order will be decided")
            .carries("Location", "The order", AN_ORDER)
            .carries("Retry-After", "Seconds after which to look at the order", "1")
            .errors(&[
                Code::NotOwner,
                Code::EventNotFound,
                Code::EventCancelled,
                Code::HoldNotFound,
                Code::HoldAlreadyOrdered,
                Code::HoldExpired,
                Code::SeatNotFound,
                Code::SectionNotFound,
                Code::TypeNotFound,
                Code::ProviderNotAllowed,
                Code::DepositClosed,
                Code::Recovering,
            ]),
        get("/v1/orders/{order}", "get_order", "An order of the user", super::get)
            .user()
            .about(
                "With `wait_s` the answer comes when the status is final or waits for the buyer, else when the \
                 time is over. The number of requests that wait is limited: one more is `OVERLOADED`.",
            )
            .waits()
            .query(
                "wait_s",
                "Seconds to wait for a status that is final or waits for the buyer; more than 30 are taken as 30",
                10,
            )
            .answers::<OrderView>(200, "The order")
            .errors(&[Code::Validation, Code::NotOwner, Code::OrderNotFound, Code::Recovering]),
        delete("/v1/orders/{order}", "cancel_order", "Cancel an order that waits for a payment", super::cancel)
            .user()
            .about(
                "An order can be cancelled only while it is `pending_payment`. The seats are free when the order has \
                 become `rejected` with the reason `CANCELLED`. While the order is being paid the answer is \
                 `PAYMENT_IN_PROGRESS`, later it is `NOT_CANCELLABLE`.\n\n\
                 A repeat is safe: an order that was cancelled is answered 202 again.",
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
        post("/v1/orders/{order}/payment", "pay_order", "Pay an order that waits for it", super::pay)
            .user()
            .about(
                "For an order that is `pending_payment`. With the `method` `deposit` the buyer is given an account: the order \
                 is `awaiting_deposit` then, and shows the account, until the money is there. An `amount` that is not what is due is refused \
                 `AMOUNT_MISMATCH`, and one below what the provider takes `AMOUNT_BELOW_MINIMUM`. 202 says that the \
                 provider will be asked: look at the order. After a decline \
                 the order waits for another payment, with a new key, until its deadline.",
            )
            .keyed()
            .body::<PaymentBody>()
            .answers::<OrderView>(202, "Accepted; the order as it still is")
            .carries("Location", "The order", AN_ORDER)
            .carries("Retry-After", "Seconds after which to look at the order", "1")
            .shown_with(unpaid())
            .errors(&[
                Code::AmountBelowMinimum,
                Code::NotOwner,
                Code::OrderNotFound,
                Code::AmountMismatch,
                Code::EventCancelled,
                Code::PaymentInProgress,
                Code::NotPayable,
                Code::ProviderNotAllowed,
                Code::DepositClosed,
                Code::Recovering,
            ]),
    ]
}
