//! The seat map. Each version is made and compressed once, however many visitors look at it.

pub mod routes;
pub mod view;

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use dashmap::DashMap;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};

use self::view::{SeatsView, etag};
use super::lookup;
use crate::catalog::Event;
use crate::edge::http::gzip;
use crate::edge::{Answer, Code, Outcome, Request};
use crate::facts::ids::EventId;
use crate::facts::seat::SeatMap;

/// The last map made of each event of the catalogue.
#[derive(Default)]
pub struct SeatPages(DashMap<EventId, Arc<SeatsPage>>);

struct SeatsPage {
    etag: String,
    json: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl SeatPages {
    /// Forgets the maps of events that are not there any more.
    pub fn keep(&self, is_there: impl Fn(&EventId) -> bool) {
        self.0.retain(|event, _| is_there(event));
    }

    fn get(&self, event: &Event, map: &SeatMap) -> Arc<SeatsPage> {
        let etag = etag(event, map);
        if let Some(page) = self.0.get(&event.id)
            && page.etag == etag
        {
            return Arc::clone(&page);
        }
        let mut page = self.0.entry(event.id.clone()).or_insert_with(|| SeatsPage::named(&etag));
        if page.etag != etag {
            *page = SeatsPage::named(&etag);
        }
        Arc::clone(&page)
    }
}

impl SeatsPage {
    fn named(etag: &str) -> Arc<Self> {
        Arc::new(Self { etag: etag.to_owned(), json: OnceLock::new(), gzip: OnceLock::new() })
    }

    /// The first caller makes the JSON. The others wait for it, about a millisecond.
    fn json(&self, event: &Event, map: &SeatMap) -> Bytes {
        let make = || serde_json::to_vec(&SeatsView::new(event, map)).expect("views are maps with text keys").into();
        self.json.get_or_init(make).clone()
    }

    fn gzip(&self, event: &Event, map: &SeatMap) -> Bytes {
        self.gzip.get_or_init(|| gzip::zip(&self.json(event, map))).clone()
    }
}

/// `GET /v1/events/{event}/seats`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let Some(map) = request.state.inventory.seats().get(event.lane, &event.id).await? else {
        // The catalogue has the event, and its lane will be told of it in a moment.
        return Err(Code::Recovering.into());
    };
    let page = request.state.seats.get(&event, &map);
    let named = |answer: Answer| {
        answer.header(ETAG, &page.etag).header(CACHE_CONTROL, "no-cache").header(VARY, "accept-encoding")
    };
    if request.header(IF_NONE_MATCH.as_str()).is_some_and(|tags| matches(tags, &page.etag)) {
        return Ok(named(Answer::empty(StatusCode::NOT_MODIFIED)));
    }
    let json = |bytes| Answer::bytes(StatusCode::OK, "application/json", bytes);
    Ok(if gzip::is_taken_by(&request.headers) {
        named(json(page.gzip(&event, &map))).header(CONTENT_ENCODING, "gzip")
    } else {
        named(json(page.json(&event, &map)))
    })
}

/// If-None-Match of RFC 9110: a list of tags, weakly compared, or `*`.
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_is_not_sent_again() {
        for yes in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(matches(yes, "\"a\""), "{yes}");
        }
        assert!(!matches("\"b\"", "\"a\"") && !matches("a", "\"a\""));
    }
}
