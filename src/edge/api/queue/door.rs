//! Whether a newcomer may take a place. While many enter, a newcomer needs a proof of work. The joins of one address
//! are limited. A visitor with a token has passed these checks before.

use http::StatusCode;

use super::ProofBody;
use super::challenge::ChallengeView;
use crate::admission::proof::{Challenge, Door, Proof, ProofOutcome};
use crate::catalog::{Event, Identity};
use crate::edge::api::lookup;
use crate::edge::http::limits::TooSoon;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::{UserId, VisitorId};
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
    let proven = match request.state.proofs.check(request.state.clock.now_ms(), door, proof) {
        ProofOutcome::Free => None,
        ProofOutcome::Proven(visitor) => Some(visitor),
        ProofOutcome::Missing => return Err(refused(Code::ProofRequired)),
        ProofOutcome::Refused(_) => return Err(refused(Code::ProofInvalid)),
    };
    // Joins are counted after the proof: a request that only gets a challenge is no join, and a newcomer who is refused
    // here may show the same proof again later.
    request.state.limits.check_join(request.client).map_err(|TooSoon(wait)| {
        metrics::counter!(EDGE_LIMITED, "limit" => "join").increment(1);
        Problem::new(Code::TooManyRequests).detail("very many join from this address").retry_after(wait.as_secs() + 1)
    })?;
    Ok(proven)
}

/// Whether a newcomer needs a proof just now.
pub fn asks(request: &Request, event: &Event) -> bool {
    request.state.proofs.bits(request.state.clock.now_ms(), &event.id) > 0
}

fn holder(request: &Request, event: &Event, user: Option<&UserId>) -> Option<VisitorId> {
    user.map(|user| request.state.admission.tokens().visitor_of(&event.id, user))
}

fn asked(request: &Request, event: &Event, holder: Option<&VisitorId>) -> ChallengeView {
    let now_ms = request.state.clock.now_ms();
    let challenge: Challenge = request.state.proofs.challenge(now_ms, Door { event: &event.id, holder });
    ChallengeView::new(challenge, now_ms)
}
