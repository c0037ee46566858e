//! The waiting room's page. `GET` shows it and changes nothing, so that previews and prefetches take no place. The
//! page's script enters by the API. Without a script the page's form enters, by `POST` and a redirect.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};

use super::draws;
use super::onward::Onward;
use crate::catalog::{Event, Identity};
use crate::edge::api::queue::door;
use crate::edge::api::queue::place::{PlaceView, RoomStateView, StateView};
use crate::edge::api::queue::room_view::RoomView;
use crate::edge::api::{lookup, queue, room};
use crate::edge::credential::Carried;
use crate::edge::http::listed::listed;
use crate::edge::{Answer, Code, Outcome, Problem, Request, credential};
use crate::facts::place::Token;
use crate::facts::room::AdmissionOrder;
use crate::facts::time::{Millis, seconds_until};
use crate::random;
use crate::web::room as page;
use crate::web::room::{DrawFacts, EtaFacts, Facts, Lang, Mood, Rank, RoomPage, Shut, Stage, Times, Trouble};

/// How long the page without a script waits after a fault before it asks again, ms.
const AGAIN_MS: i64 = 5_000;
/// The same for programs that read `Retry-After`, s.
const AGAIN_S: u64 = 5;

/// Longest time that the page waits for the ledger to answer about a draw.
const DRAW_WITHIN: Duration = Duration::from_millis(500);

/// `GET /room/{event}`
pub async fn show(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let Ok(token) = queue::token(&request, &event) else { return Ok(show_door(&request, &event).await) };
    match queue::poll_place(&request, &event.room(), token.clone(), None).await {
        Ok(standing) => {
            let view = PlaceView::new(&event, standing, request.state.clock.now_ms());
            let draw = draw(&request, &event, Some(&token)).await;
            let facts = Facts { draw, ..of_place(&request, &event, &view) };
            let answer = write(&request, &event, StatusCode::OK, facts);
            Ok(queue::keep(&request, &event, &view, answer))
        }
        // The place is in the token, so it is not lost when its lane does not answer just now.
        Err(problem) => {
            tracing::debug!(code = problem.code.text(), "no place for a page");
            let bare = bare(&request, &event, Stage::Waiting);
            let facts = Facts { mood: Mood::Recovering, poll_after_ms: AGAIN_MS, ..bare };
            Ok(write(&request, &event, StatusCode::SERVICE_UNAVAILABLE, facts).retry_after(AGAIN_S))
        }
    }
}

async fn show_door(request: &Request, event: &Event) -> Answer {
    let answer = match room::counts(request, event).await {
        Ok(view) => {
            let facts = Facts { draw: draw(request, event, None).await, ..at_door(request, event, &view) };
            write(request, event, StatusCode::OK, facts)
        }
        Err(problem) => {
            tracing::debug!(code = problem.code.text(), "no counts for a page");
            let bare = bare(request, event, Stage::Door);
            let facts = Facts { trouble: Some(Trouble::Busy), poll_after_ms: AGAIN_MS, ..bare };
            write(request, event, StatusCode::SERVICE_UNAVAILABLE, facts).retry_after(AGAIN_S)
        }
    };
    // A cookie that holds no good token is deleted: it would stand in its visitor's way for ever.
    let carried = request.state.queue_token(&request.headers, event.id.as_str());
    let forged = matches!(carried, Some((_, Carried::Cookie)));
    let answer = if forged { queue::forget(request, event, answer) } else { answer };
    match credential::keeps_cookies(&request.headers) {
        true => answer,
        false => answer.cookie(&queue::jar(request).probe()),
    }
}

/// `POST /room/{event}`: a visitor who has a place keeps it.
pub async fn enter(mut request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let kept = Onward::of(&request, &event).kept;
    // Another site's form must not replace the place that this browser keeps.
    request.state.origins.must_be_own(&request.headers)?;
    let has_place = request.state.queue_token(&request.headers, event.id.as_str()).is_some();
    // A browser without cookies would lose its place the moment it is given, and take another with each press.
    if !has_place && !credential::keeps_cookies(&request.headers) {
        return Ok(to_page(&event, "cookies", &kept));
    }
    request.body = Bytes::new();
    back(&event, &kept, queue::enter(request).await, "")
}

/// `POST /room/{event}/leave`
pub async fn leave(mut request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let kept = Onward::of(&request, &event).kept;
    request.state.origins.must_be_own(&request.headers)?;
    request.body = Bytes::new();
    back(&event, &kept, queue::leave(request).await, "left")
}

/// Redirects to the page, with the cookies that the API set.
fn back(event: &Event, kept: &str, outcome: Outcome, done: &str) -> Outcome {
    let (said, answer) = match outcome {
        Ok(answer) => (if answer.status().is_success() { done } else { "again" }, Some(answer)),
        Err(problem) => (told(problem)?, None),
    };
    let headers = answer.map(|answer| answer.into_response().into_parts().0.headers).unwrap_or_default();
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    Ok(cookies.fold(to_page(event, said, kept), Answer::cookie))
}

fn to_page(event: &Event, said: &str, kept: &str) -> Answer {
    let query: Vec<&str> = [said, kept].into_iter().filter(|part| !part.is_empty()).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    Answer::empty(StatusCode::SEE_OTHER).location(&format!("/room/{}{query}", event.id)).no_store()
}

/// The word by which the page itself shows this problem. Any other problem is returned.
fn told(problem: Problem) -> Result<&'static str, Problem> {
    match problem.code {
        Code::RoomClosed | Code::Unauthenticated => Ok("again"),
        Code::QueueTokenInvalid => Ok("gone"),
        Code::Overloaded | Code::Unavailable | Code::Recovering | Code::TooManyRequests => Ok("busy"),
        Code::ProofRequired | Code::ProofInvalid => Ok("script"),
        _ => Err(problem),
    }
}

fn write(request: &Request, event: &Event, status: StatusCode, facts: Facts) -> Answer {
    let onward = Onward::of(request, event);
    let nonce = hex::encode(random::bytes::<16>());
    let page = RoomPage {
        event: event.id.as_str(),
        name: &event.spec.name,
        zone: &event.spec.timezone,
        onward: &onward.url,
        kept: &onward.kept,
        lang: Lang::wanted(listed(&request.headers, &ACCEPT_LANGUAGE)),
        nonce: &nonce,
        facts,
    };
    let answer = Answer::bytes(status, "text/html; charset=utf-8", page.write(&request.state.room.template));
    answer
        .no_store()
        .vary("accept-language")
        .header(CONTENT_SECURITY_POLICY, &page::policy(&nonce))
        // The forms need their Origin header, which browsers withhold under a stricter policy.
        .header(REFERRER_POLICY, "same-origin")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// The facts that do not depend on the place.
fn bare(request: &Request, event: &Event, stage: Stage) -> Facts {
    let (spec, now_ms) = (&event.spec, request.state.clock.now_ms());
    let (opens_ms, closes_ms) = (spec.opens_at.map(|at| at.0), spec.closes_at.map(|at| at.0));
    Facts {
        lottery: spec.room.order == AdmissionOrder::Lottery,
        person: spec.room.identity == Identity::User,
        shut: match (opens_ms, closes_ms) {
            (_, Some(closes_ms)) if closes_ms <= now_ms => Shut::ForGood,
            (Some(opens_ms), _) if opens_ms > now_ms => Shut::Until,
            _ => Shut::ForNow,
        },
        times: Times {
            now: local(event, now_ms, "%H:%M:%S %Z").unwrap_or_default(),
            opens_at: opens_ms.and_then(|at_ms| local(event, at_ms, DATE)),
            closes_at: closes_ms.and_then(|at_ms| local(event, at_ms, DATE)),
            called_at: None,
        },
        opens_in_s: opens_ms.map(|opens_ms| seconds_until(opens_ms, now_ms)),
        grace_s: spec.room.late_grace_s,
        stays: request.query.get("stay").is_some(),
        needs_script: door::asks(request, event),
        ..Facts::bare(stage)
    }
}

fn at_door(request: &Request, event: &Event, view: &RoomView) -> Facts {
    let says = |name: &str| request.query.get(name).is_some();
    let troubles = [
        ("left", Trouble::Left),
        ("busy", Trouble::Busy),
        ("again", Trouble::Again),
        ("gone", Trouble::Gone),
        ("cookies", Trouble::Cookies),
        ("script", Trouble::Script),
    ];
    let stage = match (event.spec.room.identity, &request.user) {
        (Identity::User, None) => Stage::SignIn,
        (Identity::User, Some(_)) | (Identity::Browser, _) => Stage::Door,
    };
    Facts {
        mood: mood(view.room),
        trouble: troubles.into_iter().find(|(name, _)| says(name)).map(|(_, trouble)| trouble),
        waiting: view.waiting,
        seats_left: view.seats_left,
        full: view.rate_per_min == 0 || view.inside.is_none_or(|inside| inside >= view.capacity),
        ..bare(request, event, stage)
    }
}

fn of_place(request: &Request, event: &Event, view: &PlaceView<'_>) -> Facts {
    let stage = match view.state {
        StateView::Scheduled => Stage::Scheduled,
        StateView::Waiting => Stage::Waiting,
        StateView::Admitted => Stage::Admitted,
        StateView::Done => Stage::Done,
        StateView::Closed => Stage::Closed,
    };
    let bare = bare(request, event, stage);
    Facts {
        mood: mood(view.room),
        ahead: view.ahead,
        behind: view.behind,
        eta: view.eta_s.as_ref().map(|eta| EtaFacts { low_s: eta.low, high_s: eta.high }),
        seats_left: view.seats_left,
        waiting: view.waiting,
        late: view.late,
        times: Times { called_at: view.called_at.and_then(|at| local(event, at.0, "%H:%M %Z")), ..bare.times },
        left_s: view.expires_in_s,
        poll_after_ms: view.poll_after_ms,
        ..bare
    }
}

/// The room's draw; `None` if it has none, or if its counts are not known.
async fn draw(request: &Request, event: &Event, token: Option<&Token>) -> Option<DrawFacts> {
    let state = &request.state;
    if event.spec.room.order != AdmissionOrder::Lottery {
        return None;
    }
    let counts = state.admission.counts(&event.room()).await.ok()??;
    let found = tokio::time::timeout(DRAW_WITHIN, state.room.draws.of(&state.ledger, event, &counts)).await;
    let drawing = match found {
        Ok(Ok(drawing)) => drawing,
        // The ledger does not answer just now; the commitment is known without it.
        Ok(Err(_)) | Err(_) => draws::committed(event, &counts),
    }?;
    let now_ms = state.clock.now_ms();
    let rank = match token {
        _ if counts.drawing => Rank::Before,
        Some(token) if token.score >= 0 => Rank::After,
        Some(token) => match state.room.draws.ranks(&state.ledger, &event.id, &drawing, now_ms) {
            Some(ranks) => ranks.of(token.score).map_or(Rank::After, |rank| Rank::Drawn { rank, of: ranks.count() }),
            None => Rank::Soon,
        },
        None => Rank::Soon,
    };
    Some(DrawFacts {
        commitment: drawing.commitment(),
        list_digest: drawing.draw.as_ref().map(|draw| draw.list_digest.clone()),
        seed: drawing.told_seed(now_ms),
        visitor: token.map(|token| token.visitor.to_string()),
        rank,
    })
}

fn mood(room: RoomStateView) -> Mood {
    match room {
        RoomStateView::Scheduled => Mood::Scheduled,
        RoomStateView::Open => Mood::Open,
        RoomStateView::Paused => Mood::Paused,
        RoomStateView::Drain => Mood::Drain,
        RoomStateView::Closed => Mood::Closed,
        RoomStateView::Recovering => Mood::Recovering,
        RoomStateView::SoldOut => Mood::SoldOut,
    }
}

const DATE: &str = "%Y-%m-%d %H:%M %Z";

/// A time in the event's time zone. The page's script shows times in the visitor's time zone, the opening in both.
fn local(event: &Event, at_ms: Millis, format: &str) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at_ms).ok()?;
    Some(at.in_tz(&event.spec.timezone).ok()?.strftime(format).to_string())
}
