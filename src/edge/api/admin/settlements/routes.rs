//! The routes of `settlements`.

use super::view::SettlementView;
use super::{CloseBody, PaidBody, csv};
use crate::edge::problem::Code;
use crate::edge::router::{Route, get, post};

const EXAMPLE: &str = "at,month,kind,event,order,refund,currency,tickets,coupons,platform_fee,cancellation_fees,amount\n\
     2026-11-20 19:03:21,2026-11,sale,spring-hall,o0360303ae22b998861bce3b28f33eec1be,,KRW,110000,-11000,-4950,0,94050\n";

pub fn routes() -> Vec<Route> {
    vec![
        get(
            "/v1/admin/organizers/{organizer}/settlements",
            "list_settlements",
            "What an organizer is owed, newest month first",
            super::list,
        )
        .admin()
        .about("Months that are closed, and open ones with sales or refunds. The list has no pages.")
        .answers_page::<SettlementView>()
        .errors(&[Code::NotFound]),
        get(
            "/v1/admin/organizers/{organizer}/settlements/{period}",
            "show_settlement",
            "What an organizer is owed for a month",
            super::show,
        )
        .admin()
        .about(
            "With `Accept: text/csv`: its sales and refunds, one a line, times in the zone of the books ([money] zone). \
             `month` is the month in which an entry was booked: what is booked after that month was closed belongs to \
             the next one.",
        )
        .answers::<SettlementView>(200, "The settlement")
        .answers_text("Its entries", csv::TYPE, EXAMPLE)
        .may_carry("Content-Disposition", "With `text/csv`: the file's name", "attachment; filename=\"hall-co-2026-11.csv\"")
        .errors(&[Code::NotFound]),
        post(
            "/v1/admin/organizers/{organizer}/settlements/{period}/close",
            "close_settlement",
            "Close a month",
            super::close,
        )
        .admin()
        .about(
            "What belongs to it is written down; then it never changes. Months are closed in their order. A large month \
             is answered 202 with the state `closing`, and is closed a little later.\n\nA repeat changes nothing.",
        )
        .body_or_none::<CloseBody>()
        .answers::<SettlementView>(200, "It is closed")
        .answers::<SettlementView>(202, "It is being closed")
        .errors(&[Code::NotFound, Code::PeriodNotOver, Code::EarlierPeriodOpen]),
        post(
            "/v1/admin/organizers/{organizer}/settlements/{period}/paid",
            "settlement_paid",
            "Say that an organizer has the money of a month",
            super::paid,
        )
        .admin()
        .about(
            "Books the payment. An amount below zero is money that the organizer paid.\n\nA repeat with the same \
             reference changes nothing.",
        )
        .body::<PaidBody>()
        .answers::<SettlementView>(200, "It is paid")
        .errors(&[Code::NotFound, Code::SettlementNotClosed, Code::SettlementPaid]),
    ]
}
