//! What holds for the tree as a whole.

pub mod rules;
pub mod top_level;
pub mod words;
