//! Values that fit one column, and the words of the columns that hold closed sets.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::sql::Value;
use crate::facts::ids::{AttemptId, CampaignId, ClaimId, EventId, HoldId, OrderId, RefundId, UserId, VisitorId};
use crate::facts::order::{DepositFact, OrderStatus, Reason, TicketState};
use crate::facts::refund::RefundStatus;
use crate::ledger::{Error, Result};

/// A text cut to the 255 characters of its column: what a provider says may be longer.
pub(in crate::ledger) fn short(text: &str) -> String {
    text.chars().take(255).collect()
}

/// A value that fits one column.
pub(in crate::ledger) trait Column: Sized {
    fn read(row: &AnyRow, at: usize) -> Result<Self>;
    fn value(&self) -> Value;
}

impl Column for i64 {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(row.try_get(at)?)
    }

    fn value(&self) -> Value {
        Value::Int(*self)
    }
}

impl Column for Option<i64> {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(row.try_get(at)?)
    }

    fn value(&self) -> Value {
        (*self).into()
    }
}

impl Column for String {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(row.try_get(at)?)
    }

    fn value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl Column for Option<String> {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(row.try_get(at)?)
    }

    fn value(&self) -> Value {
        self.clone().into()
    }
}

/// A flag: 1 or 0.
impl Column for bool {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(i64::read(row, at)? != 0)
    }

    fn value(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}

/// A flag that is 1 or NULL, so that a unique key guards only the rows where it is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Live {
    Yes,
    No,
}

impl Column for Live {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        Ok(match Option::<i64>::read(row, at)? {
            Some(_) => Live::Yes,
            None => Live::No,
        })
    }

    fn value(&self) -> Value {
        match self {
            Live::Yes => Value::Int(1),
            Live::No => Value::Null,
        }
    }
}

macro_rules! id_columns {
    ($($id:ident)*) => {$(
        impl Column for $id {
            fn read(row: &AnyRow, at: usize) -> Result<Self> {
                Ok($id::from(row.try_get::<String, _>(at)?))
            }

            fn value(&self) -> Value {
                Value::Text(self.to_string())
            }
        }

        impl Column for Option<$id> {
            fn read(row: &AnyRow, at: usize) -> Result<Self> {
                Ok(Option::<String>::read(row, at)?.map($id::from))
            }

            fn value(&self) -> Value {
                self.as_ref().map(|id| id.to_string()).into()
            }
        }
    )*};
}

id_columns! { AttemptId CampaignId ClaimId EventId HoldId OrderId RefundId UserId VisitorId }

/// Closed sets stored as their text; `$table`.`$column` says where an unknown text was met.
macro_rules! word_columns {
    ($($word:ty = $table:literal . $column:literal;)*) => {$(
        impl Column for $word {
            fn read(row: &AnyRow, at: usize) -> Result<Self> {
                let text = String::read(row, at)?;
                <$word>::parse(&text).ok_or_else(|| unreadable($table, $column, text))
            }

            fn value(&self) -> Value {
                Value::Text(self.as_str().to_owned())
            }
        }
    )*};
}

word_columns! {
    OrderStatus = "orders"."status";
    RefundStatus = "refund"."status";
}

impl Column for Option<Reason> {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        let Some(text) = Option::<String>::read(row, at)? else { return Ok(None) };
        Reason::parse(&text).map(Some).ok_or_else(|| unreadable("orders", "reason", text))
    }

    fn value(&self) -> Value {
        self.map(Reason::as_str).map(str::to_owned).into()
    }
}

/// The account of a deposit, as JSON.
impl Column for Option<DepositFact> {
    fn read(row: &AnyRow, at: usize) -> Result<Self> {
        let Some(text) = Option::<String>::read(row, at)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| unreadable("payment", "deposit", text))
    }

    fn value(&self) -> Value {
        self.as_ref().map(|deposit| serde_json::to_string(deposit).expect("plain data")).into()
    }
}

/// A ticket's state; `Reserved` while its order is not paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum TicketStanding {
    Reserved,
    Issued(TicketState),
}

impl TicketStanding {
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "reserved" => TicketStanding::Reserved,
            "valid" => TicketStanding::Issued(TicketState::Valid),
            "suspended" => TicketStanding::Issued(TicketState::Suspended),
            "void" => TicketStanding::Issued(TicketState::Void),
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            TicketStanding::Reserved => "reserved",
            TicketStanding::Issued(TicketState::Valid) => "valid",
            TicketStanding::Issued(TicketState::Suspended) => "suspended",
            TicketStanding::Issued(TicketState::Void) => "void",
        }
    }
}

word_columns! { TicketStanding = "ticket"."state"; }

pub(in crate::ledger) fn unreadable(table: &'static str, column: &'static str, text: String) -> Error {
    Error::Unreadable { table, column, key: String::new(), detail: format!("{text:?} is not one of its words") }
}
