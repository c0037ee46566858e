//! Compresses the answers that gain by it: pages and large JSON.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::listed::listed;
use crate::edge::answer::Answer;

/// Least length of an answer to compress, bytes. Smaller ones cost more to compress than to send.
const LEAST: u64 = 2 * 1024;

/// Compresses the answer if that gains something and the client accepts gzip. An answer that is already compressed, or
/// has an `ETag` for its bytes, is left as it is.
pub fn fit(answer: Answer, is_taken: bool) -> Answer {
    if answer.length() < LEAST || !is_text(answer.headers()) {
        return answer;
    }
    let Some(whole) = answer.whole() else { return answer };
    let answer = answer.vary("accept-encoding");
    if !is_taken {
        return answer;
    }
    answer.replaced(zip(&whole)).header(CONTENT_ENCODING, "gzip")
}

/// A text that never changes, plain and compressed.
pub struct Both {
    plain: Bytes,
    zipped: Bytes,
}

impl Both {
    pub fn new(plain: Bytes) -> Self {
        Self { zipped: zip(&plain), plain }
    }

    pub fn answer(&self, content_type: &'static str, is_taken: bool) -> Answer {
        let bytes = |bytes: &Bytes| Answer::bytes(StatusCode::OK, content_type, bytes.clone()).vary("accept-encoding");
        match is_taken {
            true => bytes(&self.zipped).header(CONTENT_ENCODING, "gzip"),
            false => bytes(&self.plain),
        }
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let of = |name| headers.get(name).map_or(&[][..], HeaderValue::as_bytes);
    let text = [&b"text/html"[..], b"application/json"].iter().any(|kind| of(CONTENT_TYPE).starts_with(kind));
    text && !headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(ETAG)
}

pub fn zip(whole: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(whole).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all").into()
}

/// Whether the client accepts gzip.
pub fn is_taken_by(headers: &HeaderMap) -> bool {
    is_taken(listed(headers, &ACCEPT_ENCODING))
}

/// Whether this Accept-Encoding (RFC 9110) accepts gzip: `gzip` or `*` has a weight above zero, and gzip's own weight
/// wins.
fn is_taken<'a>(codings: impl Iterator<Item = &'a str>) -> bool {
    let mut any = false;
    for part in codings {
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
            assert!(is_taken(yes.split(',')), "{yes}");
        }
        for no in ["", "identity", "gzip;q=0", "*, gzip;q=0", "*;q=0", "gzipped"] {
            assert!(!is_taken(no.split(',')), "{no}");
        }
    }
}
