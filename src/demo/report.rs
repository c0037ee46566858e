//! The report at the end: what became of the crowd, how long it took, what the audit found.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::latency::Quantiles;
use super::sample;
use super::step::BuyerStep;
use super::tally::{Count, CrowdTally, End};

#[derive(Debug)]
pub struct CrowdReport {
    pub event: String,
    /// ISO 4217.
    pub currency: String,
    pub crowd: usize,
    pub seed: u64,
    pub took: Duration,
    pub counts: ReportCounts,
    pub ends: Vec<(End, u64)>,
    pub refusals: Vec<(BuyerStep, &'static str, u64)>,
    pub latencies: Vec<(&'static str, Quantiles)>,
    pub breaches: Vec<(String, u64, String)>,
    pub audit: Audit,
}

#[derive(Debug, Clone, Default)]
pub struct ReportCounts {
    pub requests: u64,
    pub entered: u64,
    pub admitted: u64,
    pub held: u64,
    pub seats_held: u64,
    pub claimed: u64,
    pub ordered: u64,
    pub confirmed: u64,
    pub lines_sold: u64,
    pub refunded: u64,
    pub lines_refunded: u64,
    pub revenue: u64,
    pub cash_refunded: u64,
    pub points_spent: u64,
    pub points_restored: u64,
}

/// The audit's verdict, as the gateway gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    pub ok: bool,
    pub invariants: Vec<Invariant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    pub id: String,
    pub checked: u64,
    pub violations: Vec<String>,
}

impl Audit {
    /// Reads the answer of `GET /v1/admin/audit`. An audit that names no invariant is not ok.
    pub fn read(body: &Value) -> Self {
        let invariants: Vec<Invariant> = body["invariants"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| Invariant {
                id: one["id"].as_str().unwrap_or_default().to_owned(),
                checked: one["checked"].as_u64().unwrap_or(0),
                violations: one["violations"].as_array().into_iter().flatten().map(Value::to_string).collect(),
            })
            .collect();
        let clean = !invariants.is_empty() && invariants.iter().all(|i| i.violations.is_empty());
        Self { ok: body["ok"] == true && clean, invariants }
    }
}

impl ReportCounts {
    pub fn read(tally: &CrowdTally) -> Self {
        Self {
            requests: tally.get(Count::Requests),
            entered: tally.get(Count::Entered),
            admitted: tally.get(Count::Admitted),
            held: tally.get(Count::Held),
            seats_held: tally.get(Count::SeatsHeld),
            claimed: tally.get(Count::Claimed),
            ordered: tally.get(Count::Ordered),
            confirmed: tally.get(Count::Confirmed),
            lines_sold: tally.get(Count::LinesSold),
            refunded: tally.get(Count::Refunded),
            lines_refunded: tally.get(Count::LinesRefunded),
            revenue: tally.get(Count::Revenue),
            cash_refunded: tally.get(Count::CashRefunded),
            points_spent: tally.get(Count::PointsSpent),
            points_restored: tally.get(Count::PointsRestored),
        }
    }
}

impl CrowdReport {
    /// Whether the sale went as promised: a clean audit and nothing unexpected.
    pub fn ok(&self) -> bool {
        self.audit.ok && self.breaches.is_empty()
    }
}

impl fmt::Display for CrowdReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.counts;
        let took_s = self.took.as_secs_f64().max(0.001);
        let left = sample::capacity() as u64 - (c.lines_sold - c.lines_refunded).min(sample::capacity() as u64);
        writeln!(f, "Report: {} visitors to {:?}, seed {}", self.crowd, self.event, self.seed)?;
        writeln!(f, "  took       {took_s:.1} s, {} requests, {:.0}/s", c.requests, c.requests as f64 / took_s)?;
        writeln!(f, "  entered    {}, admitted {}", c.entered, c.admitted)?;
        writeln!(f, "  held       {} holds of {} places, {} coupons claimed", c.held, c.seats_held, c.claimed)?;
        writeln!(f, "  confirmed  {} of {} orders, {} places", c.confirmed, c.ordered, c.lines_sold)?;
        writeln!(f, "  refunded   {} orders, {} places; {left} places unsold", c.refunded, c.lines_refunded)?;
        let kept = c.revenue - c.cash_refunded.min(c.revenue);
        writeln!(f, "  revenue    {} {} kept of {}", grouped(kept), self.currency, grouped(c.revenue))?;
        let (spent, back) = (grouped(c.points_spent), grouped(c.points_restored));
        writeln!(f, "  points     {spent} spent, {back} given back\n")?;

        writeln!(f, "How visits ended")?;
        for (end, n) in &self.ends {
            writeln!(f, "  {n:>7}  {}", end.name())?;
        }
        writeln!(f, "\nRefused, and why")?;
        for (step, code, n) in &self.refusals {
            writeln!(f, "  {n:>7}  {:<13} {code}", step.name())?;
        }
        writeln!(f, "\nLatency             count      p50      p95      p99      max")?;
        for (name, q) in &self.latencies {
            let [p50, p95, p99, max] = [q.p50, q.p95, q.p99, q.max].map(millis);
            writeln!(f, "  {name:<16} {:>7} {p50:>8} {p95:>8} {p99:>8} {max:>8}", q.count)?;
        }
        writeln!(f, "  (milliseconds; crowd and gateway share this machine)\n")?;

        for (what, n, sample) in &self.breaches {
            writeln!(f, "UNEXPECTED {n:>6}  {what}\n                   first: {sample}")?;
        }
        if self.breaches.is_empty() {
            writeln!(f, "Unexpected answers: none")?;
        }
        writeln!(f, "Audit: {}", if self.audit.ok { "clean" } else { "VIOLATED" })?;
        for one in &self.audit.invariants {
            let verdict = if one.violations.is_empty() { "ok" } else { "VIOLATED" };
            writeln!(f, "  {:<7} {:>7} checked  {verdict}", one.id, one.checked)?;
            for violation in one.violations.iter().take(5) {
                writeln!(f, "          {violation}")?;
            }
        }
        Ok(())
    }
}

fn millis(took: Duration) -> String {
    format!("{:.1}", took.as_secs_f64() * 1000.0)
}

/// `1234567` as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report() -> CrowdReport {
        let audit = json!({"ok": true, "invariants": [{"id": "INV-1", "checked": 3000, "violations": []}]});
        CrowdReport {
            currency: "KRW".into(),
            event: "spring-hall".to_owned(),
            crowd: 5_000,
            seed: 1,
            took: Duration::from_secs(60),
            counts: ReportCounts { revenue: 1_234_567, confirmed: 12, ..ReportCounts::default() },
            ends: vec![(End::Bought, 12)],
            refusals: vec![(BuyerStep::Hold, "SEATS_TAKEN", 7)],
            latencies: vec![("enter", Quantiles::default())],
            breaches: vec![],
            audit: Audit::read(&audit),
        }
    }

    #[test]
    fn a_clean_run_is_ok_and_says_so() {
        let report = report();
        assert!(report.ok());
        let text = report.to_string();
        for part in ["1,234,567", "SEATS_TAKEN", "Audit: clean", "INV-1", "3000 checked", "Unexpected answers: none"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
    }

    #[test]
    fn one_unexpected_answer_fails_the_run() {
        let report = CrowdReport { breaches: vec![("hold: 500".to_owned(), 1, "{}".to_owned())], ..report() };
        assert!(!report.ok());
        assert!(report.to_string().contains("UNEXPECTED      1  hold: 500"));
    }

    #[test]
    fn an_audit_is_only_clean_when_it_checked_something_and_found_nothing() {
        assert!(!Audit::read(&json!({"ok": true, "invariants": []})).ok);
        assert!(!Audit::read(&json!({"ok": true})).ok);
        let violated =
            json!({"ok": false, "invariants": [{"id": "INV-3", "checked": 2, "violations": ["a-1-1 twice"]}]});
        let audit = Audit::read(&violated);
        assert!(!audit.ok);
        assert!(CrowdReport { audit, ..report() }.to_string().contains("a-1-1 twice"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
