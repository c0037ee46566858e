//! The layout: which seat has which index. An index is given once and never reused. A row that grows gets new indexes
//! at the end of the seat string. A row that shrinks keeps its indexes, and the surplus is blocked. The states of seats
//! belong in the lane.

use serde::{Deserialize, Serialize};

use super::event::EventSpec;
use crate::facts::ids::SeatIndex;
use crate::lane::seats::RowRuns;

/// All seats an event ever had.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Length of the seat string.
    pub seats: u32,
    /// In the order of the event's sections, then the dropped ones.
    pub sections: Vec<Section>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    pub id: String,
    /// In order, then the dropped ones.
    pub rows: Vec<Strip>,
    /// The unnamed seats, when it is or was a standing section.
    pub standing: Option<Strip>,
}

/// Seats numbered from 1, of which the first `active` are on sale and the rest blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strip {
    /// The row's id; empty for a standing section.
    pub id: String,
    /// (first index, length), in the order of seat numbers.
    pub runs: Vec<(SeatIndex, u32)>,
    pub active: u32,
}

impl Strip {
    fn length(&self) -> u32 {
        self.runs.iter().map(|r| r.1).sum()
    }

    /// Index of seat `number` (from 1), if it is on sale.
    fn index(&self, number: u32) -> Option<SeatIndex> {
        if number == 0 || number > self.active {
            return None;
        }
        let mut left = number - 1;
        for &(first, length) in &self.runs {
            if left < length {
                return Some(first + left);
            }
            left -= length;
        }
        None
    }

    /// Number (from 1) of the seat at `index`, on sale or not.
    fn number(&self, index: SeatIndex) -> Option<u32> {
        let mut before = 0;
        for &(first, length) in &self.runs {
            if (first..first + length).contains(&index) {
                return Some(before + index - first + 1);
            }
            before += length;
        }
        None
    }

    /// Indexes on sale, in the order of their numbers.
    pub fn indexes(&self) -> impl Iterator<Item = SeatIndex> + '_ {
        self.runs.iter().flat_map(|&(first, length)| first..first + length).take(self.active as usize)
    }

    /// The part on sale, as a lane's `pick` wants it.
    fn row(&self) -> RowRuns {
        let mut left = self.active;
        let mut runs = Vec::with_capacity(self.runs.len());
        for &(first, length) in &self.runs {
            let length = length.min(left);
            if length > 0 {
                runs.push((first, length));
            }
            left -= length;
        }
        RowRuns { runs }
    }

    /// Puts `wanted` seats on sale. Missing ones get new indexes from `next` on.
    fn resize(&mut self, wanted: u32, next: &mut u32) {
        let missing = wanted.saturating_sub(self.length());
        if missing > 0 {
            match self.runs.last_mut() {
                Some(last) if last.0 + last.1 == *next => last.1 += missing,
                _ => self.runs.push((*next, missing)),
            }
            *next += missing;
        }
        self.active = wanted;
    }
}

impl Section {
    fn strips(&self) -> impl Iterator<Item = &Strip> {
        self.rows.iter().chain(&self.standing)
    }

    /// Its rows in order, as a lane's `pick` wants them. The one strip of a standing section counts as a row.
    pub fn pick_rows(&self) -> Vec<RowRuns> {
        self.strips().filter(|s| s.active > 0).map(Strip::row).collect()
    }

    /// Named rows on sale.
    pub fn active_rows(&self) -> impl Iterator<Item = &Strip> {
        self.rows.iter().filter(|s| s.active > 0)
    }

    /// Seats on sale.
    pub fn capacity(&self) -> u32 {
        self.strips().map(|s| s.active).sum()
    }

    /// All indexes on sale.
    pub fn indexes(&self) -> impl Iterator<Item = SeatIndex> + '_ {
        self.strips().flat_map(Strip::indexes)
    }

    pub fn is_standing(&self) -> bool {
        self.standing.as_ref().is_some_and(|s| s.active > 0)
    }
}

impl Layout {
    /// The layout of `spec`, in which every seat of `before` keeps its index.
    pub fn of(spec: &EventSpec, before: &Layout) -> Layout {
        let mut next = before.seats;
        let mut left = before.sections.clone();
        let mut sections = Vec::with_capacity(spec.sections.len());
        for wanted in &spec.sections {
            let mut section = match left.iter().position(|s| s.id == wanted.id) {
                Some(at) => left.remove(at),
                None => Section { id: wanted.id.clone(), rows: Vec::new(), standing: None },
            };
            let mut old_rows = std::mem::take(&mut section.rows);
            for row in wanted.rows.iter().flatten() {
                let mut strip = match old_rows.iter().position(|s| s.id == row.id) {
                    Some(at) => old_rows.remove(at),
                    None => Strip { id: row.id.clone(), runs: Vec::new(), active: 0 },
                };
                strip.resize(row.seats, &mut next);
                section.rows.push(strip);
            }
            section.rows.extend(old_rows.into_iter().map(|s| Strip { active: 0, ..s }));
            if wanted.capacity.is_some() || section.standing.is_some() {
                let mut strip =
                    section.standing.take().unwrap_or(Strip { id: String::new(), runs: Vec::new(), active: 0 });
                strip.resize(wanted.capacity.unwrap_or(0), &mut next);
                section.standing = Some(strip);
            }
            sections.push(section);
        }
        for mut dropped in left {
            dropped.rows.iter_mut().chain(dropped.standing.iter_mut()).for_each(|s| s.active = 0);
            sections.push(dropped);
        }
        Layout { seats: next, sections }
    }

    /// Every index not on sale, as half-open ranges, ascending and disjoint.
    pub fn blocked(&self) -> Vec<(SeatIndex, SeatIndex)> {
        let mut on_sale = vec![false; self.seats as usize];
        for index in self.sections.iter().flat_map(Section::indexes) {
            on_sale[index as usize] = true;
        }
        let mut ranges: Vec<(SeatIndex, SeatIndex)> = Vec::new();
        for index in (0..self.seats).filter(|&i| !on_sale[i as usize]) {
            match ranges.last_mut() {
                Some(last) if last.1 == index => last.1 += 1,
                _ => ranges.push((index, index + 1)),
            }
        }
        ranges
    }

    /// A section on sale.
    pub fn section(&self, id: &str) -> Option<&Section> {
        self.sections.iter().find(|s| s.id == id && s.capacity() > 0)
    }

    /// The section an index belongs to, on sale or not.
    pub fn section_of(&self, seat: SeatIndex) -> Option<&Section> {
        self.sections.iter().find(|s| s.strips().any(|strip| strip.number(seat).is_some()))
    }

    /// Index of a named seat on sale, `SECTION-ROW-NUMBER`.
    pub fn index_of(&self, seat: &str) -> Option<SeatIndex> {
        let (rest, number) = seat.rsplit_once('-')?;
        let (section, row) = rest.rsplit_once('-')?;
        if number.starts_with('0') || number.starts_with('+') {
            return None;
        }
        let strip = self.section(section)?.rows.iter().find(|s| s.id == row)?;
        strip.index(number.parse().ok()?)
    }

    /// Name of a seat, `SECTION-ROW-NUMBER`; `None` for unnamed ones and those that never were.
    pub fn name(&self, seat: SeatIndex) -> Option<String> {
        let section = self.section_of(seat)?;
        let strip = section.rows.iter().find(|s| s.number(seat).is_some())?;
        Some(format!("{}-{}-{}", section.id, strip.id, strip.number(seat)?))
    }
}

#[cfg(test)]
mod tests;
