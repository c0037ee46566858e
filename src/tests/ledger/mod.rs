//! The book of record on both databases.

pub mod base;
pub mod catalog;
pub mod checkpoints;
pub mod draws;
pub mod grants;
pub mod outbox;
pub mod reads;
pub mod replica;
pub mod retention;
pub mod rows;
pub mod settlements;
pub mod worked_example;
