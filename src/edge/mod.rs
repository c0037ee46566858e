//! HTTP in and out: the server, one table of routes, the one table of problems, and thin handlers.
//! Knows nothing of how shared state changes.

pub mod answer;
pub mod asks;
pub mod auth;
pub mod body;
pub mod client;
pub mod credential;
mod faults;
pub mod handlers;
pub mod idempotency;
pub mod limits;
pub mod meters;
pub mod operator;
pub mod origin;
pub mod problem;
pub mod query;
pub mod request;
pub mod router;
pub mod routes;
pub mod server;
pub mod service;
pub mod state;
pub mod views;

pub use answer::Answer;
pub use problem::{Code, Problem};
pub use request::Request;
pub use state::State;

/// What a handler returns.
pub type Outcome = Result<Answer, Problem>;
