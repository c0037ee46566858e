//! What an organizer is owed for one month.

use serde::{Deserialize, Serialize};

use crate::facts::time::Millis;

/// In what the house keeps its books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookkeeping {
    /// ISO 4217.
    pub currency: String,
    /// IANA name of the time zone in which months begin and end.
    pub zone: String,
}

/// How far a settlement has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SettlementState {
    /// Sales and refunds are still added.
    Open,
    /// It is being closed: what belongs to it is being put down.
    Closing,
    /// It never changes any more.
    Closed,
    /// The organizer has the money.
    Paid,
}

impl SettlementState {
    /// All states.
    pub const ALL: [SettlementState; 4] =
        [SettlementState::Open, SettlementState::Closing, SettlementState::Closed, SettlementState::Paid];

    /// The word that is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            SettlementState::Open => "open",
            SettlementState::Closing => "closing",
            SettlementState::Closed => "closed",
            SettlementState::Paid => "paid",
        }
    }

    /// The inverse of `as_str`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// What the organizer is owed, by what it is owed for. Minor units; below zero: the organizer owes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payable {
    /// Tickets at their list price, less those given back.
    pub tickets: i64,
    /// Discounts of coupons that the organizer pays for.
    pub coupons: i64,
    /// The platform's fee on the sales.
    pub platform_fee: i64,
    /// Fees of buyers who cancelled.
    pub cancellation_fees: i64,
}

impl Payable {
    /// All of it together.
    pub fn amount(&self) -> i64 {
        self.tickets + self.coupons + self.platform_fee + self.cancellation_fees
    }

    /// Adds another one's amounts.
    pub fn add(&mut self, other: Payable) {
        self.tickets += other.tickets;
        self.coupons += other.coupons;
        self.platform_fee += other.platform_fee;
        self.cancellation_fees += other.cancellation_fees;
    }
}

/// The settlement of an organizer and a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementFact {
    /// Whose it is.
    pub organizer: String,
    /// The month, `YYYY-MM`.
    pub period: String,
    /// How far it has come.
    pub state: SettlementState,
    /// ISO 4217.
    pub currency: String,
    /// It was closed before its month was over.
    pub early: bool,
    /// It has what was booked before this time.
    pub until_ms: Millis,
    /// How many sales and refunds it has.
    pub entries: i64,
    /// What they come to.
    pub payable: Payable,
    /// When it was closed.
    pub closed_ms: Option<Millis>,
    /// When it was said to be paid.
    pub paid_ms: Option<Millis>,
    /// The payment's reference.
    pub reference: Option<String>,
}
