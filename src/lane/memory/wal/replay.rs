//! Reading a WAL back into states.

use std::io::ErrorKind;
use std::path::Path;

use super::OpenError;
use super::frame::{self, FrameRead};
use super::line::{LineVersion, Payload, VERSION, WalLine};
use crate::lane::memory::state::LaneState;

#[derive(Debug, Default)]
pub struct Replayed {
    /// By lane; as many as the WAL knows.
    pub states: Vec<LaneState>,
    /// Number of the last entry.
    pub last: u64,
    /// Where the good frames end. What follows, if anything, is a torn commit, on which no answer was given.
    pub end: u64,
    /// Where the snapshot at the beginning ends; 0: there is none.
    pub snapshot_end: u64,
}

impl Replayed {
    pub fn lane_count(&self) -> u16 {
        u16::try_from(self.states.len()).expect("counted by a u16")
    }
}

/// `None`: there is no such file.
pub fn replay(path: &Path) -> Result<Option<Replayed>, OpenError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io("read", path)(error)),
    };
    let mut replayed = Replayed::default();
    let mut offset = 0;
    loop {
        match frame::read(&bytes, offset) {
            FrameRead::End => break,
            FrameRead::Bad(detail) if frame::good_after(&bytes, offset) => return Err(damaged(path, offset, detail)),
            FrameRead::Bad(detail) => {
                tracing::warn!(offset, dropped = bytes.len() - offset, detail, "the WAL's last commit is torn");
                break;
            }
            FrameRead::Good { payload, next } => {
                replayed.read(path, offset, payload, next)?;
                offset = next;
            }
        }
    }
    replayed.end = offset as u64;
    Ok(Some(replayed))
}

impl Replayed {
    fn read(&mut self, path: &Path, offset: usize, payload: &[u8], next: usize) -> Result<(), OpenError> {
        let undecodable = |error: serde_json::Error| damaged(path, offset, &error.to_string());
        let LineVersion { v } = serde_json::from_slice(payload).map_err(undecodable)?;
        if v != VERSION {
            return Err(OpenError::Version { path: path.to_owned(), found: v });
        }
        let payload: Payload<'_> = serde_json::from_slice(payload).map_err(undecodable)?;
        for line in payload.lines {
            match line {
                WalLine::Lanes(lanes) => self.states.resize_with(usize::from(lanes), LaneState::default),
                WalLine::Snapshot { lane, state } => {
                    let Some(place) = self.states.get_mut(usize::from(lane.0)) else {
                        return Err(damaged(path, offset, "a lane above their number"));
                    };
                    *place = state.into_owned();
                    place.index();
                    self.last = self.last.max(place.last_entry);
                    self.snapshot_end = next as u64;
                }
                WalLine::Entry { lane, n, effects } => {
                    let Some(state) = self.states.get_mut(usize::from(lane.0)) else {
                        return Err(damaged(path, offset, "a lane above their number"));
                    };
                    if n > state.last_entry {
                        effects.iter().for_each(|effect| effect.apply(state));
                        state.last_entry = n;
                    }
                    self.last = self.last.max(n);
                }
            }
        }
        Ok(())
    }
}

fn damaged(path: &Path, offset: usize, detail: &str) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), offset: offset as u64, detail: detail.to_owned() }
}
