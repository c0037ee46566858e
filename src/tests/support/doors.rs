//! The `Admission`s of several gateways in front of one room, and a crowd that polls through them. The test plays the
//! time. The lane's metrics count what the gateways ask of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::poll_fn;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use stanchion::admission::pace::Pace;
use stanchion::admission::passes::Passes;
use stanchion::admission::proof::Proofs;
use stanchion::admission::tokens::{Tokens, random_visitor};
use stanchion::admission::{Admission, AdmissionSettings, Along, Entrance, Polled, VisitorPlace, Why, board, presence};
use stanchion::clock::Clock;
use stanchion::facts::ids::{LaneId, LogId};
use stanchion::facts::place::Token;
use stanchion::facts::room::{Mode, Room, RoomSettings};
use stanchion::lane::events::{EventPut, PutEvent};
use stanchion::lane::rooms::{ENTER_MAX, Enter, EnterOutcome, Entrant, Pulse, Pulsed};
use stanchion::lane::{Lane, Lanes};
use stanchion::limiter::Limiter;
use stanchion::{config, lane};

const EVENT: &str = "hall";

const BEGAN_MS: i64 = 1_800_000_000_000;

const SECRET: [u8; 32] = [7; 32];

const PACE: Pace = Pace { min_ms: 1_000, max_ms: 15_000 };

/// Where the room's lane is kept.
pub enum On {
    Memory,
    /// The Redis at this URL.
    Redis(String),
}

pub struct Doors {
    pub clock: Clock,
    pub lane: Arc<dyn Lane>,
    pub room: Room,
    pub gateways: Vec<Arc<Admission>>,
    tokens: Tokens,
    counted: PrometheusRecorder,
}

/// How many commands a lane got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    pub board: u64,
    pub poll: u64,
    pub presence: u64,
}

impl Asked {
    pub fn all(self) -> u64 {
        self.board + self.poll + self.presence
    }

    pub fn since(self, before: Self) -> Self {
        Self {
            board: self.board - before.board,
            poll: self.poll - before.poll,
            presence: self.presence - before.presence,
        }
    }
}

impl Doors {
    /// An open room without seats, with settings changed by `change`, and this many gateways in front of it.
    pub async fn open(on: &On, gateways: usize, change: impl FnOnce(&mut RoomSettings)) -> Self {
        let counted = PrometheusBuilder::new().build_recorder();
        let lanes = lanes(on, &counted).await;
        let lane = lanes.get(LaneId(0)).expect("a lane").clone();
        lane.begin_restore(BEGAN_MS, 1, LogId(0)).await.expect("begun");
        lane.end_restore(BEGAN_MS, 1).await.expect("ended");
        let (clock, key) = (Clock::stopped(BEGAN_MS), pass_key());
        let gateway = |_| {
            let settings = AdmissionSettings { waiting_max: 10_000_000, pace: PACE, board_ms: board::KEEP_MS };
            let passes = Passes::new(&key, &[]).expect("a key");
            let secrets = [SECRET.to_vec()];
            let entrance = Entrance::new(Proofs::new(None, &secrets), Limiter::off());
            Arc::new(Admission::new(lanes.clone(), clock.clone(), settings, Tokens::new(&secrets), passes, entrance))
        };
        let settings = settings(change);
        let room = Room {
            event: EVENT.into(),
            lane: LaneId(0),
            patience_ms: settings.absent_after_s.min(settings.claim_ttl_s) * 1_000,
            absent_ms: settings.absent_after_s * 1_000,
            grace_ms: settings.late_grace_s * 1_000,
            recover_ms: 75_000,
            draw: None,
            birth: None,
            stay_ms: settings.pass_ttl_s * 1_000,
        };
        let gateways = (0..gateways).map(gateway).collect();
        let doors = Self { clock, lane, room, gateways, tokens: Tokens::new(&[SECRET.to_vec()]), counted };
        doors.put(1, settings).await;
        doors
    }

    /// Puts the default settings of the room, changed by `change`.
    pub async fn set(&self, version: i64, change: impl FnOnce(&mut RoomSettings)) {
        self.put(version, settings(change)).await;
    }

    async fn put(&self, version: i64, room: RoomSettings) {
        let put = EventPut { event: EVENT.into(), version, seats: 0, blocked: vec![], room, returned: false };
        assert_eq!(self.lane.put_event(self.clock.now_ms(), put).await.expect("an answer"), PutEvent::Done);
    }

    pub fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }

    /// Lets time pass, with a pulse every two seconds, while nobody shows up.
    pub async fn sleep(&self, ms: u64) {
        let mut left = ms;
        while left > 0 {
            self.pulse().await;
            let step = left.min(2_000);
            self.pass(step);
            left -= step;
        }
    }

    /// Enters `many` visitors directly in the lane. Returns their tokens, in order.
    pub async fn enter(&self, many: usize) -> Vec<Token> {
        let mut tokens = Vec::with_capacity(many);
        while tokens.len() < many {
            let few =
                (0..ENTER_MAX.min(many - tokens.len())).map(|_| Entrant { visitor: random_visitor(), draw: None });
            let visitors: Vec<Entrant> = few.collect();
            let names: Vec<_> = visitors.iter().map(|entrant| entrant.visitor.clone()).collect();
            let enter = Enter { event: EVENT.into(), round: 0, visitors, waiting_max: i64::MAX >> 12 };
            let places = self.lane.enter(self.clock.now_ms(), enter).await.expect("an answer");
            tokens.extend(names.into_iter().zip(places).map(|(visitor, place)| match place {
                EnterOutcome::Entered { score, place } => {
                    Token { event: EVENT.into(), visitor, score, round: place.counts.round }
                }
                other => panic!("a new place: {other:?}"),
            }));
        }
        tokens
    }

    /// Polls through this gateway.
    pub async fn poll(&self, gateway: usize, token: &Token) -> VisitorPlace {
        self.ask(gateway, token, Along::default()).await.0
    }

    /// Asks for a place through this gateway, with a token.
    pub async fn enter_with(&self, gateway: usize, token: &Token) -> VisitorPlace {
        self.ask(gateway, token, Along { why: Why::Enters, ..Along::default() }).await.0
    }

    async fn ask(&self, gateway: usize, token: &Token, along: Along<'_>) -> (VisitorPlace, i64) {
        match self.gateways[gateway].poll(&self.room, token.clone(), along).await.expect("an answer") {
            Polled::Standing(standing) => (standing.place, standing.poll_after_ms),
            other => panic!("{other:?}"),
        }
    }

    /// How many stand before this visitor, according to this gateway. The visitor must be waiting.
    pub async fn ahead(&self, gateway: usize, token: &Token) -> i64 {
        match self.poll(gateway, token).await {
            VisitorPlace::Waiting { ahead, .. } => ahead,
            other => panic!("{other:?}"),
        }
    }

    /// Tells the lane of every visitor whom this gateway has seen.
    pub async fn tell(&self, gateway: usize) {
        presence::tell_all(&self.gateways[gateway]).await;
    }

    pub async fn leave(&self, gateway: usize, token: &Token) {
        self.gateways[gateway].leave(&self.room, token.clone()).await.expect("an answer");
    }

    pub async fn pulse(&self) -> Pulsed {
        let pulse = Pulse { event: EVENT.into(), work_max: 2_000 };
        self.lane.pulse(self.clock.now_ms(), pulse).await.expect("an answer").expect("the event")
    }

    /// The commands that the lane got so far from all gateways.
    pub fn asked(&self) -> Asked {
        let text = self.counted.handle().render();
        let of = |operation: &str| {
            let name = format!("stanchion_lane_operation_seconds_count{{operation=\"{operation}\"}} ");
            text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().expect("a number"))
        };
        Asked { board: of("board"), poll: of("poll"), presence: of("presence") }
    }
}

fn settings(change: impl FnOnce(&mut RoomSettings)) -> RoomSettings {
    let mut room = RoomSettings { mode: Mode::Open, capacity: 0, rate_per_min: 60, ..RoomSettings::default() };
    change(&mut room);
    room
}

/// A single lane, whose metrics go to this recorder.
async fn lanes(on: &On, counted: &PrometheusRecorder) -> Lanes {
    match on {
        On::Memory => metrics::with_local_recorder(counted, || lane::memory::volatile(1)),
        On::Redis(url) => {
            let config =
                config::RedisConfig { url: url.clone(), pool: 2, timeout_ms: 20_000, wait_replicas: 0, skew_max_ms: 0 };
            let mut connecting = Box::pin(lane::redis::connect(&config, 1));
            let lanes = poll_fn(|cx| metrics::with_local_recorder(counted, || connecting.as_mut().poll(cx))).await;
            Lanes::new(lanes.expect("the server is ready"))
        }
    }
}

/// A new Ed25519 private key in PEM.
pub fn pass_key() -> String {
    use base64::Engine as _;
    let pair = aws_lc_rs::signature::Ed25519KeyPair::generate().expect("random bytes");
    let der = pair.to_pkcs8v1().expect("an encoding");
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

// --- A crowd that polls as it is told to ---

const STEP_MS: usize = 50;

/// Size of the ring of steps: a poll is due at most this many steps ahead, which is more than the longest pace.
const AHEAD: usize = 400;

/// All visitors who wait. Each poll goes to a gateway chosen at random.
pub struct Crowd {
    people: Vec<(Token, String)>,
    /// For each of the next steps, who polls then. A ring.
    due: Vec<Vec<u32>>,
    step: usize,
}

/// What happened while the crowd polled.
#[derive(Debug, Clone, Copy, Default)]
pub struct Played {
    pub polls: u64,
    pub waiting: u64,
    pub admitted: u64,
}

impl Crowd {
    /// Enters `many` visitors. Their first polls are spread over their paces at random, as if they had entered one
    /// after another.
    pub async fn enter(doors: &Doors, many: usize) -> Self {
        let tokens = doors.enter(many).await;
        let mut due = vec![Vec::new(); AHEAD];
        for n in 0..many {
            let pace_ms = PACE.waiting(i64::try_from(n).expect("a position"), 0.5);
            let step = usize::try_from(pace_ms).expect("not negative") * rand::random_range(0..1_000) / 1_000 / STEP_MS;
            due[step].push(u32::try_from(n).expect("a position"));
        }
        let people = tokens.into_iter().map(|token| {
            let text = doors.tokens.sign(&token, None);
            (token, text)
        });
        Self { people: people.collect(), due, step: 0 }
    }

    /// Lets this much time pass. All poll when they were told to, gateways tell the lane, and the room is pulsed.
    pub async fn poll(&mut self, doors: &Doors, seconds: usize) -> Played {
        let mut played = Played::default();
        for _ in 0..seconds * 1_000 / STEP_MS {
            doors.pass(STEP_MS as u64);
            let at = self.step % AHEAD;
            for n in std::mem::take(&mut self.due[at]) {
                let (token, text) = &self.people[n as usize];
                let gateway = rand::random_range(0..doors.gateways.len());
                let along = Along { text: Some(text), ..Along::default() };
                let (place, after_ms) = doors.ask(gateway, token, along).await;
                played.polls += 1;
                match place {
                    VisitorPlace::Waiting { .. } => played.waiting += 1,
                    // A visitor who is let in polls no more.
                    VisitorPlace::Admitted { .. } => {
                        played.admitted += 1;
                        continue;
                    }
                    other => panic!("nobody leaves, nobody is late: {other:?}"),
                }
                let steps = usize::try_from(after_ms).expect("not negative").div_ceil(STEP_MS).clamp(1, AHEAD - 1);
                self.due[(at + steps) % AHEAD].push(n);
            }
            self.step += 1;
            if self.step.is_multiple_of(2) {
                for gateway in &doors.gateways {
                    presence::tell_ripe(gateway).await;
                }
            }
            if self.step.is_multiple_of(5) {
                doors.pulse().await;
            }
        }
        played
    }
}
