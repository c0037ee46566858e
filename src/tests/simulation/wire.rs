//! The way from a process to the database, and which requests take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stanchion::app::Role;
use stanchion::ledger;
use stanchion::ledger::Cause;
use stanchion::ledger::store::between::{Between, DatabaseCall};

use super::finish::{finish, outside};
use super::process::Process;
use super::weather::Kind;

tokio::task_local! {
    /// Whether the request that this task answers has waited for the database.
    pub static WENT: AtomicBool;
}

pub struct Wire {
    pub process: Arc<Process>,
    /// Whether the database is a server.
    pub outside: bool,
}

impl Wire {
    fn lost(&self, kind: Kind, cause: impl FnOnce() -> Cause) -> ledger::Result<()> {
        match self.process.weather.strikes(kind) {
            false => Ok(()),
            true => {
                let source = sqlx::Error::Io(std::io::Error::other(format!("{kind:?}")));
                Err(ledger::Error::Database { cause: cause(), source })
            }
        }
    }
}

impl Between for Wire {
    fn before(&self) -> ledger::Result<()> {
        self.lost(Kind::LedgerAway, || Cause::Away)
    }

    fn at_commit(&self) -> ledger::Result<()> {
        if self.process.role == Role::Writer {
            self.lost(Kind::LedgerRefused, || Cause::Value)?;
        }
        let causes = [Cause::Away, Cause::Contention, Cause::ReadOnly, Cause::Duplicate];
        self.lost(Kind::LedgerRolledBack, || causes[self.process.weather.pick(causes.len())])
    }

    fn after(&self) -> ledger::Result<()> {
        self.lost(Kind::LedgerAnswerLost, || Cause::Away)
    }

    fn carry<'c>(&self, call: DatabaseCall<'c>) -> DatabaseCall<'c> {
        // Most calls are not part of a request, and then `WENT` is not set.
        let _ = WENT.try_with(|went| went.store(true, Ordering::Relaxed));
        let (process, is_outside) = (self.process.clone(), self.outside);
        Box::pin(async move {
            process.goes_on().await;
            if is_outside {
                outside(call)
            } else {
                finish(call)
            }
            process.goes_on().await;
        })
    }
}
