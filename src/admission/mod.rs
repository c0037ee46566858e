//! Admission: places in line, passes, and the pulse that lets visitors in. Every atomic step is one call to the room's
//! lane.

pub mod board;
mod calls;
mod curve;
mod departures;
pub mod doors;
pub mod entrance;
pub mod entries;
pub mod expiring;
pub mod pace;
pub mod passes;
pub mod presence;
pub mod promise;
pub mod proof;
pub mod pulse;
pub mod speed;
pub mod standing;
mod strangers;
pub mod tokens;
pub mod watch;

#[cfg(test)]
mod tests;

pub use doors::{Admission, AdmissionSettings};
pub use entrance::{Entrance, EntranceRefusal};
pub use standing::{Along, Entered, Left, Newcomer, Polled, Standing, VisitorPlace, Why};
