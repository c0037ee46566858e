//! Promises checked against simulated lines, each made from its seed.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::admission::promise::PromiseOutcome;
use crate::facts::ids::LaneId;

const EXACT: usize = 500;
const SEEDS: u64 = 2;

fn counts(admitted_total: i64) -> RoomCounts {
    RoomCounts { waiting: 10, inside: 10, capacity: 10, rate_per_min: 6_000, admitted_total, ..RoomCounts::untouched() }
}

fn room() -> Room {
    let (patience_ms, absent_ms, stay_ms) = (60_000, 60_000, 600_000);
    Room {
        event: "hall".into(),
        lane: LaneId(0),
        patience_ms,
        absent_ms,
        grace_ms: 300_000,
        stay_ms,
        recover_ms: 75_000,
        draw: None,
        birth: None,
    }
}

fn board_of(scores: &[i64], back: i64, counts: RoomCounts) -> Arc<Board> {
    let (mut knots, mut rank) = (Vec::new(), EXACT);
    while rank < scores.len() {
        knots.push((count(rank), scores[rank]));
        let next = usize::try_from(Board::next_rank(count(rank))).expect("not negative");
        rank = if rank + 1 == scores.len() { scores.len() } else { next.min(scores.len() - 1) };
    }
    Arc::new(Board { counts, head: 0, back, first: scores.iter().take(EXACT).copied().collect(), knots })
}

#[test]
fn an_eta_follows_the_head() {
    let (speeds, hall) = (Speeds::default(), room());
    for second in 0..=120 {
        speeds.observe(second * 1_000, &hall, &counts(second * 10));
    }
    // Ten a second: 1,000 ahead take about 100 s.
    let eta = speeds.eta(120_000, &hall.event, 1_000).expect("moving");
    assert!((75..100).contains(&eta.low_s) && (100..135).contains(&eta.high_s), "{eta:?}");
    let eta = speeds.eta(120_000, &hall.event, 0).expect("moving");
    assert!(eta.low_s == 0 && eta.high_s <= 5, "{eta:?}");
}

/// The promise of a line that moved for half a minute and then showed these counts.
fn moved(last: RoomCounts) -> Option<Eta> {
    let (speeds, hall) = (Speeds::default(), room());
    for second in 0..=30 {
        speeds.observe(second * 1_000, &hall, &counts(second * 5));
    }
    speeds.observe(31_000, &hall, &last);
    speeds.eta(31_000, &hall.event, 5)
}

#[test]
fn without_movement_there_is_no_promise() {
    let now = || counts(155);
    assert!(moved(now()).is_some());
    assert_eq!(moved(RoomCounts { mode: Mode::Paused, ..now() }), None);
    assert_eq!(moved(RoomCounts { mode: Mode::Recovering, ..now() }), None);
    assert_eq!(moved(RoomCounts { held: 3, ..now() }), None, "nothing is free");
    assert_eq!(moved(RoomCounts { rate_per_min: 0, ..now() }), None);
    assert_eq!(moved(RoomCounts { pace: 0, ..now() }), None);
    assert_eq!(moved(RoomCounts { capacity: 0, ..now() }), None);

    let (speeds, hall) = (Speeds::default(), room());
    let eta = |now_ms, ahead| speeds.eta(now_ms, &hall.event, ahead);
    assert_eq!(eta(0, 5), None, "nothing was ever seen");
    for second in 0..=60 {
        speeds.observe(second * 1_000, &hall, &counts(7));
    }
    assert_eq!(eta(60_000, 500), None, "full, and nobody has left yet");
    for second in 61..=90 {
        speeds.observe(second * 1_000, &hall, &counts(7 + (second - 60) * 5));
    }
    assert!(eta(90_000, 5).is_some());
    assert_eq!(eta(200_000, 5), None, "nobody has looked for long");
    speeds.keep(|_| false);
    assert!(speeds.0.is_empty());
}

#[test]
fn at_the_opening_the_rate_is_all_that_is_known() {
    let (speeds, hall) = (Speeds::default(), room());
    let empty = RoomCounts { inside: 0, capacity: 1_000, waiting: 5_000, ..counts(0) };
    speeds.observe(0, &hall, &empty);
    // A hundred a second until a thousand are in.
    let eta = speeds.eta(0, &hall.event, 500).expect("there is room for them");
    assert!(eta.low_s <= 5 && (5..12).contains(&eta.high_s), "{eta:?}");
    assert_eq!(speeds.eta(0, &hall.event, 4_000), None, "by when places come free nobody knows");
}

#[test]
fn a_place_moves_by_whoever_goes_from_before_it() {
    let scores: Vec<i64> = (0..3_000).collect();
    let old = board_of(&scores, 0, counts(0));
    for gone in [0, 1, 10, 400, 499, 600, 2_500] {
        let new = board_of(&scores[gone..], 0, counts(0));
        assert!((passed(&old, &new) - count(gone)).abs() <= count(gone) / 50, "{gone}: {}", passed(&old, &new));
    }
    assert_eq!(passed(&old, &board_of(&[], 0, counts(0))), 2_999, "all but the last, who was the mark");
    assert_eq!(passed(&old, &board_of(&scores[10..], 4, counts(0))), 6, "four are back and go first");
}

// --- Simulated lines ---

/// A line and how its visitors behave.
#[derive(Clone, Copy)]
struct Story {
    name: &'static str,
    at_opening: usize,
    /// How many more join in a second, for the first five minutes.
    arriving: f64,
    capacity: i64,
    rate_per_min: i64,
    /// Share of those who are not there when called.
    absent: f64,
    /// Share of those who wait that leaves in a minute.
    leaving: f64,
    /// How long a visit that begins at `now_s` lasts, s; `random` is below 1.
    stay_s: fn(now_s: f64, random: f64) -> f64,
}

struct Waiting {
    score: i64,
    absent: bool,
    /// The promises this visitor was given; `None`: the visitor is not measured.
    told: Option<Vec<(Millis, Eta)>>,
    ahead: i64,
}

#[derive(Default)]
struct Told {
    kept: usize,
    early: usize,
    late: usize,
    /// How many of the `looks` brought no promise.
    silent: usize,
    looks: usize,
    /// Width of each promise divided by its middle, where the middle is half a minute or more.
    widths: Vec<f64>,
}

impl Told {
    fn note(&mut self, eta: Eta, waited_ms: Millis) {
        match PromiseOutcome::of(eta, waited_ms) {
            PromiseOutcome::Kept => self.kept += 1,
            PromiseOutcome::Early(_) => self.early += 1,
            PromiseOutcome::Late(_) => self.late += 1,
        }
        let middle = (eta.low_s + eta.high_s) as f64 / 2.0;
        if middle >= 30.0 {
            self.widths.push((eta.high_s - eta.low_s) as f64 / middle);
        }
    }

    fn width(&self, share: f64) -> f64 {
        let mut widths = self.widths.clone();
        widths.sort_by(f64::total_cmp);
        widths.get((widths.len() as f64 * share) as usize).copied().unwrap_or(0.0)
    }

    fn share(&self) -> f64 {
        self.kept as f64 / (self.kept + self.early + self.late) as f64
    }
}

/// Plays a line from its opening until it is empty or an hour is over, in steps of a pulse (250 ms).
fn live(story: Story, seed: u64) -> Told {
    let mut random = StdRng::seed_from_u64(seed);
    let (speeds, hall) = (Speeds::default(), room());
    let (mut next, mut admitted, mut bucket) = (0, 0_i64, story.rate_per_min as f64 / 60.0);
    let mut line: Vec<Waiting> = Vec::new();
    let mut inside: Vec<f64> = Vec::new();
    let mut told = Told::default();
    let mut join = |line: &mut Vec<Waiting>, random: &mut StdRng| {
        next += 1;
        let absent = random.random_bool(story.absent);
        let measured = !absent && random.random_bool(0.1);
        line.push(Waiting { score: next, absent, told: measured.then(Vec::new), ahead: 0 });
    };
    (0..story.at_opening).for_each(|_| join(&mut line, &mut random));
    for pulse in 0..4 * 3_600 {
        let (now_ms, now_s) = (pulse * 250, pulse as f64 / 4.0);
        if now_s < 300.0 {
            let come = story.arriving / 4.0;
            let come = come.floor() as usize + usize::from(random.random_bool(come.fract()));
            (0..come).for_each(|_| join(&mut line, &mut random));
        }
        if story.leaving > 0.0 && pulse % 4 == 0 {
            line.retain(|_| !random.random_bool(story.leaving / 60.0));
        }
        inside.retain(|until| *until > now_s);
        bucket = (bucket + story.rate_per_min as f64 / 240.0).min(story.rate_per_min as f64 / 60.0);
        let mut called = 0;
        for who in &line {
            if bucket < 1.0 || count(inside.len()) >= story.capacity {
                break;
            }
            called += 1;
            if who.absent {
                continue;
            }
            bucket -= 1.0;
            admitted += 1;
            inside.push(now_s + (story.stay_s)(now_s, random.random()));
            // Their next poll tells them.
            let seen_ms = now_ms + random.random_range(200..2_500);
            for &(at_ms, eta) in who.told.iter().flatten() {
                told.note(eta, seen_ms - at_ms);
            }
        }
        line.drain(..called);
        if line.is_empty() {
            break;
        }
        if pulse % 4 != 0 {
            continue;
        }
        let scores: Vec<i64> = line.iter().map(|who| who.score).collect();
        let counts = RoomCounts {
            waiting: count(line.len()),
            inside: count(inside.len()),
            capacity: story.capacity,
            rate_per_min: story.rate_per_min,
            ..self::counts(admitted)
        };
        speeds.look(now_ms, &hall, &board_of(&scores, 0, counts));
        for (ahead, who) in line.iter_mut().enumerate() {
            let Some(promises) = &mut who.told else { continue };
            let wanted = match promises.len() {
                0 => true,
                1 => count(ahead) <= who.ahead / 2,
                _ => false,
            };
            if !wanted {
                continue;
            }
            told.looks += 1;
            match speeds.eta(now_ms, &hall.event, count(ahead)) {
                Some(eta) => {
                    if promises.is_empty() {
                        who.ahead = count(ahead);
                    }
                    promises.push((now_ms, eta));
                }
                None => told.silent += 1,
            }
        }
    }
    told
}

const STORIES: [Story; 6] = [
    Story {
        name: "steady: the rate decides",
        at_opening: 4_000,
        arriving: 5.0,
        capacity: 5_000,
        rate_per_min: 600,
        absent: 0.02,
        leaving: 0.0,
        stay_s: |_, random| 30.0 - 90.0 * (1.0 - random).ln(),
    },
    Story {
        name: "turnover: visits decide",
        at_opening: 2_000,
        arriving: 3.0,
        capacity: 300,
        rate_per_min: 6_000,
        absent: 0.02,
        leaving: 0.0,
        stay_s: |_, random| 40.0 + 160.0 * random,
    },
    Story {
        name: "bursts: all leave every 45 s",
        at_opening: 2_000,
        arriving: 2.0,
        capacity: 200,
        rate_per_min: 3_000,
        absent: 0.02,
        leaving: 0.0,
        stay_s: |now_s, random| (now_s / 45.0 + 1.0).floor() * 45.0 - now_s + random,
    },
    Story {
        name: "half are absent",
        at_opening: 4_000,
        arriving: 5.0,
        capacity: 2_000,
        rate_per_min: 900,
        absent: 0.5,
        leaving: 0.0,
        stay_s: |_, random| 30.0 - 60.0 * (1.0 - random).ln(),
    },
    Story {
        name: "many lose patience",
        at_opening: 4_000,
        arriving: 5.0,
        capacity: 400,
        rate_per_min: 1_200,
        absent: 0.1,
        leaving: 0.05,
        stay_s: |_, random| 20.0 - 60.0 * (1.0 - random).ln(),
    },
    Story {
        name: "a short line",
        at_opening: 150,
        arriving: 0.3,
        capacity: 20,
        rate_per_min: 600,
        absent: 0.05,
        leaving: 0.0,
        stay_s: |_, random| 20.0 - 60.0 * (1.0 - random).ln(),
    },
];

#[test]
fn nine_of_ten_promises_are_kept_and_say_something() {
    let mut wrong = Vec::new();
    for story in STORIES {
        let mut all = Told::default();
        for seed in 1..=SEEDS {
            let told = live(story, seed);
            all.kept += told.kept;
            all.early += told.early;
            all.late += told.late;
            all.silent += told.silent;
            all.looks += told.looks;
            all.widths.extend(told.widths);
        }
        println!(
            "{:<30} kept {:.3} ({} early, {} late of {}); width/middle: half under {:.2}, nine tenths under {:.2}; \
             {} of {} looks without a promise",
            story.name,
            all.share(),
            all.early,
            all.late,
            all.kept + all.early + all.late,
            all.width(0.5),
            all.width(0.9),
            all.silent,
            all.looks,
        );
        if all.share() < 0.9 || all.width(0.5) > 1.5 {
            wrong.push(story.name);
        }
    }
    assert!(wrong.is_empty(), "not kept, or too wide to be of use: {wrong:?}");
}
