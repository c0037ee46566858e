//! The account that the money of a deposit goes back to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An account at a bank. It is kept sealed, and shown to nobody but the provider that pays into it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BankAccount {
    /// The bank, as the provider names it.
    pub bank: String,
    /// Number of the account: digits.
    pub number: String,
    /// Whose it is.
    pub holder: String,
}

/// Logs have no accounts.
impl fmt::Debug for BankAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BankAccount(…)")
    }
}
