//! Keeps the keys of `[auth] jwks_url` fresh.
