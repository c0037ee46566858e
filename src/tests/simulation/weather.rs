//! What the world does to a history: which kinds of unkindness happen, how often, and to whom. All of it follows from
//! the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::dice::Dice;

/// A kind of unkindness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A lane's step is not taken, and the caller cannot know.
    LaneCallLost,
    /// A lane's step is taken, and its answer is lost.
    LaneAnswerLost,
    LaneSlow,
    /// A lane forgets everything; on files or Redis all lanes do.
    LaneLost,
    /// The lanes' file is cut before, within or behind what an unanswered step wrote, and opened again.
    LaneTorn,
    /// The lanes' file is replaced by an older copy.
    LaneSetBack,
    /// The database does not answer.
    LedgerAway,
    /// A transaction is rolled back at its end: deadlock, lock timeout, a full disk, a connection that broke.
    LedgerRolledBack,
    /// The database refuses a writer's transaction because its values do not fit.
    LedgerRefused,
    /// A transaction is committed, and its answer is lost.
    LedgerAnswerLost,
    /// The provider carries a call out and does not answer.
    BankSilent,
    /// A call never reaches the provider.
    BankDeaf,
    BankSlow,
    /// The provider decides about a charge long after it was asked, perhaps after the order's end.
    BankLate,
    /// A process is configured without the provider.
    BankUnknown,
    /// The client of a request goes away.
    ClientGone,
    /// A process ends between any two of its steps, and another takes its place.
    Killed,
    /// A process does nothing for a while, perhaps for longer than its lease, and goes on.
    Frozen,
    /// The clock of one process differs from the others'.
    ClockStepped,
    /// An order in the log has the form that an older version wrote.
    OldRecord,
    /// Lanes' logs take only a few records.
    LogFull,
    /// Limits are so low that many visitors meet them.
    LimiterFull,
    /// The provider takes money after it said that it took none, and tells so by a webhook.
    BankAfterAll,
    /// The bank takes a deposit back that was there.
    BankUndone,
}

pub const KINDS: [Kind; 24] = [
    Kind::LaneCallLost,
    Kind::LaneAnswerLost,
    Kind::LaneSlow,
    Kind::LaneLost,
    Kind::LaneTorn,
    Kind::LaneSetBack,
    Kind::LedgerAway,
    Kind::LedgerRolledBack,
    Kind::LedgerRefused,
    Kind::LedgerAnswerLost,
    Kind::BankSilent,
    Kind::BankDeaf,
    Kind::BankSlow,
    Kind::BankLate,
    Kind::BankUnknown,
    Kind::ClientGone,
    Kind::Killed,
    Kind::Frozen,
    Kind::ClockStepped,
    Kind::OldRecord,
    Kind::LogFull,
    Kind::LimiterFull,
    Kind::BankAfterAll,
    Kind::BankUndone,
];

/// Kinds that strike only lanes with a file.
pub const OF_FILES: [Kind; 2] = [Kind::LaneTorn, Kind::LaneSetBack];

/// The weather of one history.
pub struct Weather {
    /// How often each kind strikes, in a thousand chances. A kind that is missing never does.
    rates: BTreeMap<Kind, u64>,
    dice: Mutex<Dice>,
    calm: AtomicBool,
    met: Mutex<BTreeMap<Kind, u64>>,
}

impl Weather {
    pub fn of(seed: u64, without: &BTreeSet<Kind>) -> Arc<Self> {
        let mut dice = Dice::of(seed, 1);
        // One history in eight is calm all the time.
        let windy = dice.chance(875);
        let rates = KINDS.into_iter().filter_map(|kind| {
            let rate = dice.between(1, 40);
            (dice.chance(350) && windy && !without.contains(&kind)).then_some((kind, rate))
        });
        Arc::new(Self {
            rates: rates.collect(),
            dice: Mutex::new(dice),
            calm: AtomicBool::new(true),
            met: Mutex::default(),
        })
    }

    /// Whether this kind strikes now.
    pub fn strikes(&self, kind: Kind) -> bool {
        self.rates.get(&kind).is_some_and(|rate| self.happens(kind, *rate))
    }

    /// Whether this kind holds for a process that begins now. In a history that has the kind, it holds for half of the
    /// processes.
    pub fn rules(&self, kind: Kind) -> bool {
        self.rates.contains_key(&kind) && self.happens(kind, 500)
    }

    fn happens(&self, kind: Kind, per_mille: u64) -> bool {
        let happens = !self.calm.load(Ordering::Relaxed) && self.dice.lock().chance(per_mille);
        if happens {
            *self.met.lock().entry(kind).or_default() += 1;
        }
        happens
    }

    /// Takes one strike of this kind, which had no effect, out of the count.
    pub fn did_not(&self, kind: Kind) {
        let mut met = self.met.lock();
        if let Some(times) = met.remove(&kind).filter(|times| *times > 1) {
            met.insert(kind, times - 1);
        }
    }

    /// A number from 0 up to `end`, `end` not included.
    pub fn pick(&self, end: usize) -> usize {
        self.dice.lock().between(0, end as u64 - 1) as usize
    }

    pub fn delay(&self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.dice.lock().between(low_ms, high_ms))
    }

    /// Sets whether the weather is calm. While it is calm, nothing goes wrong. It is calm at first.
    pub fn calm(&self, calm: bool) {
        self.calm.store(calm, Ordering::Relaxed);
    }

    pub fn rates(&self) -> &BTreeMap<Kind, u64> {
        &self.rates
    }

    pub fn knows(&self, kinds: &[Kind]) -> bool {
        kinds.iter().any(|kind| self.rates.contains_key(kind))
    }

    pub fn met(&self) -> BTreeMap<Kind, u64> {
        self.met.lock().clone()
    }
}
