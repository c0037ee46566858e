//! Pages served to browsers, embedded in the binary. Knows no requests and no state: it is handed values.

pub mod room;

/// The front door: what this is and where its contract is.
pub const INDEX: &str = include_str!("index.html");

/// What the pages may load: nothing but themselves.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
