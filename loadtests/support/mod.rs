//! What the load tests share: the servers that they start, a bare peer to compare with, the load itself, and how
//! figures are printed.
//!
//! One executable plays every part: a test starts itself again as its gateways, its peer and its load, each
//! a process of its own. So one command builds and runs it all, and every part has the same allocator and
//! the same libraries.

// Each test uses only some of this.
#![allow(dead_code)]

pub mod answer;
pub mod beside;
#[path = "../../src/tests/support/client.rs"]
pub mod client;
pub mod crowd;
#[path = "../../src/tests/support/doors.rs"]
pub mod doors;
pub mod gateway;
pub mod hall;
pub mod load;
pub mod machine;
pub mod order;
pub mod part;
pub mod peer;
pub mod plot;
#[path = "../../src/tests/support/proxy.rs"]
pub mod proxy;
pub mod redis;
pub mod sale;
#[path = "../../src/tests/support/servers.rs"]
pub mod servers;
pub mod table;
