//! Seats: one byte a seat.

use serde::{Deserialize, Serialize};

/// State of a seat, a byte of the seat string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SeatState {
    Free,
    Held,
    Paying,
    Sold,
    Blocked,
}

impl SeatState {
    pub fn byte(self) -> u8 {
        match self {
            SeatState::Free => b'f',
            SeatState::Held => b'h',
            SeatState::Paying => b'p',
            SeatState::Sold => b's',
            SeatState::Blocked => b'b',
        }
    }

    pub fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b'f' => SeatState::Free,
            b'h' => SeatState::Held,
            b'p' => SeatState::Paying,
            b's' => SeatState::Sold,
            b'b' => SeatState::Blocked,
            _ => return None,
        })
    }
}

/// The seat string. `version` grows with every change of a seat; each store chooses by how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    pub version: u64,
    pub seats: Vec<u8>,
}

/// Seats by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatTally {
    pub free: i64,
    pub held: i64,
    pub paying: i64,
    pub sold: i64,
    pub blocked: i64,
}

impl SeatTally {
    /// Counts the seats of a seat string. Bytes that are no state are not counted.
    pub fn of(string: &[u8]) -> Self {
        let mut tally = Self::default();
        for byte in string {
            match SeatState::from_byte(*byte) {
                Some(SeatState::Free) => tally.free += 1,
                Some(SeatState::Held) => tally.held += 1,
                Some(SeatState::Paying) => tally.paying += 1,
                Some(SeatState::Sold) => tally.sold += 1,
                Some(SeatState::Blocked) => tally.blocked += 1,
                None => {}
            }
        }
        tally
    }
}
