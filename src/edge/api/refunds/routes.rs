//! The routes of `refunds`.

use crate::edge::api::refunds::account;
use crate::edge::api::refunds::account::AccountBody;
use crate::edge::api::refunds::body::RefundBody;
use crate::edge::api::refunds::view::{RefundQuoteView, RefundView, RequestedView};
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, post};

/// The codes with which a refund may be refused, to a buyer and to an admin.
pub(in crate::edge::api) const REFUND: &[Code] =
    &[Code::OrderNotFound, Code::NotRefundable, Code::OverRefund, Code::LineNotFound, Code::Empty, Code::Recovering];

pub fn routes() -> Vec<Route> {
    vec![
        post("/v1/orders/{order}/refunds", "request_refund", "Give lines of an order back", super::create)
            .user()
            .about(
                "Asks for a refund of whole lines of an order that is confirmed or partially refunded. The order's \
                 `refund_terms` name the fee; after the last term the answer is `NOT_REFUNDABLE`. 202 says that the \
                 refund will be decided: `Location` names it. The seats are free when it is `done`.",
            )
            .keyed()
            .body::<RefundBody>()
            .answers::<RequestedView>(202, "Accepted")
            .carries("Location", "The refund", "/v1/orders/o0360303ae22b998861bce3b28f33eec1be/refunds/r03…")
            .carries("Retry-After", "Seconds after which to look at the refund", "1")
            .errors(REFUND)
            .errors(&[Code::NotOwner]),
        get("/v1/orders/{order}/refunds", "list_refunds", "Refunds of an order", super::list)
            .user()
            .about(
                "All refunds of the order, oldest first, on one page, as the ledger has them. A refund that was just \
                 requested is in the list a moment later.",
            )
            .answers_page::<RefundView>()
            .errors(&[Code::NotOwner, Code::OrderNotFound, Code::Recovering]),
        get("/v1/orders/{order}/refunds/quote", "quote_refund", "What a refund would give back now", super::quote)
            .user()
            .about(
                "Computes a refund of whole lines as requesting it now would, and requests nothing. Without `lines`: all \
                 lines of which something is left. It follows the ledger, so an order that was paid a moment ago may still \
                 be `NOT_REFUNDABLE`.",
            )
            .query("lines", "Numbers of lines, with commas; all when absent", "1,2")
            .answers::<RefundQuoteView>(200, "The quote")
            .errors(REFUND)
            .errors(&[Code::NotOwner, Code::Validation]),
        post(
            "/v1/orders/{order}/refunds/{refund}/account",
            "name_refund_account",
            "Say which account the money of a deposit goes back to",
            account::create,
        )
        .user()
        .about(
            "For a refund that is `awaiting_account`: the order was paid by deposit, so the money cannot go back the way it \
             came. The account is kept sealed until the money is there, and is never shown. If the bank does not take the \
             money for it, the refund is `awaiting_account` again and its `reason` says why.\n\nA repeat with the same \
             account is safe. Another account is `ACCOUNT_NOT_AWAITED`, and so is any once the money is there.",
        )
        .body::<AccountBody>()
        .answers::<RequestedView>(202, "Accepted")
        .carries("Location", "The refund", "/v1/orders/o0360303ae22b998861bce3b28f33eec1be/refunds/r03…")
        .carries("Retry-After", "Seconds after which to look at the refund", "1")
        .errors(&[
            Code::NotOwner,
            Code::OrderNotFound,
            Code::NotFound,
            Code::AccountNotAwaited,
            Code::Validation,
            Code::Recovering,
        ]),
        get("/v1/orders/{order}/refunds/{refund}", "get_refund", "A refund", super::get)
            .user()
            .about(
                "`requested` until the money is back, then `done`, or `failed` with the reason. That of a deposit is \
                 `awaiting_account` until its account is named, then `sent`. A refund that is not of this order is \
                 `NOT_FOUND`.",
            )
            .answers::<RefundView>(200, "The refund")
            .errors(&[Code::NotOwner, Code::OrderNotFound, Code::NotFound, Code::Recovering]),
    ]
}
