//! Seats: one byte a seat.

use serde::{Deserialize, Serialize};

/// State of a seat, a byte of the seat string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SeatState {
    /// Anyone may hold it.
    Free,
    /// A hold has it.
    Held,
    /// An order has it and is not paid yet.
    Paying,
    /// A paid order has it.
    Sold,
    /// It is not on sale.
    Blocked,
}

impl SeatState {
    /// The byte of the seat string.
    pub fn byte(self) -> u8 {
        match self {
            SeatState::Free => b'f',
            SeatState::Held => b'h',
            SeatState::Paying => b'p',
            SeatState::Sold => b's',
            SeatState::Blocked => b'b',
        }
    }

    /// The inverse of [`byte`](Self::byte); `None` for any other byte.
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

/// The seat string at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// Grows with every change of a seat. Each store chooses by how much.
    pub version: u64,
    /// One byte for each seat, by index: see [`SeatState::byte`].
    pub seats: Vec<u8>,
}

/// Seats by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatTally {
    /// Free seats.
    pub free: i64,
    /// Held seats.
    pub held: i64,
    /// Paying seats.
    pub paying: i64,
    /// Sold seats.
    pub sold: i64,
    /// Blocked seats.
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
