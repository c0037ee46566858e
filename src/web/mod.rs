//! Pages served to browsers, embedded in the binary. They are written from the values they are given; requests and
//! state belong in `edge`.

pub mod room;

/// The front page: what this is and where its contract is.
pub const INDEX: &str = include_str!("index.html");

/// What the front page may load: nothing but itself.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
