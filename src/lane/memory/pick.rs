//! Which seats `pick` takes: a pure function of rows and free seats. Both stores follow this rule.

use crate::facts::ids::SeatIndex;
use crate::lane::seats::RowRuns;

#[derive(Debug, PartialEq, Eq)]
pub enum Picked {
    /// Ascending.
    Seats(Vec<SeatIndex>),
    /// Fewer free ones than wanted.
    SoldOut,
    /// Enough free ones, but not side by side.
    NoBlock,
}

/// The best block of `quantity` neighbours. In the first row that has a block, this is the one that leaves fewest
/// single seats, then the one nearest the middle, then the lowest.
pub fn adjacent(rows: &[RowRuns], quantity: u32, is_free: impl Fn(SeatIndex) -> bool) -> Picked {
    let want = quantity as usize;
    let mut free = 0;
    for row in rows {
        let seats = seats_of(row);
        let open: Vec<bool> = seats.iter().map(|&seat| is_free(seat)).collect();
        if let Some(pos) = best_block(&open, want) {
            return picked(seats[pos..pos + want].to_vec());
        }
        free += open.iter().filter(|open| **open).count();
    }
    if free < want { Picked::SoldOut } else { Picked::NoBlock }
}

/// The first `quantity` free ones in row order.
pub fn separate(rows: &[RowRuns], quantity: u32, is_free: impl Fn(SeatIndex) -> bool) -> Picked {
    let want = quantity as usize;
    let free: Vec<SeatIndex> = rows.iter().flat_map(runs_of).filter(|&seat| is_free(seat)).take(want).collect();
    if free.len() < want { Picked::SoldOut } else { picked(free) }
}

fn picked(mut seats: Vec<SeatIndex>) -> Picked {
    seats.sort_unstable();
    Picked::Seats(seats)
}

fn runs_of(row: &RowRuns) -> impl Iterator<Item = SeatIndex> {
    row.runs.iter().flat_map(|&(first, len)| first..first.saturating_add(len))
}

fn seats_of(row: &RowRuns) -> Vec<SeatIndex> {
    runs_of(row).collect()
}

/// Position of the best block in a row; `None`: the row has no block of `want` free seats.
fn best_block(open: &[bool], want: usize) -> Option<usize> {
    let mut best: Option<(usize, usize, usize)> = None;
    let mut run_start = 0;
    for run in open.split(|open| !open) {
        for pos in run_start..(run_start + run.len() + 1).saturating_sub(want).max(run_start) {
            let left = pos - run_start;
            let right = run_start + run.len() - (pos + want);
            let singles = usize::from(left == 1) + usize::from(right == 1);
            let off_middle = (2 * pos + want).abs_diff(open.len());
            let candidate = (singles, off_middle, pos);
            if best.is_none_or(|best| candidate < best) {
                best = Some(candidate);
            }
        }
        run_start += run.len() + 1;
    }
    best.map(|(_, _, pos)| pos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Picks from rows written as text, with seats numbered through all rows.
    fn pick(rows: &[&str], quantity: u32) -> Picked {
        let string: Vec<u8> = rows.concat().into_bytes();
        let mut first = 0;
        let rows: Vec<RowRuns> = rows
            .iter()
            .map(|row| {
                let len = row.len() as u32;
                first += len;
                RowRuns { runs: vec![(first - len, len)] }
            })
            .collect();
        adjacent(&rows, quantity, |seat| string[seat as usize] == b'f')
    }

    fn seats(seats: &[SeatIndex]) -> Picked {
        Picked::Seats(seats.to_vec())
    }

    #[test]
    fn the_middle_of_the_first_row_that_fits() {
        assert_eq!(pick(&["ffffff", "ffffff"], 2), seats(&[2, 3]));
        assert_eq!(pick(&["fhfhfh", "ffffff"], 2), seats(&[8, 9]));
        assert_eq!(pick(&["fffff"], 1), seats(&[2]));
    }

    #[test]
    fn single_seats_are_not_left_behind() {
        // (1, 2) and (2, 3), nearer the middle, would each leave one seat alone.
        assert_eq!(pick(&["fffff"], 2), seats(&[0, 1]));
        // A run that fits exactly beats one nearer the middle that leaves a single.
        assert_eq!(pick(&["ffhfffh"], 2), seats(&[0, 1]));
    }

    #[test]
    fn sold_out_or_no_block() {
        assert_eq!(pick(&["fhf", "hhf"], 2), Picked::NoBlock);
        assert_eq!(pick(&["fhh", "hhh"], 2), Picked::SoldOut);
        assert_eq!(pick(&["f"], 2), Picked::SoldOut);
    }

    #[test]
    fn runs_of_one_row_are_neighbours_where_they_meet() {
        let row = RowRuns { runs: vec![(10, 2), (0, 1), (20, 1)] };
        assert_eq!(adjacent(std::slice::from_ref(&row), 4, |_| true), seats(&[0, 10, 11, 20]));
        assert_eq!(adjacent(std::slice::from_ref(&row), 2, |seat| seat != 10), seats(&[0, 11]));
    }

    #[test]
    fn separate_ones_come_by_row_order() {
        let rows = [RowRuns { runs: vec![(5, 2)] }, RowRuns { runs: vec![(0, 3)] }];
        assert_eq!(separate(&rows, 3, |seat| seat != 6), seats(&[0, 1, 5]));
        assert_eq!(separate(&rows, 6, |_| true), Picked::SoldOut);
    }
}
