//! What organizers are owed, month by month.

mod body;
mod csv;
pub mod routes;
pub mod view;

pub use body::{CloseBody, PaidBody};

use http::StatusCode;
use http::header::{ACCEPT, CONTENT_DISPOSITION};

use self::view::SettlementView;
use crate::edge::api::page::Page;
use crate::edge::http::listed;
use crate::edge::operator::PartFault;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::is_slug;
use crate::facts::period::Period;
use crate::facts::settlement::{SettlementFact, SettlementState};
use crate::ledger::settlement::{CloseAsk, Closed, PaidAsk, Settled};

fn away(fault: PartFault) -> Problem {
    Problem::unavailable("ledger", fault)
}

fn organizer(request: &Request) -> Result<String, Problem> {
    let organizer = request.param("organizer");
    if is_slug(organizer) { Ok(organizer.to_owned()) } else { Err(Code::NotFound.into()) }
}

fn period(request: &Request) -> Result<Period, Problem> {
    Period::parse(request.param("period")).ok_or_else(|| Code::NotFound.into())
}

fn shown(settlement: &SettlementFact) -> Answer {
    let status = match settlement.state {
        SettlementState::Closing => StatusCode::ACCEPTED,
        SettlementState::Open | SettlementState::Closed | SettlementState::Paid => StatusCode::OK,
    };
    Answer::json(status, &SettlementView::new(settlement)).no_store()
}

/// `GET /v1/admin/organizers/{organizer}/settlements`
pub async fn list(request: Request) -> Outcome {
    let books = request.state.config.money.books();
    let found = request.state.ledger.settlements(&organizer(&request)?, &books).await?;
    let items = found.iter().map(SettlementView::new).collect();
    Ok(Answer::json(StatusCode::OK, &Page { items, next: None }).no_store())
}

/// `GET /v1/admin/organizers/{organizer}/settlements/{period}`
pub async fn show(request: Request) -> Outcome {
    let (organizer, period) = (organizer(&request)?, period(&request)?);
    let (books, ledger) = (request.state.config.money.books(), &request.state.ledger);
    let settlement = ledger.settlement(&organizer, period, &books).await?.ok_or(Code::NotFound)?;
    if !wants_csv(&request) {
        return Ok(Answer::json(StatusCode::OK, &SettlementView::new(&settlement)).no_store().vary("accept"));
    }
    let name = format!("attachment; filename=\"{organizer}-{period}.csv\"");
    let body = csv::body(ledger.clone(), organizer, period, books);
    let answer = Answer::body(StatusCode::OK, csv::TYPE, body).header(CONTENT_DISPOSITION, &name);
    Ok(answer.no_store().vary("accept"))
}

fn wants_csv(request: &Request) -> bool {
    let mut media = listed::listed(&request.headers, &ACCEPT).filter_map(|part| part.split(';').next());
    media.any(|media| media.trim().eq_ignore_ascii_case(csv::TYPE))
}

/// `POST /v1/admin/organizers/{organizer}/settlements/{period}/close`
pub async fn close(request: Request) -> Outcome {
    let early = request.json_or_empty::<CloseBody>()?.value.early;
    let ask = CloseAsk { organizer: organizer(&request)?, period: period(&request)?, early };
    match request.state.operator.close_settlement(ask).await.map_err(away)? {
        Closed::Begun(settlement) => Ok(shown(&settlement)),
        Closed::NotOver => Err(Code::PeriodNotOver.into()),
        Closed::After(first) => {
            Err(Problem::new(Code::EarlierPeriodOpen).detail(format!("{first} has sales or refunds and is open")))
        }
        Closed::NotFound => Err(Code::NotFound.into()),
    }
}

/// `POST /v1/admin/organizers/{organizer}/settlements/{period}/paid`
pub async fn paid(request: Request) -> Outcome {
    let body = request.json::<PaidBody>()?.value;
    body.check()?;
    let ask = PaidAsk { organizer: organizer(&request)?, period: period(&request)?, reference: body.reference };
    match request.state.operator.settlement_paid(ask).await.map_err(away)? {
        Settled::Paid(settlement) => Ok(shown(&settlement)),
        Settled::NotClosed => Err(Code::SettlementNotClosed.into()),
        Settled::OtherReference(settlement) => {
            let reference = settlement.reference.unwrap_or_default();
            Err(Problem::new(Code::SettlementPaid).detail(format!("its reference is {reference:?}")))
        }
    }
}
