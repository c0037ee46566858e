//! The waiting room's page. `GET` shows and changes nothing, so that previews and prefetches take no place;
//! the page's script enters by the API, and without a script its form does, by `POST` and a redirect.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE, X_CONTENT_TYPE_OPTIONS};

use super::onward::Onward;
use super::{door, lookup, queue, room};
use crate::catalog::{Event, Identity};
use crate::edge::credential::Carried;
use crate::edge::place::{PlaceView, RoomStateView, StateView};
use crate::edge::{Answer, Code, Outcome, Problem, Request, room_of};
use crate::web::room::{self as page, Eta, Facts, Lang, Mood, Page, Stage, Trouble};

/// After a fault the page without a script asks again so soon, ms.
const AGAIN_MS: i64 = 5_000;

/// `GET /room/{event}`
pub async fn show(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let place = match queue::token(&request, &event) {
        Ok(token) => Some(queue::poll_place(&request, &room_of(&event), token, None).await),
        Err(_) => None,
    };
    match place {
        Some(Ok(standing)) => {
            let view = PlaceView::new(&event, standing, request.state.clock.now_ms());
            let facts = Facts { needs_script: door::asks(&request, &event), ..of_place(&event, &view) };
            let answer = write(&request, &event, StatusCode::OK, facts);
            Ok(queue::keep(&request, &event, &view, answer))
        }
        // The place is in the token; that its lane does not answer just now takes nothing from it.
        Some(Err(problem)) => {
            tracing::debug!(code = problem.code.text(), "no place for a page");
            let facts = Facts { mood: Mood::Recovering, poll_after_ms: AGAIN_MS, ..bare(Stage::Waiting) };
            Ok(write(&request, &event, StatusCode::SERVICE_UNAVAILABLE, facts))
        }
        None => {
            let (status, facts) = at_door(&request, &event).await;
            let answer = write(&request, &event, status, facts);
            // A cookie that is no token of ours would stand in its visitor's way for ever.
            let carried = request.state.queue_token(&request.headers, event.id.as_str());
            let forged = matches!(carried, Some((_, Carried::Cookie)));
            Ok(if forged { queue::forget(&request, &event, answer) } else { answer })
        }
    }
}

/// `POST /room/{event}`: with a place, the same one again.
pub async fn enter(mut request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let kept = Onward::of(&request, &event).kept;
    // Another site's form would put a new place over the one this browser keeps.
    request.state.origins.must_be_own(&request.headers)?;
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

/// To the page, with the cookies the API set.
fn back(event: &Event, kept: &str, outcome: Outcome, done: &str) -> Outcome {
    let (query, answer) = match outcome {
        Ok(answer) => (if answer.status().is_success() { done } else { "again" }, Some(answer)),
        Err(problem) => (told(problem)?, None),
    };
    let query: Vec<&str> = [query, kept].into_iter().filter(|part| !part.is_empty()).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let page = Answer::empty(StatusCode::SEE_OTHER).location(&format!("/room/{}{query}", event.id)).no_store();
    let headers = answer.map(|answer| answer.into_response().into_parts().0.headers).unwrap_or_default();
    let cookies = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
    Ok(cookies.fold(page, Answer::cookie))
}

/// What the page can say of a problem itself; the others stay problems.
fn told(problem: Problem) -> Result<&'static str, Problem> {
    match problem.code {
        Code::RoomClosed | Code::Unauthenticated | Code::QueueTokenInvalid => Ok("again"),
        Code::Overloaded | Code::Unavailable | Code::Recovering | Code::TooManyRequests => Ok("busy"),
        Code::ProofRequired | Code::ProofInvalid => Ok("script"),
        _ => Err(problem),
    }
}

fn write(request: &Request, event: &Event, status: StatusCode, facts: Facts) -> Answer {
    let onward = Onward::of(request, event);
    let nonce = format!("{:032x}", rand::random::<u128>());
    let page = Page {
        event: event.id.as_str(),
        name: &event.spec.name,
        onward: &onward.url,
        kept: &onward.kept,
        lang: Lang::wanted(request.header("accept-language").unwrap_or("")),
        nonce: &nonce,
        facts,
    };
    let answer = Answer::bytes(status, "text/html; charset=utf-8", page.write(&request.state.room_template));
    answer
        .no_store()
        .vary("accept-language")
        .header(CONTENT_SECURITY_POLICY, &page::policy(&nonce))
        // The forms need their Origin, which browsers withhold under a stricter one.
        .header(REFERRER_POLICY, "same-origin")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
}

fn bare(stage: Stage) -> Facts {
    Facts {
        stage,
        mood: Mood::Open,
        trouble: None,
        ahead: None,
        behind: None,
        eta: None,
        seats_left: None,
        waiting: None,
        opens_at: None,
        until: None,
        poll_after_ms: 0,
        needs_script: false,
    }
}

async fn at_door(request: &Request, event: &Event) -> (StatusCode, Facts) {
    let says = |name: &str| request.query.get(name).is_some();
    let trouble =
        [("left", Trouble::Left), ("busy", Trouble::Busy), ("again", Trouble::Again), ("script", Trouble::Script)];
    let trouble = trouble.into_iter().find(|(name, _)| says(name)).map(|(_, trouble)| trouble);
    let stage = match (event.spec.room.identity, &request.user) {
        (Identity::User, None) => Stage::SignIn,
        (Identity::User, Some(_)) | (Identity::Browser, _) => Stage::Door,
    };
    match room::counts(request, event).await {
        Ok(view) => {
            let opens_at = event.spec.opens_at.and_then(|at| local(event, at.0, "%Y-%m-%d %H:%M %Z"));
            let (mood, waiting, needs_script) = (mood(view.room), view.waiting, door::asks(request, event));
            let facts = Facts { trouble, mood, waiting, opens_at, needs_script, ..bare(stage) };
            (StatusCode::OK, facts)
        }
        Err(problem) => {
            tracing::debug!(code = problem.code.text(), "no counts for a page");
            (StatusCode::SERVICE_UNAVAILABLE, Facts { trouble: Some(Trouble::Busy), ..bare(stage) })
        }
    }
}

fn of_place(event: &Event, view: &PlaceView<'_>) -> Facts {
    let stage = match view.state {
        StateView::Scheduled => Stage::Scheduled,
        StateView::Waiting => Stage::Waiting,
        StateView::Admitted => Stage::Admitted,
        StateView::Done => Stage::Done,
        StateView::Closed => Stage::Closed,
    };
    Facts {
        mood: mood(view.room),
        ahead: view.ahead,
        behind: view.behind,
        eta: view.eta_s.as_ref().map(|eta| Eta { low_s: eta.low, high_s: eta.high }),
        seats_left: view.seats_left,
        opens_at: event.spec.opens_at.and_then(|at| local(event, at.0, "%Y-%m-%d %H:%M %Z")),
        until: view.expires_at.and_then(|at| local(event, at.0, "%H:%M %Z")),
        poll_after_ms: view.poll_after_ms,
        ..bare(stage)
    }
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

/// A time at the event's place; a browser with a script shows it at the visitor's.
fn local(event: &Event, at_ms: i64, format: &str) -> Option<String> {
    let at = jiff::Timestamp::from_millisecond(at_ms).ok()?;
    Some(at.in_tz(&event.spec.timezone).ok()?.strftime(format).to_string())
}
