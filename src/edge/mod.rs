//! HTTP in and out: the server, one table of routes, the one table of problems, and thin handlers.
//! Knows nothing of how shared state changes.

pub mod answer;
pub mod asks;
pub mod auth;
pub mod body;
pub mod client;
pub mod connections;
pub mod credential;
pub mod draws;
pub mod error_page;
mod fault_log;
mod faults;
pub mod gzip;
pub mod handlers;
pub mod idempotency;
pub mod limits;
pub mod meters;
pub mod openapi;
pub mod operator;
pub mod origin;
pub mod place;
pub mod problem;
pub mod query;
pub mod request;
pub mod router;
pub mod routes;
pub mod sending;
pub mod server;
pub mod service;
pub mod state;
pub mod upstream;
pub mod views;
pub mod waiting;
pub mod workers;

use crate::admission::Room;
use crate::catalog::Event;
use crate::draw::DrawKey;
use crate::lane::room::Order;

pub use answer::Answer;
pub use problem::{Code, Problem};
pub use request::Request;
pub use state::{Parts, State};

/// An event's room, as admission knows rooms.
pub fn room_of(event: &Event) -> Room {
    let room = &event.spec.room;
    Room {
        event: event.id.clone(),
        lane: event.lane,
        patience_ms: room.absent_after_s.min(room.claim_ttl_s) * 1000,
        absent_ms: room.absent_after_s * 1000,
        grace_ms: room.late_grace_s * 1000,
        recover_ms: room.recover_s * 1000,
        draw: event.draw.bytes().filter(|_| room.order == Order::Lottery).map(DrawKey),
        birth: event.birth,
        stay_ms: room.pass_ttl_s * 1000,
    }
}

/// What a handler returns.
pub type Outcome = Result<Answer, Problem>;
