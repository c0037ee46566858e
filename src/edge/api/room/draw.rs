//! A room's draw after its opening: everything needed to compute it again.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use http::header::CACHE_CONTROL;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;

use crate::edge::answer::BoxError;
use crate::edge::api::{lookup, queue};
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::ids::EventId;
use crate::ledger::Reader;

/// A draw, for `stanchion verify-draw` or for anyone who computes it themselves.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DrawList)]
pub struct DrawListView {
    #[schema(example = "spring-hall")]
    pub event: String,
    #[schema(example = 1)]
    pub round: i64,
    /// SHA-256 of the seed's bytes, published before the opening. Lower-case hex, as are the digest and the seed.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub commitment: String,
    /// SHA-256 of the visitor ids, sorted and joined by a line feed.
    #[schema(example = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752")]
    pub list_digest: String,
    #[schema(example = "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13")]
    pub seed: String,
    /// The ids of all visitors who took part, sorted.
    #[schema(example = json!(["3k9xQw7ZpL0", "8a1hTt2RmN4"]))]
    pub visitors: Vec<String>,
}

/// `GET /v1/events/{event}/room/draw`
pub async fn list(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let state = &request.state;
    let Some(counts) = state.admission.counts(&event.room()).await? else { return Err(queue::not_told()) };
    let Some(drawing) = state.room.draws.of(&state.ledger, &event, &counts).await? else {
        return Err(Problem::new(Code::NotFound).detail("this room has no draw"));
    };
    let seed = drawing.told_seed(state.clock.now_ms());
    let (Some(draw), Some(seed)) = (&drawing.draw, seed) else { return Err(Code::DrawNotOpen.into()) };
    let sending = state.room.draws.list().ok_or(Code::Overloaded)?;

    let whole = DrawListView {
        event: event.id.to_string(),
        round: drawing.round,
        commitment: drawing.commitment(),
        list_digest: draw.list_digest.clone(),
        seed,
        visitors: Vec::new(),
    };
    let list = List {
        head: Some(up_to_visitors(&whole)),
        ledger: state.ledger.clone(),
        event: event.id.clone(),
        round: drawing.round,
        parts: 0..draw.parts,
        left: draw.visitors,
        begun: false,
        over: false,
        _sending: sending,
    };
    // A round's draw never changes, but this address shows the draw of the present round, which changes.
    let body = StreamBody::new(stream::try_unfold(list, List::next));
    Ok(Answer::body(StatusCode::OK, "application/json", body).header(CACHE_CONTROL, "public, max-age=60"))
}

/// The JSON up to the first visitor.
fn up_to_visitors(whole: &DrawListView) -> Bytes {
    let text = serde_json::to_string(whole).expect("views are maps with text keys");
    let head = text.strip_suffix("]}").expect("the last field is an empty list");
    Bytes::copy_from_slice(head.as_bytes())
}

/// A list that is being sent, with one part of it in memory at a time.
struct List {
    head: Option<Bytes>,
    ledger: Reader,
    event: EventId,
    round: i64,
    parts: std::ops::Range<i64>,
    /// Visitors still to come.
    left: i64,
    begun: bool,
    over: bool,
    _sending: OwnedSemaphorePermit,
}

impl List {
    async fn next(mut self) -> Result<Option<(Frame<Bytes>, Self)>, BoxError> {
        if self.over {
            return Ok(None);
        }
        let bytes = match self.head.take() {
            Some(head) => Ok(head),
            None => match self.parts.next() {
                Some(part) => self.part(part).await,
                None => self.end(),
            },
        };
        match bytes {
            Ok(bytes) => Ok(Some((Frame::data(bytes), self))),
            Err(error) => {
                tracing::warn!(event = %self.event, round = self.round, %error, "a draw's list breaks off");
                Err(error)
            }
        }
    }

    async fn part(&mut self, part: i64) -> Result<Bytes, BoxError> {
        let body = self.ledger.draw_part(&self.event, self.round, part).await?;
        let body = body.ok_or_else(|| io::Error::other("a part of the draw is missing"))?;
        let mut text = String::with_capacity(body.len() + body.len() / 4);
        for visitor in body.lines() {
            if std::mem::replace(&mut self.begun, true) {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(visitor)?);
            self.left -= 1;
        }
        Ok(text.into())
    }

    fn end(&mut self) -> Result<Bytes, BoxError> {
        // The connection breaks off, so that nobody takes a part of the list for the whole.
        if self.left != 0 {
            return Err(io::Error::other("the draw's parts are not its list").into());
        }
        self.over = true;
        Ok(Bytes::from_static(b"]}"))
    }
}
