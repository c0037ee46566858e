//! A frame's payload: a version and lines. The WAL's JSON is defined only here.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::facts::ids::LaneId;
use crate::lane::memory::effect::Effect;
use crate::lane::memory::state::LaneState;

/// Raised when old WALs would be misread.
pub const VERSION: u32 = 1;

/// How every payload of every version begins.
pub const PREFIX: &str = r#"{"v":"#;

#[derive(Debug, Serialize, Deserialize)]
pub struct Payload<'a> {
    pub v: u32,
    pub lines: Vec<WalLine<'a>>,
}

/// The version alone, which every payload has.
#[derive(Debug, Deserialize)]
pub struct LineVersion {
    pub v: u32,
}

#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a snapshot is read once a lane and moved into place")]
pub enum WalLine<'a> {
    /// The number of lanes from here on; the first line of a WAL.
    Lanes(u16),
    /// A lane as it stood after its entry `state.last_entry`.
    Snapshot { lane: LaneId, state: Cow<'a, LaneState> },
    /// What one operation did. Entries are numbered through over all lanes. An entry whose `n` is not above that of the
    /// lane's snapshot is in the snapshot already.
    Entry { lane: LaneId, n: u64, effects: Cow<'a, [Effect]> },
}

impl WalLine<'_> {
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("effects and states are plain data with text keys")
    }
}

/// A payload around lines that are already text.
pub fn payload(lines: &str) -> Vec<u8> {
    format!("{PREFIX}{VERSION},\"lines\":[{lines}]}}").into_bytes()
}

pub fn header(lanes: u16) -> Vec<u8> {
    payload(&WalLine::Lanes(lanes).text())
}
