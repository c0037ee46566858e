//! Where "go on" leads a visitor who was let in: back to where they were sent from, else to the shop.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::catalog::Event;
use crate::edge::Request;
use crate::edge::http::query::Query;

/// Longest path and query a visitor is brought back to, bytes.
pub const RETURN_MAX: usize = 2_048;

/// The way on from a waiting room.
pub struct Onward {
    /// Empty: no target is known.
    pub url: String,
    /// The parameter that carries `return` through the page's forms and redirects: `return=…`, or empty.
    pub kept: String,
}

impl Onward {
    /// By the request's `return`, else `web.shop_url`, else the server that stands behind us for this event.
    pub fn of(request: &Request, event: &Event) -> Self {
        let wanted = request.query.get("return").filter(|path| is_own_path(path));
        let kept = returning(&request.query).unwrap_or_default();
        let config = &request.state.config;
        let shop = || {
            let shop = config.web.shop_url.replace("{event}", event.id.as_str());
            (!shop.is_empty()).then_some(shop)
        };
        let behind = || {
            let upstream = config.upstream.iter().find(|upstream| upstream.event == event.id.as_str())?;
            let path = if upstream.path.is_empty() { "/" } else { &upstream.path };
            let host = &upstream.host;
            Some(if host.is_empty() { path.to_owned() } else { format!("//{host}{path}") })
        };
        Self { url: wanted.map(str::to_owned).or_else(shop).or_else(behind).unwrap_or_default(), kept }
    }
}

/// `return=…` of a query, to be kept in the next address; `None`: it has none, or one that leads elsewhere.
pub fn returning(query: &Query) -> Option<String> {
    query.get("return").filter(|path| is_own_path(path)).map(parameter)
}

/// `return=` with a path, as a query parameter.
pub fn parameter(path: &str) -> String {
    format!("return={}", utf8_percent_encode(path, NON_ALPHANUMERIC))
}

/// Whether a browser takes the text for a path of this site. A browser takes `//` and `/\` for another host, and
/// removes tabs and line ends first.
pub fn is_own_path(path: &str) -> bool {
    let other_host = path.starts_with("//") || path.starts_with("/\\");
    path.starts_with('/') && !other_host && path.len() <= RETURN_MAX && !path.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_path_of_this_site_leads_on() {
        for own in ["/", "/shop/seats?a=1&b=2#c", "/%2F/evil", "/a//b", "/공연"] {
            assert!(is_own_path(own), "{own}");
        }
        let long = format!("/{}", "x".repeat(RETURN_MAX));
        let others =
            ["", "//evil", "https://evil", "/\\evil", "javascript:alert(1)", "/\t/evil", "/a\nb", "shop", &long];
        for other in others {
            assert!(!is_own_path(other), "{other:?}");
        }
    }
}
