//! Reads the caller's Idempotency-Key.

use http::HeaderMap;

use super::problem::{Code, Problem};

pub const HEADER: &str = "idempotency-key";

/// The key: 1 to 255 printable ASCII characters, given once. Quotes around it, as around a structured field's string,
/// are not part of it.
pub fn key(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Code::IdempotencyKeyMissing.into());
    };
    let text = value.to_str().map_err(|_| Code::IdempotencyKeyMissing)?;
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let printable = key.bytes().all(|b| (0x20..=0x7e).contains(&b));
    if printable && (1..=255).contains(&key.len()) { Ok(key) } else { Err(Code::IdempotencyKeyMissing.into()) }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value).expect("a header value"));
        }
        headers
    }

    #[test]
    fn a_key_is_short_printable_ascii_given_once() {
        assert_eq!(key(&with(&[b"order-1 a"])).expect("good"), "order-1 a");
        assert_eq!(key(&with(&[&[b'x'; 255]])).expect("good").len(), 255);
        assert_eq!(key(&with(&[b"\"order-1\""])).expect("a structured field's string"), "order-1");
        assert_eq!(key(&with(&[b"\"order-1"])).expect("good"), "\"order-1", "one quote is a part of it");
        let bad: [&[&[u8]]; 7] =
            [&[], &[b""], &[b"\"\""], &[&[b'x'; 256]], &[b"a", b"b"], &[b"a\tb"], &["é".as_bytes()]];
        for values in bad {
            assert_eq!(key(&with(values)).expect_err("bad").code, Code::IdempotencyKeyMissing);
        }
    }
}
