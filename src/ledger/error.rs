//! Why the ledger did not do something: whose fault it was, and whether to try again.

use std::time::Duration;

/// A failed transaction or read. Nothing of it was kept, except that a commit without an answer ([`Cause::Away`],
/// [`Error::Timeout`]) may have been done: a batch that is repeated then finds its own `record_done` rows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{cause:?}: {source}")]
    Database {
        cause: Cause,
        #[source]
        source: sqlx::Error,
    },
    /// Time limit of one transaction or read.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// A stored text that this program cannot read.
    #[error("{table}.{column} of {key} is not readable: {detail}")]
    Unreadable { table: &'static str, column: &'static str, key: String, detail: String },
    /// An update met another number of rows than it named: a bug, or rows changed while nobody held their lock.
    #[error("{table}: {wanted} rows to change, {met} met")]
    RowsMissing { table: &'static str, wanted: u64, met: u64 },
    /// The database cannot be used as it is: version, collation or schema.
    #[error("the database cannot be used: {0}")]
    Unfit(String),
}

/// What a database error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Not reachable, lost, shutting down, out of connections; also any error not named below.
    Away,
    /// Deadlock, lock wait, busy.
    Contention,
    /// Read-only or full.
    ReadOnly,
    /// A row with the same primary key is there: another writer was faster with the same record.
    Duplicate,
    /// A unique key over live rows would be violated: the record's own fault.
    Guarded(Guard),
    /// A value does not fit its column: the record's own fault.
    Value,
}

/// The unique keys that are invariants (INV-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// `ticket_live_seat`: one live ticket a seat.
    LiveSeat,
    /// `orders_live_hold`: one live order a hold.
    LiveHold,
    /// `payment_open`: one open attempt an order.
    OpenPayment,
}

impl Error {
    /// True: roll back and try the same again, for ever. False: the record (or this program) is at
    /// fault, and the same call fails again.
    pub fn may_retry(&self) -> bool {
        match self {
            Error::Database { cause, .. } => match cause {
                Cause::Away | Cause::Contention | Cause::ReadOnly | Cause::Duplicate => true,
                Cause::Guarded(_) | Cause::Value => false,
            },
            Error::Timeout(_) => true,
            Error::Unreadable { .. } | Error::RowsMissing { .. } | Error::Unfit(_) => false,
        }
    }

    pub fn guard(&self) -> Option<Guard> {
        match self {
            Error::Database { cause: Cause::Guarded(guard), .. } => Some(*guard),
            _ => None,
        }
    }

    /// For metrics: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            Error::Database { cause, .. } => match cause {
                Cause::Away => "away",
                Cause::Contention => "contention",
                Cause::ReadOnly => "read_only",
                Cause::Duplicate => "duplicate",
                Cause::Guarded(_) => "guarded",
                Cause::Value => "value",
            },
            Error::Timeout(_) => "timeout",
            Error::Unreadable { .. } => "unreadable",
            Error::RowsMissing { .. } => "rows_missing",
            Error::Unfit(_) => "unfit",
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(source: sqlx::Error) -> Self {
        Error::Database { cause: cause_of(&source), source }
    }
}

fn cause_of(error: &sqlx::Error) -> Cause {
    let Some(db) = error.as_database_error() else {
        return match error {
            sqlx::Error::Encode(_) => Cause::Value,
            _ => Cause::Away,
        };
    };
    if db.is_unique_violation() {
        return guard_of(db.message()).map_or(Cause::Duplicate, Cause::Guarded);
    }
    if let Some(mysql) = db.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return mysql_cause(mysql.number());
    }
    // SQLite: the low byte is the primary result code.
    db.code().and_then(|code| code.parse::<u32>().ok()).map_or(Cause::Away, |code| sqlite_cause(code & 0xff))
}

/// MySQL and MariaDB name the key after `for key`, SQLite lists its columns.
fn guard_of(message: &str) -> Option<Guard> {
    // The refused values stand before `for key` and are the user's own text.
    let rule = message.rsplit_once("for key ").map_or(message, |(_, key)| key);
    [
        (Guard::LiveSeat, "ticket_live_seat", "ticket.live"),
        (Guard::LiveHold, "orders_live_hold", "orders.live"),
        (Guard::OpenPayment, "payment_open", "payment.opened"),
    ]
    .into_iter()
    .find(|(_, key, column)| rule.contains(key) || rule.contains(column))
    .map(|(guard, ..)| guard)
}

fn mysql_cause(number: u16) -> Cause {
    match number {
        // Lock wait timeout, deadlock.
        1205 | 1213 => Cause::Contention,
        // Disk full, table full, read-only in three spellings.
        1021 | 1114 | 1290 | 1792 | 1836 => Cause::ReadOnly,
        // NULL where none may be, out of range, no default, no such character, too long, BIGINT overflow, check (of
        // MySQL and of MariaDB).
        1048 | 1264 | 1364 | 1366 | 1406 | 1690 | 3819 | 4025 => Cause::Value,
        _ => Cause::Away,
    }
}

fn sqlite_cause(code: u32) -> Cause {
    match code {
        // BUSY, LOCKED.
        5 | 6 => Cause::Contention,
        // READONLY, FULL.
        8 | 13 => Cause::ReadOnly,
        // TOOBIG, CONSTRAINT, MISMATCH.
        18..=20 => Cause::Value,
        _ => Cause::Away,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_known_by_its_key_and_not_by_the_users_text() {
        assert_eq!(guard_of("Duplicate entry 'hall-7-1' for key 'ticket_live_seat'"), Some(Guard::LiveSeat));
        assert_eq!(guard_of("Duplicate entry 'h-1' for key 'orders.orders_live_hold'"), Some(Guard::LiveHold));
        assert_eq!(guard_of("UNIQUE constraint failed: payment.order_id, payment.opened"), Some(Guard::OpenPayment));
        assert_eq!(guard_of("Duplicate entry 'payment_open' for key 'PRIMARY'"), None);
        assert_eq!(guard_of("UNIQUE constraint failed: orders.id"), None);
    }

    #[test]
    fn only_values_and_guards_are_the_records_fault() {
        assert_eq!(mysql_cause(1213), Cause::Contention);
        assert_eq!(mysql_cause(1836), Cause::ReadOnly);
        assert_eq!(mysql_cause(1406), Cause::Value);
        assert_eq!(mysql_cause(1064), Cause::Away);
        assert_eq!(sqlite_cause(5), Cause::Contention);
        assert_eq!(sqlite_cause(19), Cause::Value);
        assert_eq!(sqlite_cause(10), Cause::Away);
    }
}
