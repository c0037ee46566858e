//! Query strings.

use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::edge::problem::Problem;

/// The parameters of a query string, decoded; the first of a repeated name counts.
#[derive(Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Bytes that are not UTF-8 become U+FFFD. Links of other sites add parameters of any encoding, and no route of
    /// ours reads those; in a parameter that a route reads, such a value is malformed.
    pub fn parse(text: &str) -> Self {
        let decode = |part: &str| percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = text.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        });
        Self(pairs.collect())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// A parameter of a type with a text form; a malformed one is `VALIDATION`.
    pub fn value<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| text.parse().map_err(|_| Problem::field(format!("?{name}"), "malformed"));
        self.get(name).map(parse).transpose()
    }

    /// A whole number of at least `min`; a larger one than `max`, however large, counts as `max`.
    pub fn clamped(&self, name: &str, min: u64, default: u64, max: u64) -> Result<u64, Problem> {
        let Some(text) = self.get(name) else { return Ok(default) };
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Problem::field(format!("?{name}"), "must be a whole number"));
        }
        // The text has only digits, so a number that does not fit is too large, not malformed.
        let value = text.parse().unwrap_or(u64::MAX).min(max);
        if value < min {
            return Err(Problem::field(format!("?{name}"), format!("must be at least {min}")));
        }
        Ok(value)
    }

    /// `limit` of a cursor page: 50 by default, 200 at most.
    pub fn limit(&self) -> Result<usize, Problem> {
        self.clamped("limit", 1, 50, 200).map(|limit| usize::try_from(limit).expect("at most 200"))
    }

    /// `after` of a cursor page: opaque text.
    pub fn after(&self) -> Option<&str> {
        self.get("after").filter(|after| !after.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_is_clamped_and_malformed_refused() {
        let limit = |text: &str| Query::parse(text).limit();
        assert_eq!(limit("").expect("default"), 50);
        assert_eq!(limit("limit=7&limit=8").expect("first"), 7);
        assert_eq!(limit("limit=99999999999999999999999").expect("clamped"), 200);
        for bad in ["limit=", "limit=0", "limit=-1", "limit=1.5", "limit=x", "limit=%ff"] {
            assert!(limit(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_decoded() {
        let query = Query::parse("user=kim%40x+y&utm_term=%C7%D1&flag");
        assert_eq!(query.get("user"), Some("kim@x y"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("none"), None);
    }
}
