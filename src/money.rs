//! Amounts: integers of minor units, and the one rule by which a sum is split over lines.

/// Largest amount accepted anywhere, minor units (and points). Sums of a thousand fit an i64 with room.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;

/// Largest number of basis points: all of it.
pub const BP_MAX: i64 = 10_000;
