//! HTTP: the server, one table of routes, one table of problems, and thin handlers. How shared state changes belongs in
//! the stages behind it.

pub mod answer;
pub mod api;
pub mod auth;
pub mod credential;
pub mod error_page;
mod fault_log;
mod faults;
pub mod http;
pub mod idempotency;
pub mod meters;
pub mod openapi;
pub mod operator;
pub mod origin;
pub mod problem;
pub mod proxy;
pub mod request;
pub mod router;
pub mod service;
pub mod state;

use crate::admission::Room;
use crate::catalog::Event;
use crate::facts::draw::DrawKey;
use crate::facts::room::AdmissionOrder;

pub use answer::Answer;
pub use problem::{Code, Problem};
pub use request::Request;
pub use state::{EdgeParts, State};

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
        draw: event.draw.bytes().filter(|_| room.order == AdmissionOrder::Lottery).map(DrawKey),
        birth: event.birth,
        stay_ms: room.pass_ttl_s * 1000,
    }
}

/// What a handler returns.
pub type Outcome = Result<Answer, Problem>;
