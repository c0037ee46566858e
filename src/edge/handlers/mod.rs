//! One file per noun; a handler goes straight down: who, what, do, answer.

pub mod ops;
pub mod passes;
pub mod queue;
pub mod room;
pub mod stream;
