//! The audit: compares lanes and ledger with each other and with themselves. It checks those invariants of
//! `docs::invariants` that can be read off the state. It only reads, and may run under traffic.
//!
//! A difference between lane and ledger may be work under way. It counts only if it is still there when the lane's log
//! has passed the last record that the first look found, or when `PASS_WITHIN` is over. The same holds for a violation
//! within an event that changed while it was read.
//!
//! A change of a campaign stands in the ledger before its lane takes it. The lane refuses a stock below what is claimed,
//! and the change is taken back. So what is wrong with a campaign counts only if it is still wrong after
//! `TAKEN_BACK_WITHIN`.

use std::time::Duration;

use crate::clock::Clock;
use crate::facts::fault::Fault;
use crate::facts::ids::LogId;
use crate::lane::{Lane, Lanes};
use crate::ledger::Ledger;
use crate::ledger::audit::CheckedKeys;
use crate::{clock, ledger};

pub use report::{AuditReport, Finding};

mod lanes;

mod report;

mod seats;

/// Looks that must agree before a difference counts. Pages read under load may disagree by chance, but not in the same
/// way again and again.
const LOOKS_MIN: u32 = 4;

/// How long the audit waits for a lane's log to pass that record. After that the lane's differences count all the same.
const PASS_WITHIN: Duration = Duration::from_secs(20);

/// How long a change of a campaign may stand in the ledger before its lane takes or refuses it.
const TAKEN_BACK_WITHIN: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the audit could not read a lane")]
    Lane(#[from] Fault),
    #[error("the audit could not read the ledger")]
    Ledger(#[from] ledger::Error),
}

/// Checks everything once.
pub async fn run(lanes: &Lanes, ledger: &Ledger, clock: &Clock) -> Result<AuditReport, Error> {
    let mut report = AuditReport::new(clock.now_ms());
    for lane in lanes.iter() {
        check_lane(lane.as_ref(), ledger, clock, &mut report).await?;
    }
    for (id, checked) in [
        ("INV-3", ledger.audit_orders().await?),
        ("INV-10", ledger.audit_money().await?),
        ("INV-11", coupons(ledger).await?),
        ("INV-12", ledger.audit_settlements().await?),
    ] {
        report.count(id, checked.checked, checked.violations);
    }
    report.count_violations();
    Ok(report)
}

/// The ledger's half of INV-11.
async fn coupons(ledger: &Ledger) -> Result<CheckedKeys, ledger::Error> {
    let mut found = ledger.audit_coupons().await?;
    let began = clock::instant();
    while !found.violations.is_empty() && began.elapsed() < TAKEN_BACK_WITHIN {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let again = ledger.audit_coupons().await?;
        found.violations.retain(|text| again.violations.contains(text));
    }
    Ok(found)
}

async fn check_lane(lane: &dyn Lane, ledger: &Ledger, clock: &Clock, report: &mut AuditReport) -> Result<(), Error> {
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
