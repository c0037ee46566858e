//! How a run is shown while it runs: bars on a terminal, a plain line every few seconds elsewhere.
//! Only reads the tally and the room.

use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;

use super::sample;
use super::tally::{Count, CrowdTally};

/// How often bars move, and how often a plain line is written.
pub const BARS_EVERY: Duration = Duration::from_millis(500);
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// Where a run is shown.
pub enum Show {
    /// Bars on standard error, text on standard output.
    Bars,
    Lines(Box<dyn Write + Send>),
}

pub(super) struct Progress {
    show: Show,
    bars: Option<Bars>,
    crowd: u64,
    requests_before: u64,
}

struct Bars {
    all: MultiProgress,
    arrived: ProgressBar,
    admitted: ProgressBar,
    sold: ProgressBar,
    finished: ProgressBar,
    state: ProgressBar,
}

impl Progress {
    pub fn new(show: Show, crowd: usize) -> Self {
        Self { show, bars: None, crowd: crowd as u64, requests_before: 0 }
    }

    pub fn every(&self) -> Duration {
        match self.show {
            Show::Bars => BARS_EVERY,
            Show::Lines(_) => LINE_EVERY,
        }
    }

    /// Writes one line. A reader that is gone (a closed pipe) is no reason to stop the sale.
    pub fn say(&mut self, text: &str) {
        match (&mut self.show, &self.bars) {
            (Show::Bars, Some(bars)) => drop(bars.all.println(text)),
            (Show::Bars, None) => drop(writeln!(std::io::stdout(), "{text}")),
            (Show::Lines(out), _) => drop(writeln!(out, "{text}").and_then(|()| out.flush())),
        }
    }

    /// A bar for the preparations. Plain lines do not show their steps.
    pub fn preparing(&self, what: &'static str) -> ProgressBar {
        match self.show {
            Show::Bars => ProgressBar::new(self.crowd).with_style(style()).with_prefix(what),
            Show::Lines(_) => ProgressBar::hidden(),
        }
    }

    /// Shows where the run stands; `since` is the time since the last call.
    pub fn tick(&mut self, tally: &CrowdTally, room: &Value, since: Duration) {
        let requests = tally.get(Count::Requests);
        let per_s = (requests - self.requests_before) as f64 / since.as_secs_f64().max(0.001);
        self.requests_before = requests;
        let state = format!(
            "waiting {} · inside {} · free {} · {per_s:.0} requests/s · unexpected {}",
            room["waiting"],
            room["inside"],
            room["seats_left"],
            tally.breach_count()
        );
        let sold = tally.get(Count::LinesSold).saturating_sub(tally.get(Count::LinesRefunded));
        match self.show {
            Show::Bars => {
                let bars = self.bars.get_or_insert_with(|| Bars::new(self.crowd));
                bars.arrived.set_position(tally.get(Count::Arrived));
                bars.admitted.set_position(tally.get(Count::Admitted));
                bars.sold.set_position(sold);
                bars.finished.set_position(tally.get(Count::Finished));
                bars.state.set_message(state);
            }
            Show::Lines(_) => {
                let line = format!(
                    "arrived {}/{} · admitted {} · sold {sold}/{} · finished {} · {state}",
                    tally.get(Count::Arrived),
                    self.crowd,
                    tally.get(Count::Admitted),
                    sample::capacity(),
                    tally.get(Count::Finished),
                );
                self.say(&line);
            }
        }
    }

    /// Takes the bars away, so that the report has the screen for itself.
    pub fn over(&mut self) {
        if let Some(bars) = self.bars.take() {
            drop(bars.all.clear());
        }
    }
}

impl Bars {
    fn new(crowd: u64) -> Self {
        let all = MultiProgress::new();
        let bar = |prefix: &'static str, length: u64| {
            all.add(ProgressBar::new(length).with_style(style()).with_prefix(prefix))
        };
        let (arrived, admitted) = (bar("arrived", crowd), bar("admitted", crowd));
        let sold = bar("places sold", sample::capacity() as u64);
        let finished = bar("visits over", crowd);
        let plain = ProgressStyle::with_template("{elapsed_precise}  {msg}").expect("the template is constant");
        let state = all.add(ProgressBar::new_spinner().with_style(plain));
        Self { all, arrived, admitted, sold, finished, state }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:>12}  [{bar:40}] {pos}/{len}")
        .expect("the template is constant")
        .progress_chars("=> ")
}
