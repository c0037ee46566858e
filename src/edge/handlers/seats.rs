//! The seat map. Made and compressed once a version, however many look at it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use dashmap::DashMap;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, IF_NONE_MATCH, VARY};
use std::io::Write as _;

use super::lookup;
use crate::catalog::Event;
use crate::edge::views::seats::{SeatsView, etag};
use crate::edge::{Answer, Code, Outcome, Request};
use crate::ids::EventId;
use crate::lane::SeatMap;

/// The last map made of each event of the catalogue.
#[derive(Default)]
pub struct SeatPages(DashMap<EventId, Arc<Page>>);

struct Page {
    etag: String,
    json: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl SeatPages {
    fn get(&self, event: &Event, map: &SeatMap) -> Arc<Page> {
        let etag = etag(event, map);
        if let Some(page) = self.0.get(&event.id)
            && page.etag == etag
        {
            return Arc::clone(&page);
        }
        let mut page = self.0.entry(event.id.clone()).or_insert_with(|| Page::named(&etag));
        if page.etag != etag {
            *page = Page::named(&etag);
        }
        Arc::clone(&page)
    }
}

impl Page {
    fn named(etag: &str) -> Arc<Self> {
        Arc::new(Self { etag: etag.to_owned(), json: OnceLock::new(), gzip: OnceLock::new() })
    }

    /// Whoever comes first makes it; the others wait that millisecond.
    fn json(&self, event: &Event, map: &SeatMap) -> Bytes {
        let make = || serde_json::to_vec(&SeatsView::new(event, map)).expect("views are maps with text keys").into();
        self.json.get_or_init(make).clone()
    }

    fn gzip(&self, event: &Event, map: &SeatMap) -> Bytes {
        let make = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&self.json(event, map)).expect("a Vec takes all");
            encoder.finish().expect("a Vec takes all").into()
        };
        self.gzip.get_or_init(make).clone()
    }
}

/// `GET /v1/events/{event}/seats`
pub async fn get(request: Request) -> Outcome {
    let event = lookup::event(&request)?;
    let Some(map) = request.state.inventory.seats().get(event.lane, &event.id).await? else {
        // The catalogue has it and its lane not yet: a moment's matter.
        return Err(Code::Recovering.into());
    };
    let page = request.state.seat_pages.get(&event, &map);
    let named = |answer: Answer| {
        answer.header(ETAG, &page.etag).header(CACHE_CONTROL, "no-cache").header(VARY, "accept-encoding")
    };
    if request.header(IF_NONE_MATCH.as_str()).is_some_and(|tags| matches(tags, &page.etag)) {
        return Ok(named(Answer::empty(StatusCode::NOT_MODIFIED)));
    }
    let json = |bytes| Answer::bytes(StatusCode::OK, "application/json", bytes);
    Ok(if request.header(ACCEPT_ENCODING.as_str()).is_some_and(takes_gzip) {
        named(json(page.gzip(&event, &map))).header(CONTENT_ENCODING, "gzip")
    } else {
        named(json(page.json(&event, &map)))
    })
}

/// If-None-Match of RFC 9110: a list of tags, weakly compared, or `*`.
fn matches(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Accept-Encoding of RFC 9110: gzip (or anything) with a weight above zero; gzip's own weight wins.
fn takes_gzip(header: &str) -> bool {
    let mut any = false;
    for part in header.split(',') {
        let mut words = part.split(';').map(str::trim);
        let coding = words.next().unwrap_or_default();
        let weight = words.find_map(|word| word.strip_prefix("q=").or(word.strip_prefix("Q=")));
        let wanted = weight.is_none_or(|q| q.trim().parse::<f32>().is_ok_and(|q| q > 0.0));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            return wanted;
        }
        any |= coding == "*" && wanted;
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_when_it_is_welcome() {
        for yes in ["gzip", "deflate, gzip;q=0.5", "*", "br, *;q=0.1", "GZIP ; Q=1"] {
            assert!(takes_gzip(yes), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "*, gzip;q=0", "*;q=0", "gzipped"] {
            assert!(!takes_gzip(no), "{no}");
        }
    }

    #[test]
    fn a_known_tag_is_not_sent_again() {
        for yes in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(matches(yes, "\"a\""), "{yes}");
        }
        assert!(!matches("\"b\"", "\"a\"") && !matches("a", "\"a\""));
    }
}
