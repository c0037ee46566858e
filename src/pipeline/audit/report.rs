//! What an audit found, by invariant.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lanes::{Compared, DifferenceKey};
use crate::facts::time::{Millis, rfc3339};
use crate::metrics::INVARIANT_VIOLATIONS;

/// The invariants an audit can read off the state, in their order.
pub const CHECKED: [&str; 7] = ["INV-1", "INV-2", "INV-3", "INV-4", "INV-10", "INV-11", "INV-12"];

/// Most violations of one invariant that are kept; the rest is dropped.
const SHOWN_MAX: usize = 100;

#[derive(Debug, Clone, Serialize)]
pub struct AuditReport {
    pub ok: bool,
    pub checked_at: String,
    pub invariants: Vec<Finding>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub id: &'static str,
    /// Things looked at (seats, holds, orders, transactions …).
    pub checked: u64,
    pub violations: Vec<String>,
}

impl AuditReport {
    pub fn new(now_ms: Millis) -> Self {
        let invariants = CHECKED.map(|id| Finding { id, checked: 0, violations: Vec::new() });
        Self { ok: true, checked_at: rfc3339(now_ms), invariants: invariants.into() }
    }

    /// Adds what one look at a lane checked, and the violations within the lane's own state.
    pub fn add(&mut self, compared: &Compared) {
        for (id, checked) in &compared.checked {
            self.finding(id).checked += checked;
        }
        for (id, violation) in &compared.violations {
            self.violation(id, violation.clone());
        }
    }

    /// Adds the differences between lane and ledger that stayed.
    pub fn differences(&mut self, differences: BTreeMap<DifferenceKey, String>) {
        for (key, text) in differences {
            self.violation(key.invariant, text);
        }
    }

    /// Adds what the ledger's check of itself found.
    pub fn count(&mut self, id: &'static str, checked: u64, violations: Vec<String>) {
        self.finding(id).checked += checked;
        for violation in violations {
            self.violation(id, violation);
        }
    }

    /// Adds one to the metric for each violation that is kept.
    pub fn count_violations(&self) {
        for finding in &self.invariants {
            let found = u64::try_from(finding.violations.len()).unwrap_or(u64::MAX);
            metrics::counter!(INVARIANT_VIOLATIONS, "id" => finding.id).increment(found);
        }
    }

    fn violation(&mut self, id: &str, text: String) {
        self.ok = false;
        let finding = self.finding(id);
        if finding.violations.len() < SHOWN_MAX {
            finding.violations.push(text);
        }
    }

    fn finding(&mut self, id: &str) -> &mut Finding {
        self.invariants.iter_mut().find(|f| f.id == id).expect("only invariants of CHECKED are reported")
    }
}
