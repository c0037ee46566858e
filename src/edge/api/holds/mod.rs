//! Holds: setting seats aside, showing a hold, giving it back.

pub mod body;
pub mod routes;
pub mod view;

use http::StatusCode;

use self::body::HoldBody;
use self::view::HoldView;
use super::lookup;
use crate::catalog::{Event, SoldTo};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::fault::Fault;
use crate::facts::hold::{HoldFact, HoldState};
use crate::facts::ids::{FactKind, HoldId, fact_id};
use crate::inventory::{HoldAsk, HoldOutcome, ReleaseOutcome};

/// `POST /v1/events/{event}/holds`
pub async fn create(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let scope = request.scope()?;
    let body = request.json::<HoldBody>()?;
    let event = lookup::event(&request)?;
    let asked = body.value.asked()?;

    let hold = HoldId::from(fact_id(FactKind::Hold, event.lane, scope));
    let buyer = if request.user.as_ref().is_some_and(|user| user.admin) { SoldTo::Admin } else { SoldTo::Public };
    let on_sale = lookup::not_cancelled(&event);
    let wanted =
        on_sale.and_then(|()| asked.want(&event, buyer)).and_then(|want| Ok((want, lookup::pass(&request, &event)?)));
    let ((want, tariff), pass) = match wanted {
        Ok(wanted) => wanted,
        // A repeat is answered even if its request would be refused now. Since the first request the pass may have run
        // out, or the section may have been removed.
        Err(refusal) => return replay(&request, &event, &hold, &body.digest).await?.ok_or(refusal),
    };
    let ask = HoldAsk {
        event: event.id.clone(),
        hold,
        digest: body.digest,
        user,
        visitor: pass,
        want,
        tariff,
        terms: event.terms(),
        seats_per_user: event.spec.seats_per_user,
        hold_ttl_ms: event.spec.hold_ttl_s * 1000,
        earn_bp: event.spec.earn_bp,
        fee_bp: event.spec.fee_bp,
    };
    let outcome = request.state.inventory.hold(event.lane, ask).await;
    if let Err(Fault::Recovering(_)) = &outcome
        && let Some((pass, _)) = request.state.pass(&request.headers, event.id.as_str())
    {
        // The hold has to wait. But this check puts the holder of the pass back inside a room that is recovering.
        request.state.admission.verify_pass(&event.room(), pass).await.ok();
    }
    let refusal = match outcome? {
        HoldOutcome::Held(fact) => return Ok(created(&request, &event, &fact)),
        HoldOutcome::Repeated(fact) => return Ok(created(&request, &event, &fact).replayed()),
        HoldOutcome::KeyReused => Code::IdempotencyKeyReused.into(),
        HoldOutcome::Ended => Problem::new(Code::HoldExpired).detail("the hold of this key has ended"),
        // The catalogue has the event, so its lane has not been told of it yet, or has lost it.
        HoldOutcome::NoEvent => {
            request.state.catalog.event_missing(&event.id);
            Code::Recovering.into()
        }
        HoldOutcome::NotOpen => Code::SaleNotOpen.into(),
        HoldOutcome::NotInside => Code::PassRequired.into(),
        HoldOutcome::PlaceOver => Problem::new(Code::PassRequired)
            .detail("the time of this pass is over: an order under way may be finished, nothing new begins"),
        HoldOutcome::NotOwner => Problem::new(Code::NotOwner).detail("the pass is bound to another user"),
        HoldOutcome::LimitExceeded { taken } => Problem::new(Code::LimitExceeded)
            .detail(format!("{taken} of {} seats are taken by this user already", event.spec.seats_per_user)),
        HoldOutcome::Taken(seats) => {
            let conflicts = seats.into_iter().filter_map(|seat| event.layout.name(seat)).collect();
            Problem::new(Code::SeatsTaken).conflicts(conflicts)
        }
        HoldOutcome::SoldOut => Code::SoldOut.into(),
        HoldOutcome::NoBlock => Code::AdjacentUnavailable.into(),
    };
    Err(refusal)
}

/// The answer with the hold that this key made before; `None`: there is none.
async fn replay(request: &Request, event: &Event, hold: &HoldId, digest: &str) -> Result<Option<Answer>, Problem> {
    match request.state.inventory.get_hold(&event.id, hold).await? {
        Some(fact) if fact.digest == digest => Ok(Some(created(request, event, &fact).replayed())),
        Some(_) => Err(Code::IdempotencyKeyReused.into()),
        None => Ok(None),
    }
}

fn created(request: &Request, event: &Event, hold: &HoldFact) -> Answer {
    let view = HoldView::new(hold, event, request.state.clock.now_ms());
    let path = format!("/v1/events/{}/holds/{}", event.id, hold.id);
    Answer::json(StatusCode::CREATED, &view).no_store().location(&path)
}

/// `GET /v1/events/{event}/holds/{hold}`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let hold = lookup::hold(&request, &event).await?;
    match hold.state {
        HoldState::Held | HoldState::Ordered | HoldState::Released => {
            let view = HoldView::new(&hold, &event, request.state.clock.now_ms());
            Ok(Answer::json(StatusCode::OK, &view).no_store())
        }
        HoldState::Expired => Err(Code::HoldExpired.into()),
    }
}

/// `DELETE /v1/events/{event}/holds/{hold}`
pub async fn release(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let event = lookup::event(&request)?;
    let hold = HoldId::from(request.param("hold"));
    match request.state.inventory.release(event.id.clone(), hold, user).await? {
        ReleaseOutcome::Released | ReleaseOutcome::Ended => Ok(Answer::no_content()),
        ReleaseOutcome::Ordered => Err(Code::HoldAlreadyOrdered.into()),
        ReleaseOutcome::NotOwner => Err(Code::NotOwner.into()),
        ReleaseOutcome::NotFound => Err(Code::HoldNotFound.into()),
    }
}
