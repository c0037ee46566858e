//! Placing, watching, paying and cancelling orders.

pub mod body;
pub mod line_view;
pub mod payment;
pub mod routes;
pub mod types;
pub mod view;

use std::time::Duration;

use http::StatusCode;

use self::body::OrderBody;
use self::payment::{PaymentBody, PaymentMethod, PaymentPart, deposit_until_ms};
use self::view::{AcceptedView, OrderView};
use super::lookup;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{AttemptId, FactKind, HoldId, OrderId, UserId, fact_id, fact_lane};
use crate::facts::order::{OrderFact, OrderStatus, Reason};
use crate::facts::record::PaymentAsk;
use crate::inventory::orders::{OrderRequest, Paying};
use crate::inventory::{Busy, CancelOutcome, CheckoutOutcome, PayOutcome, Waited};

/// When a client should look again at what was just accepted, seconds.
const LOOK_AGAIN_S: u64 = 1;

/// Longest `wait_s`.
const WAIT_S_MAX: u64 = 30;

/// How soon a waiting request notices that the gateway stops.
const WAIT_SLICE: Duration = Duration::from_secs(1);

/// `POST /v1/orders`
pub async fn place(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let scope = request.scope()?;
    let body = request.json::<OrderBody>()?;
    let ask = body.value;
    ask.check()?;
    let state = &request.state;
    let lane = fact_lane(FactKind::Hold, &ask.hold).ok_or(Code::HoldNotFound)?;
    let order = OrderId::from(fact_id(FactKind::Order, lane, scope));
    let Some(event) = state.catalog.event(&ask.event) else {
        // A repeat is answered even after its event has left its lane.
        return replay(&request, &order, &body.digest).await?.ok_or(Code::EventNotFound.into());
    };
    let hold = HoldId::from(ask.hold);
    let known = state.inventory.get_hold(&event.id, &hold).await?.filter(|known| known.user == user);
    let coupon = coupon_choice(&request, ask.coupon.as_deref(), &user);
    let now_ms = state.clock.now_ms();
    let config = &state.config.payment;
    let allowed = |part: PaymentPart| {
        let until_ms = match part.method {
            PaymentMethod::Card => None,
            PaymentMethod::Deposit => Some(deposit_until_ms(config, &event.spec, now_ms, now_ms)?),
        };
        part.allowed(&config.providers, until_ms)
    };
    let payment = ask.payment.map(allowed).transpose();
    let types = match &known {
        Some(known) => types::chosen(&ask.types, known, &event),
        // A hold that is not known, or not this user's, is refused by its lane. One that comes only now must not lose
        // its types.
        None if ask.types.is_empty() => Ok(Vec::new()),
        None => Err(Code::HoldNotFound.into()),
    };
    let (coupon, payment, types) =
        match lookup::not_cancelled(&event).and(coupon).and_then(|coupon| Ok((coupon, payment?, types?))) {
            Ok(wanted) => wanted,
            // As with holds, a repeat is answered even if its coupon or provider would be refused now.
            Err(refusal) => return replay(&request, &order, &body.digest).await?.ok_or(refusal),
        };
    let digest = body.digest.clone();
    let least_cash = state.config.payment.least_cash(payment.as_ref().map(|payment| payment.provider.as_str()));

    let placing = OrderRequest {
        order,
        event: event.id.clone(),
        hold,
        user,
        digest: body.digest,
        types,
        coupon,
        points: ask.points.ask(),
        least_cash,
        expected_cash: ask.expected_cash,
        payment,
        payment_ttl_ms: event.spec.payment_ttl_s * 1000,
        terms: known.map_or_else(|| event.terms(), |known| event.terms_for(&known)),
    };
    let placed = state.inventory.place(placing).await?;
    match placed.outcome {
        CheckoutOutcome::Placed(_) => Ok(accepted(&placed.order, OrderStatus::Accepted)),
        CheckoutOutcome::Repeated(fact) => Ok(accepted(&fact.id, fact.status).replayed()),
        // The ledger remembers longer than the lane. If the ledger does not know the order either, the order could not
        // be written, so it was rejected.
        CheckoutOutcome::Past => {
            let rejected = accepted(&placed.order, OrderStatus::Rejected).replayed();
            Ok(replay(&request, &placed.order, &digest).await?.unwrap_or(rejected))
        }
        CheckoutOutcome::KeyReused => Err(Code::IdempotencyKeyReused.into()),
        CheckoutOutcome::NotFound => replay(&request, &placed.order, &digest).await?.ok_or(Code::HoldNotFound.into()),
        CheckoutOutcome::NotOwner => Err(Code::NotOwner.into()),
        CheckoutOutcome::AlreadyOrdered => Err(Code::HoldAlreadyOrdered.into()),
        CheckoutOutcome::Expired => Err(Code::HoldExpired.into()),
        CheckoutOutcome::Released => Err(lookup::released()),
        CheckoutOutcome::Full => Err(lookup::log_full()),
    }
}

/// The answer with the order that this key made before; `None`: there is none.
async fn replay(request: &Request, order: &OrderId, digest: &str) -> Result<Option<Answer>, Problem> {
    let known = match request.state.inventory.order(order).await? {
        Some(fact) => Some(fact),
        None => request.state.ledger.order(order).await?,
    };
    match known {
        Some(fact) if fact.digest == digest => Ok(Some(accepted(&fact.id, fact.status).replayed())),
        Some(_) => Err(Code::IdempotencyKeyReused.into()),
        None => Ok(None),
    }
}

fn accepted(order: &OrderId, status: OrderStatus) -> Answer {
    let view = AcceptedView { id: order.to_string(), status: status.as_str() };
    under_way(Answer::json(StatusCode::ACCEPTED, &view), order)
}

/// Headers of a 202: where to look, and when.
fn under_way(answer: Answer, order: &OrderId) -> Answer {
    answer.no_store().location(&format!("/v1/orders/{order}")).retry_after(LOOK_AGAIN_S)
}

/// What the field `coupon` means. An id must be that of a coupon that was issued to this user.
pub(super) fn coupon_choice(request: &Request, coupon: Option<&str>, user: &UserId) -> Result<CouponChoice, Problem> {
    let id = match coupon {
        None => return Ok(CouponChoice::None),
        Some("best") => return Ok(CouponChoice::Best),
        Some(id) => id,
    };
    let known = request.state.inventory.coupons().verify(id, user);
    known
        .map(CouponChoice::One)
        .ok_or_else(|| Problem::field("/coupon", "\"best\", null, or the id of a coupon of this user"))
}

/// `GET /v1/orders/{order}`
pub async fn get(request: Request) -> Outcome {
    let user = request.user()?;
    let wait = Duration::from_secs(request.query.clamped("wait_s", 0, 0, WAIT_S_MAX)?);
    let (order, _) = lookup::order_id(&request)?;
    let mut fact = lookup::own_order(&request, &order, user).await?;
    if !wait.is_zero() && !request.state.inventory.rests(&fact) {
        fact = match rest(&request, &order, wait).await {
            Ok(Waited::Rests(fact)) => *fact,
            Ok(Waited::Gone | Waited::TimeOver) => lookup::own_order(&request, &order, user).await?,
            Err(Busy) => return Err(Problem::new(Code::Overloaded).detail("too many requests wait for orders")),
        };
    }
    Ok(whole(&request, StatusCode::OK, &fact))
}

/// Waits for the order, in slices. So a gateway that stops soon answers what it knows, and the client asks another
/// gateway.
async fn rest(request: &Request, order: &OrderId, wait: Duration) -> Result<Waited, Busy> {
    let mut left = wait;
    while !left.is_zero() && request.state.readiness.is_serving() {
        let slice = left.min(WAIT_SLICE);
        match request.state.inventory.wait(order, slice).await? {
            Waited::TimeOver => left -= slice,
            waited @ (Waited::Rests(_) | Waited::Gone) => return Ok(waited),
        }
    }
    Ok(Waited::TimeOver)
}

/// `POST /v1/orders/{order}/payment`
pub async fn pay(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let scope = request.scope()?;
    let body = request.json::<PaymentBody>()?;
    let (amount, part) = body.value.parts()?;
    let (order, lane) = lookup::order_id(&request)?;
    let attempt = AttemptId::from(fact_id(FactKind::Attempt, lane, scope));
    let answer = |fact: &OrderFact| under_way(whole(&request, StatusCode::ACCEPTED, fact), &order);
    let inventory = &request.state.inventory;
    let config = &request.state.config.payment;
    let is_enough = |payment: PaymentAsk| match amount >= config.least_cash(Some(&payment.provider)) {
        true => Ok(payment),
        false => Err(Code::AmountBelowMinimum.into()),
    };
    let on_sale = lookup::order_not_cancelled(&request, &order, lane).await;
    let allowed = match on_sale {
        Ok(()) => allowed(&request, &order, part).await,
        Err(refusal) => Err(refusal),
    };
    let payment = match allowed.and_then(is_enough) {
        Ok(payment) => payment,
        // A repeat is answered even if the provider is no longer configured, or takes no longer so little.
        Err(refusal) => match inventory.repeated_pay(&order, user, attempt, body.digest).await? {
            PayOutcome::Repeated(fact) => return Ok(answer(&fact).replayed()),
            PayOutcome::KeyReused => return Err(Code::IdempotencyKeyReused.into()),
            _ => return Err(refusal),
        },
    };
    let paying = Paying { order: order.clone(), user: user.clone(), attempt, digest: body.digest, payment, amount };
    match inventory.pay(paying).await? {
        PayOutcome::Accepted(fact) => Ok(answer(&fact)),
        PayOutcome::Repeated(fact) => Ok(answer(&fact).replayed()),
        PayOutcome::KeyReused => Err(Code::IdempotencyKeyReused.into()),
        PayOutcome::NotFound => {
            lookup::past_order(&request, &order, &user).await?;
            Err(Code::NotPayable.into())
        }
        PayOutcome::NotOwner => Err(Code::NotOwner.into()),
        PayOutcome::InProgress => Err(Code::PaymentInProgress.into()),
        PayOutcome::NotPayable => Err(Code::NotPayable.into()),
        PayOutcome::TooMany => Err(Problem::new(Code::NotPayable).detail("no more attempts to pay this order")),
        PayOutcome::AmountMismatch { due } => Err(Problem::new(Code::AmountMismatch).detail(format!("{due} is due"))),
        PayOutcome::Full => Err(lookup::log_full()),
    }
}

/// Refuses what the house does not take for this order. The order is looked up only for a deposit.
async fn allowed(request: &Request, order: &OrderId, part: PaymentPart) -> Result<PaymentAsk, Problem> {
    let state = &request.state;
    let config = &state.config.payment;
    let until_ms = match part.method {
        PaymentMethod::Card => None,
        PaymentMethod::Deposit => {
            let fact = lookup::order(request, order).await?;
            let event = state.catalog.any_event(fact.event.as_str()).ok_or(Code::NotPayable)?;
            Some(deposit_until_ms(config, &event.spec, fact.placed_ms, state.clock.now_ms())?)
        }
    };
    part.allowed(&config.providers, until_ms)
}

/// `DELETE /v1/orders/{order}`
pub async fn cancel(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let (order, _) = lookup::order_id(&request)?;
    let answer = |fact: &OrderFact| Ok(under_way(whole(&request, StatusCode::ACCEPTED, fact), &order));
    match request.state.inventory.cancel(order.clone(), user.clone()).await? {
        CancelOutcome::Accepted(fact) => answer(&fact),
        CancelOutcome::NotFound => {
            let past = lookup::past_order(&request, &order, &user).await?;
            if past.reason == Some(Reason::Cancelled) { answer(&past) } else { Err(Code::NotCancellable.into()) }
        }
        CancelOutcome::NotOwner => Err(Code::NotOwner.into()),
        CancelOutcome::InProgress => Err(Code::PaymentInProgress.into()),
        CancelOutcome::NotCancellable => Err(Code::NotCancellable.into()),
    }
}

fn whole(request: &Request, status: StatusCode, fact: &OrderFact) -> Answer {
    Answer::json(status, &view(request, fact)).no_store()
}

pub(super) fn view(request: &Request, fact: &OrderFact) -> OrderView {
    let state = &request.state;
    let event = state.catalog.any_event(fact.event.as_str());
    OrderView::new(fact, event.as_deref(), Some(state.inventory.coupons()), state.clock.now_ms())
}
