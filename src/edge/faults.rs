//! Turns faults of the ledger and the catalogue into problems. Refusals are named by the handlers.

use super::api::room::draws;
use super::problem::{Code, Problem};
use crate::{catalog, ledger};

impl From<ledger::Error> for Problem {
    fn from(error: ledger::Error) -> Self {
        Self::unavailable("ledger", error)
    }
}

impl From<draws::Unknown> for Problem {
    fn from(unknown: draws::Unknown) -> Self {
        Self::unavailable("ledger", unknown)
    }
}

impl From<catalog::Error> for Problem {
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::Lane(fault) => fault.into(),
            catalog::Error::Ledger(error) => error.into(),
            catalog::Error::Contended => Self::new(Code::Unavailable).detail("it is being changed by someone else"),
            catalog::Error::Unreadable { .. } => Self::unavailable("catalog", error),
        }
    }
}
