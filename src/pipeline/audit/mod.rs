//! Holds lanes and ledger against each other and against themselves: the invariants of DESIGN §9 that
//! can be read off the state. Reads only; runs under traffic.
//!
//! A difference between lane and ledger counts only if it is still there after the lane's log has passed
//! the last record id that was read first: until then it may be work under way. So does one within an event that
//! changed while it was read.

mod lanes;
mod report;
mod seats;

pub use report::{Finding, Report};

use std::time::Duration;

use crate::clock::{self, Clock};
use crate::ids::LogId;
use crate::lane::{self, Lane, Lanes};
use crate::ledger::{self, Ledger};

/// What was read in pages under load may fit nothing by chance, but not the same thing again and again.
const LOOKS_MIN: u32 = 4;

/// How long a lane's log may take to pass before its differences count.
const PASS_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the audit could not read a lane")]
    Lane(#[from] lane::Fault),
    #[error("the audit could not read the ledger")]
    Ledger(#[from] ledger::Error),
}

/// Checks everything once.
pub async fn run(lanes: &Lanes, ledger: &Ledger, clock: &Clock) -> Result<Report, Error> {
    let mut report = Report::new(clock.now_ms());
    for lane in lanes.iter() {
        check_lane(lane.as_ref(), ledger, clock, &mut report).await?;
    }
    for (id, checked) in [
        ("INV-3", ledger.audit_orders().await?),
        ("INV-10", ledger.audit_money().await?),
        ("INV-11", ledger.audit_coupons().await?),
    ] {
        report.count(id, checked.checked, checked.violations);
    }
    report.count_violations();
    Ok(report)
}

async fn check_lane(lane: &dyn Lane, ledger: &Ledger, clock: &Clock, report: &mut Report) -> Result<(), Error> {
    let first = lanes::compare(lane, ledger, clock).await?;
    report.add(&first);
    if first.differences.is_empty() {
        return Ok(());
    }
    let mut suspects = first.differences;
    let began = clock::instant();
    let mut looks = 1;
    while !suspects.is_empty() && began.elapsed() < PASS_WITHIN {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let passed = lane.read_log(LogId::default(), 1).await?.first().is_none_or(|e| e.log > first.log_last);
        let again = lanes::compare(lane, ledger, clock).await?;
        suspects.retain(|key, _| again.differences.contains_key(key));
        looks += 1;
        if passed && looks >= LOOKS_MIN {
            break;
        }
    }
    report.differences(suspects);
    Ok(())
}
