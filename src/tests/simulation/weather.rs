//! What the world does to a history: which unkindness, how often, and to whom. All of it is thrown from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::dice::Dice;

/// A kind of unkindness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A lane's step that was never taken, and the caller cannot know.
    LaneCallLost,
    /// A step that was taken, and its answer lost.
    LaneAnswerLost,
    LaneSlow,
    /// A lane forgets everything.
    LaneLost,
    /// The lanes' file is cut within what a step wrote that nobody was answered by, and read again.
    LaneTorn,
    /// An older copy of the lanes' file is put in its place.
    LaneSetBack,
    /// A database that does not answer.
    LedgerAway,
    /// A transaction rolled back at its end: deadlock, lock time-out, a full disk, a connection that broke.
    LedgerRolledBack,
    /// A transaction of a writer of which the database says that its values do not fit.
    LedgerRefused,
    /// A transaction that was committed, and its answer lost.
    LedgerAnswerLost,
    /// The provider did it and says nothing.
    BankSilent,
    /// The provider never heard of it.
    BankDeaf,
    BankSlow,
    /// A process that is configured without the provider.
    BankUnknown,
    /// A request whose client goes away.
    ClientGone,
    /// A process ends between any two of its steps, and another takes its place.
    Killed,
    /// A process does nothing for longer than its lease, and wakes up.
    Frozen,
    /// The clock of one process is not the others'.
    ClockStepped,
    /// An order in the log as the version before this wrote it.
    OldRecord,
    /// Lanes' logs that take a few records only.
    LogFull,
    /// Limits that many visitors meet.
    LimiterFull,
}

pub const KINDS: [Kind; 21] = [
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
    Kind::BankUnknown,
    Kind::ClientGone,
    Kind::Killed,
    Kind::Frozen,
    Kind::ClockStepped,
    Kind::OldRecord,
    Kind::LogFull,
    Kind::LimiterFull,
];

/// What only lanes with a file meet.
pub const OF_FILES: [Kind; 2] = [Kind::LaneTorn, Kind::LaneSetBack];

/// The weather of one history.
pub struct Weather {
    /// Of a thousand chances; a kind that is missing never happens.
    rates: BTreeMap<Kind, u64>,
    dice: Mutex<Dice>,
    calm: AtomicBool,
    met: Mutex<BTreeMap<Kind, u64>>,
}

impl Weather {
    pub fn of(seed: u64, without: &BTreeSet<Kind>) -> Arc<Self> {
        let mut dice = Dice::of(seed, 1);
        // One history in eight is calm throughout.
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

    /// Whether it happens now.
    pub fn strikes(&self, kind: Kind) -> bool {
        self.rates.get(&kind).is_some_and(|rate| self.happens(kind, *rate))
    }

    /// Whether it is so for a process that begins now: for half of them, in a history that knows the kind.
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

    /// It struck, and nothing came of it.
    pub fn did_not(&self, kind: Kind) {
        let mut met = self.met.lock();
        if let Some(times) = met.remove(&kind).filter(|times| *times > 1) {
            met.insert(kind, times - 1);
        }
    }

    /// From 0 up to `end`, which is left out.
    pub fn pick(&self, end: usize) -> usize {
        self.dice.lock().between(0, end as u64 - 1) as usize
    }

    pub fn delay(&self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.dice.lock().between(low_ms, high_ms))
    }

    /// While it is calm nothing goes wrong. It begins so.
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
