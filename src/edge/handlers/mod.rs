//! One file per noun; a handler goes straight down: who, what, do, answer.

pub mod ops;
