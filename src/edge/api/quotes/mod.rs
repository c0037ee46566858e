//! What a hold would cost, by the writer's own arithmetic and by what the ledger knows now.

pub mod routes;
pub mod view;

use http::StatusCode;

use self::view::{ChosenCouponView, QuoteView, unusable};
use super::orders::body::QuoteBody;
use super::{lookup, orders};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::coupon::CouponChoice;
use crate::facts::hold::HoldState;
use crate::facts::ids::{EventId, UserId};
use crate::facts::points::PointsAsk;
use crate::ledger::rules::line::{Cart, Priced};
use crate::ledger::rules::quote::{Inputs, QuoteInput, QuoteOutcome as Quote};

/// `POST /v1/events/{event}/holds/{hold}/quote`
pub async fn create(request: Request) -> Outcome {
    let user = request.user()?.clone();
    let ask = request.json_or_empty::<QuoteBody>()?.value;
    ask.check()?;
    let event = lookup::event(&request)?;
    lookup::not_cancelled(&event)?;
    let hold = lookup::hold(&request, &event).await?;
    match hold.state {
        HoldState::Held => {}
        HoldState::Ordered => return Err(Code::HoldAlreadyOrdered.into()),
        HoldState::Expired => return Err(Code::HoldExpired.into()),
        HoldState::Released => return Err(lookup::released()),
    }
    let choice = orders::coupon_choice(&request, ask.coupon.as_deref(), &user)?;
    let types = orders::types::chosen(&ask.types, &hold, &event)?;
    let seats = hold.cart(&types).expect("the types chosen are those of the hold");
    let now_ms = request.state.clock.now_ms();
    let inputs = request.state.ledger.quote_inputs(&user, &choice, now_ms).await?;

    let usable = inputs.usable;
    let terms = event.terms_for(&hold);
    let cart = Cart::by_terms(&seats, hold.earn_bp, &terms);
    let quoting = Quoting { request: &request, user: &user, event: &hold.event, cart, inputs: &inputs };
    let (priced, chosen) = quoting.quote(&choice, ask.points.ask(), now_ms)?;
    Ok(Answer::json(StatusCode::OK, &QuoteView::new(&event, &hold, &priced, chosen, usable, now_ms)).no_store())
}

struct Quoting<'a> {
    request: &'a Request,
    user: &'a UserId,
    event: &'a EventId,
    cart: Cart<'a>,
    inputs: &'a Inputs,
}

impl Quoting<'_> {
    /// Leaves out a coupon that cannot be used, and points that the user does not have: a quote shows what could be
    /// ordered. It also says why the coupon is not the one that was asked for.
    fn quote(
        &self,
        choice: &CouponChoice,
        points: PointsAsk,
        now_ms: i64,
    ) -> Result<(Priced, ChosenCouponView), Problem> {
        let mut points = points;
        let mut choice = choice;
        let mut reason = None;
        loop {
            let ask = QuoteInput {
                event: self.event,
                cart: self.cart,
                coupon: choice,
                points,
                least_cash: self.request.state.config.payment.least_cash(None),
                now_ms,
            };
            match self.inputs.quote(ask) {
                Quote::Quoted { priced, coupon } => {
                    let coupons = self.request.state.inventory.coupons();
                    let coupon = coupon.map(|coupon| coupons.sign(&coupon, self.user));
                    let reason = reason.unwrap_or_else(|| why(choice, coupon.is_some()));
                    return Ok((priced, ChosenCouponView { coupon, reason }));
                }
                Quote::CouponUnavailable(why) => {
                    reason = Some(unusable(why));
                    choice = &CouponChoice::None;
                }
                Quote::InsufficientPoints { .. } => points = PointsAsk::MAX,
                Quote::BelowMinimum => return Err(Code::AmountBelowMinimum.into()),
            }
        }
    }
}

fn why(choice: &CouponChoice, found: bool) -> &'static str {
    match (choice, found) {
        (CouponChoice::None, _) => "none_asked_for",
        (CouponChoice::Best, true) => "largest_discount",
        (CouponChoice::Best, false) => "none_fits",
        (CouponChoice::One(_), _) => "asked_for",
    }
}
