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
pub mod readiness;
pub mod refund_accounts;
pub mod request;
pub mod router;
pub mod service;
pub mod state;
pub mod webhooks;

pub use answer::Answer;
pub use problem::{Code, Problem};
pub use request::Request;
pub use state::{EdgeParts, State};

/// What a handler returns.
pub type Outcome = Result<Answer, Problem>;
