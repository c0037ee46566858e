//! The seat string of an event, its owners (the ids of holds and orders) and its counts.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::facts::ids::{SeatIndex, UserId};
use crate::facts::seat::SeatState;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct EventSeats {
    pub version: u64,
    /// One byte a seat, always one of `SeatState`'s; the WAL has it as text.
    #[serde(with = "text")]
    string: Vec<u8>,
    /// The hold or order that owns each held, paying or sold seat.
    owners: BTreeMap<SeatIndex, String>,
    /// Seats held, paying and sold by user; no zeros.
    taken: HashMap<UserId, i64>,
    counts: SeatCounts,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCounts {
    pub free: i64,
    pub held: i64,
    pub paying: i64,
    pub sold: i64,
    pub blocked: i64,
}

impl SeatCounts {
    fn of(&mut self, state: SeatState) -> &mut i64 {
        match state {
            SeatState::Free => &mut self.free,
            SeatState::Held => &mut self.held,
            SeatState::Paying => &mut self.paying,
            SeatState::Sold => &mut self.sold,
            SeatState::Blocked => &mut self.blocked,
        }
    }
}

impl EventSeats {
    /// The versions of a generation are above all of the one before, so a wiped lane never shows an old version with
    /// other seats.
    pub fn of_generation(generation: u64) -> Self {
        Self { version: generation << 32, ..Self::default() }
    }

    pub fn len(&self) -> u32 {
        u32::try_from(self.string.len()).expect("seat indexes are 32 bits")
    }

    pub fn bytes(&self) -> &[u8] {
        &self.string
    }

    pub fn counts(&self) -> SeatCounts {
        self.counts
    }

    /// `None` past the string's end.
    pub fn state(&self, seat: SeatIndex) -> Option<SeatState> {
        let byte = *self.string.get(seat as usize)?;
        Some(SeatState::from_byte(byte).expect("only `set` and `extend` write the string"))
    }

    pub fn is_free(&self, seat: SeatIndex) -> bool {
        self.string.get(seat as usize) == Some(&SeatState::Free.byte())
    }

    pub fn owners(&self) -> &BTreeMap<SeatIndex, String> {
        &self.owners
    }

    /// Those of `seats` that `owner` has.
    pub fn owned(&self, seats: &[SeatIndex], owner: &str) -> Vec<SeatIndex> {
        seats.iter().copied().filter(|seat| self.owners.get(seat).is_some_and(|o| o == owner)).collect()
    }

    pub fn taken(&self, user: &UserId) -> i64 {
        self.taken.get(user).copied().unwrap_or(0)
    }

    pub fn all_taken(&self) -> impl Iterator<Item = (&UserId, i64)> {
        self.taken.iter().map(|(user, count)| (user, *count))
    }

    pub fn set_taken(&mut self, user: &UserId, count: i64) {
        if count > 0 {
            self.taken.insert(user.clone(), count);
        } else {
            self.taken.remove(user);
        }
    }

    /// Adds free seats at the end, up to a length of `len`, which is not less than before.
    pub fn extend(&mut self, len: u32) {
        self.counts.free += i64::from(len) - i64::from(self.len());
        self.string.resize(len as usize, SeatState::Free.byte());
        self.version += 1;
    }

    /// Gives seats a state and an owner (`None`: no owner). Seats past the end are left out.
    pub fn set(&mut self, seats: &[SeatIndex], state: SeatState, owner: Option<&str>) {
        for &seat in seats {
            let Some(byte) = self.string.get_mut(seat as usize) else { continue };
            let before = SeatState::from_byte(*byte).expect("only `set` and `extend` write the string");
            *byte = state.byte();
            *self.counts.of(before) -= 1;
            *self.counts.of(state) += 1;
            match owner {
                Some(owner) => self.owners.insert(seat, owner.to_owned()),
                None => self.owners.remove(&seat),
            };
        }
        self.version += 1;
    }
}

/// Seat bytes as text, which they are: ASCII.
mod text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(std::str::from_utf8(bytes).expect("seat bytes are ASCII"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        Ok(String::deserialize(from)?.into_bytes())
    }
}
