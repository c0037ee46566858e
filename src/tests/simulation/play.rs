//! Plays one history to its end.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::closing;
use super::dice::Dice;
use super::history::History;
use super::house::{self, House, On};
use super::misfortunes;
use super::people::{Operator, Person, settle, watch};
use super::weather::{Kind, Weather};

/// Most people in a history.
pub const PEOPLE_MAX: u64 = 14;

/// Much longer than any history takes, even on servers and on a busy machine.
const STANDSTILL: Duration = Duration::from_secs(180);

/// What is found when a history has not ended within `STANDSTILL`.
pub const STANDS_STILL: &str = "it stands still: something waits that nothing will end";

/// The result of a history.
#[derive(Default)]
pub struct Outcome {
    pub digest: String,
    /// Contradictions, in plain words.
    pub found: Vec<String>,
    pub lines: Vec<String>,
    pub met: BTreeMap<String, u64>,
    pub struck: BTreeMap<Kind, u64>,
}

/// What is played: a whole history of a seed, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    pub seed: u64,
    /// Most people who come.
    pub people: u64,
    /// Kinds of unkindness that never happen.
    pub without: BTreeSet<Kind>,
    pub on: On,
}

impl Script {
    pub fn of(seed: u64) -> Self {
        Self { seed, people: PEOPLE_MAX, without: BTreeSet::new(), on: On::Files }
    }

    /// Plays it on a thread of its own, whose random numbers are seeded.
    pub fn play(&self) -> Outcome {
        house::prepare();
        let script = self.clone();
        let (done, ended) = mpsc::channel();
        let thread = std::thread::Builder::new().name(format!("seed {}", self.seed)).spawn(move || {
            stanchion::random::seed_this_thread(script.seed);
            fastrand::seed(script.seed);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            let outcome = runtime.expect("a runtime").block_on(history_of(&script));
            // Nobody waits any more for a history that stood still.
            done.send(outcome).ok();
        });
        let thread = thread.expect("a thread");
        let found = match ended.recv_timeout(STANDSTILL) {
            Ok(outcome) => return outcome,
            // The thread is left behind: nothing can end it.
            Err(RecvTimeoutError::Timeout) => STANDS_STILL.to_owned(),
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => unreachable!("it sends before it ends"),
                Err(panic) => panicked(&*panic),
            },
        };
        Outcome { found: vec![found], ..Outcome::default() }
    }
}

/// What is reported when a part of the house or of the world has panicked.
fn panicked(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("a panic: {}", text.unwrap_or_default())
}

async fn history_of(script: &Script) -> Outcome {
    let seed = script.seed;
    let weather = Weather::of(seed, &script.without);
    let house = House::open(weather.clone(), script.on).await;
    let history = History::new(house.clone());
    let mut dice = Dice::of(seed, 0);
    history.say(format!("the weather: {:?}", weather.rates()));
    let mut operator = Operator::new(history.clone(), seed);
    operator.begin().await;
    weather.calm(false);
    let befalling = tokio::spawn(misfortunes::befall(history.clone()));
    let watching = tokio::spawn(watch(history.clone(), seed));
    let people: Vec<_> = (0..dice.between(3, PEOPLE_MAX).min(script.people))
        .map(|number| tokio::spawn(Person::new(history.clone(), number, seed).live()))
        .collect();
    let operating = tokio::spawn(operator.operate());
    let settling = tokio::spawn(settle(history.clone(), seed));
    for person in people {
        person.await.expect("nobody panics");
    }
    operating.await.expect("nobody panics");
    settling.await.expect("nobody panics");
    watching.abort();
    assert!(!watching.await.is_err_and(|ended| ended.is_panic()), "the watcher panicked");
    weather.calm(true);
    history.say("the weather is calm".to_owned());
    befalling.abort();
    let panicked = befalling.await.is_err_and(|ended| ended.is_panic());
    assert!(!panicked, "the misfortunes panicked");
    house.mend().await;
    closing::close(&history, &mut dice).await;
    house.close().await;
    let report = house.audit().await;
    let mut auditor = history.auditor.lock();
    if !report.ok {
        auditor.finds(format!("the house's audit: {report:?}"));
    }
    auditor.close(&house.bank);
    let outcome = Outcome {
        digest: history.digest(),
        found: auditor.found().to_vec(),
        lines: history.lines(),
        met: history.met(),
        struck: weather.met(),
    };
    drop(auditor);
    house.forget();
    outcome
}
