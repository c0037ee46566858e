//! Pages served to browsers, embedded in the binary. They are written from the values they are given. Requests and
//! state belong in `edge`.

pub mod room;

/// The front page: what Stanchion is, and where its API is described.
pub const INDEX: &str = include_str!("index.html");

/// What the front page may load: nothing but itself.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
