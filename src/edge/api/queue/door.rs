//! The entrance ([`crate::admission::Entrance`]) as requests see it: its challenges and its refusals.

use http::StatusCode;

use super::ProofBody;
use super::challenge::ChallengeView;
use crate::admission::EntranceRefusal;
use crate::admission::proof::{Door, Proof};
use crate::catalog::{Event, Identity};
use crate::edge::api::lookup;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::{UserId, VisitorId};
use crate::limiter::TooSoon;
use crate::metrics::EDGE_LIMITED;

/// `GET /v1/events/{event}/queue/challenge`
pub async fn challenge(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let user = match event.spec.room.identity {
        Identity::Browser => None,
        Identity::User => Some(request.user()?),
    };
    Ok(Answer::json(StatusCode::OK, &asked(&request, &event, holder(&request, &event, user).as_ref())).no_store())
}

/// Lets a newcomer take a place, or refuses it. A good proof decides which visitor the newcomer is. That visitor is
/// returned.
pub fn pass(
    request: &Request,
    event: &Event,
    user: Option<&UserId>,
    proof: Option<&ProofBody>,
) -> Result<Option<VisitorId>, Problem> {
    let holder = holder(request, event, user);
    let door = Door { event: &event.id, holder: holder.as_ref() };
    let proof = proof.map(|ProofBody { challenge, nonce }| Proof { challenge, nonce });
    let refused = |code: Code| Problem::new(code).challenge(asked(request, event, holder.as_ref()));
    let (entrance, now_ms) = (request.state.admission.entrance(), request.state.clock.now_ms());
    entrance.pass(now_ms, door, proof, request.client).map_err(|refusal| match refusal {
        EntranceRefusal::ProofRequired => refused(Code::ProofRequired),
        EntranceRefusal::ProofInvalid => refused(Code::ProofInvalid),
        EntranceRefusal::TooSoon(TooSoon(wait)) => {
            metrics::counter!(EDGE_LIMITED, "limit" => "join").increment(1);
            let many = Problem::new(Code::TooManyRequests).detail("very many join from this address");
            many.retry_after(wait.as_secs() + 1)
        }
    })
}

/// Whether a newcomer needs a proof just now.
pub fn asks(request: &Request, event: &Event) -> bool {
    request.state.admission.entrance().asks(request.state.clock.now_ms(), &event.id)
}

fn holder(request: &Request, event: &Event, user: Option<&UserId>) -> Option<VisitorId> {
    user.map(|user| request.state.admission.tokens().visitor_of(&event.id, user))
}

fn asked(request: &Request, event: &Event, holder: Option<&VisitorId>) -> ChallengeView {
    let now_ms = request.state.clock.now_ms();
    let door = Door { event: &event.id, holder };
    ChallengeView::new(request.state.admission.entrance().challenge(now_ms, door), now_ms)
}
