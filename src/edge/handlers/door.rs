//! Who may take a place: a proof of work while many enter, and so many joins an address. Whoever carries a
//! token has been through here.

use http::StatusCode;

use super::lookup;
use super::queue::ProofBody;
use crate::admission::proof::{Challenge, Checked, Door, Proof};
use crate::catalog::{Event, Identity};
use crate::edge::limits::TooSoon;
use crate::edge::views::challenge::ChallengeView;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::ids::{UserId, VisitorId};
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

/// Lets a newcomer go on to take a place, or says why not; the visitor whom a proof made.
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
        Checked::Free => None,
        Checked::Proven(visitor) => Some(visitor),
        Checked::Missing => return Err(refused(Code::ProofRequired)),
        Checked::Refused(_) => return Err(refused(Code::ProofInvalid)),
    };
    // After the proof: asking for a challenge is no joining, and a proof may be shown again.
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
