//! The load: connections that ask, wait for the answer and ask again, in a process of their own.
//!
//! The load shares the machine with the server that it measures, so what it spends makes unequal servers look equal. It
//! is therefore as cheap as we could make it. Requests are made beforehand. An answer costs a write, a read and a look
//! at its length; an HTTP library costs more, and so does wrk, which rearms epoll twice a request. The load is the same
//! for the gateway and its peer. It has one thread for two cores. A request costs the load less than it costs any
//! server, so the machine is the limit and not the load; its processor time is reported, so that one can check this.
//!
//! On one machine a server pays for waking the client that waits for its answer. A slow server pays more than a fast
//! one, whose client hardly sleeps. Over a network it would pay nothing. So the load is not woken for each answer: when
//! it has nothing to do, it naps before it looks again, for a time much shorter than its connections keep a server
//! busy.

use std::cell::{Cell, RefCell};
use std::io::Write as _;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::answer::Shape;
use super::part::Part;
use super::{machine, table};

/// One of this many answers is read whole and compared with what it should be.
const SAMPLE: u64 = 64;

/// What to ask, of whom and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Each thread's connections go to these in turn.
    pub addresses: Vec<String>,
    pub connections: usize,
    pub ask: Ask,
    pub until: Until,
    /// Where to write each answer's visitor, as [`Entry`] lines.
    pub keep: Option<String>,
    /// Whether the answers are a gateway's JSON. Then some of them are read whole.
    pub ours: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Ask {
    /// A new visitor each time.
    Enter { event: String },
    /// The visitors of a file of [`Entry`] lines, one after the other, over and over.
    Poll { event: String, visitors: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Until {
    /// Seconds, after a warm-up that does not count.
    Seconds(f64),
    Requests(u64),
    /// Seconds after a warm-up, with at most this many requests a second.
    Paced {
        seconds: f64,
        per_second: f64,
    },
}

impl Until {
    fn seconds(self) -> Option<f64> {
        match self {
            Until::Seconds(seconds) | Until::Paced { seconds, .. } => Some(seconds),
            Until::Requests(_) => None,
        }
    }
}

/// Time between two looks for answers. The kernel's timers make it some 50 µs longer.
const NAP: Duration = Duration::from_micros(5);

/// The warm-up, in which answers do not count, seconds.
const WARM_S: f64 = 0.5;

/// A visitor who entered: id, token, and when they asked and were answered (ns of one clock).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub visitor: String,
    pub token: String,
    pub asked_ns: u64,
    pub answered_ns: u64,
}

/// The result of a plan.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// Answers within the counted seconds.
    pub answers: u64,
    pub seconds: f64,
    /// All answers, including the warm-up's, and their bytes.
    pub all: u64,
    pub bytes: u64,
    /// Answers read whole.
    pub looked_at: u64,
    pub failures: u64,
    pub first_failure: Option<String>,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Processor time that the load itself used, seconds.
    pub cpu_s: f64,
}

impl Report {
    pub fn per_second(&self) -> f64 {
        self.answers as f64 / self.seconds
    }

    pub fn bytes_each(&self) -> f64 {
        self.bytes as f64 / self.all as f64
    }

    /// Panics when an answer was wrong.
    pub fn must_be_clean(&self) -> &Self {
        assert_eq!(self.failures, 0, "answers that should not be: {:?}", self.first_failure);
        self
    }
}

/// Plays the load in a process of its own.
pub fn play(plan: &Plan) -> Report {
    let plan = serde_json::to_string(plan).expect("plain data");
    let mut part = Part::start("load", &[&plan], [("", ""); 0]);
    serde_json::from_str(&part.line()).expect("a report")
}

/// The load's process; argument: the plan.
pub fn run() -> ExitCode {
    let plan = std::env::args().nth(1).and_then(|text| serde_json::from_str(&text).ok()).expect("a plan");
    println!("{}", serde_json::to_string(&drive(plan)).expect("plain data"));
    ExitCode::SUCCESS
}

/// The requests of a plan, as bytes.
struct Requests {
    texts: Vec<u8>,
    /// Where each request begins, and where the last one ends.
    bounds: Vec<usize>,
    /// The visitor of each request; empty: a new visitor.
    visitors: Vec<String>,
    status: u16,
}

impl Requests {
    fn of(ask: &Ask) -> Self {
        let mut requests = Self { texts: Vec::new(), bounds: vec![0], visitors: Vec::new(), status: 200 };
        match ask {
            Ask::Enter { event } => {
                let text = format!(
                    "POST /v1/events/{event}/queue HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
                );
                requests.push(&text, String::new());
                requests.status = 201;
            }
            Ask::Poll { event, visitors } => {
                for entry in entries(visitors) {
                    let token = entry.token;
                    let text = format!(
                        "GET /v1/events/{event}/queue HTTP/1.1\r\nhost: 127.0.0.1\r\nstanchion-queue: {token}\r\n\r\n"
                    );
                    requests.push(&text, entry.visitor);
                }
            }
        }
        requests
    }

    fn push(&mut self, text: &str, visitor: String) {
        self.texts.extend_from_slice(text.as_bytes());
        self.bounds.push(self.texts.len());
        self.visitors.push(visitor);
    }

    fn len(&self) -> usize {
        self.visitors.len()
    }

    fn text(&self, n: usize) -> &[u8] {
        &self.texts[self.bounds[n]..self.bounds[n + 1]]
    }
}

/// Reads the visitors that a run kept.
pub fn entries(path: &str) -> Vec<Entry> {
    let text = std::fs::read_to_string(path).expect("a run kept them");
    text.lines().map(|line| serde_json::from_str(line).expect("an entry a line")).collect()
}

/// Writes visitors to a file, as a run keeps them.
pub fn keep(path: &str, entries: &[Entry]) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a folder that is there"));
    for entry in entries {
        serde_json::to_writer(&mut file, entry).expect("plain data");
        file.write_all(b"\n").expect("room on the disk");
    }
    file.flush().expect("room on the disk");
}

fn drive(plan: Plan) -> Report {
    let plan = Arc::new(plan);
    let requests = Arc::new(Requests::of(&plan.ask));
    let threads = (machine::cores() / 2).clamp(1, plan.connections);
    let together = Arc::new(Barrier::new(threads + 1));
    let zero = Instant::now();
    let running: Vec<_> = (0..threads)
        .map(|thread| {
            let (plan, requests, together) = (plan.clone(), requests.clone(), together.clone());
            std::thread::spawn(move || {
                let mut runtime = tokio::runtime::Builder::new_current_thread();
                let runtime =
                    runtime.enable_all().on_thread_park(|| std::thread::sleep(NAP)).build().expect("a runtime");
                let share = Share::new(plan, requests, thread, threads, zero);
                LocalSet::new().block_on(&runtime, share.run(&together))
            })
        })
        .collect();
    together.wait();
    let mut report = Report::default();
    let (mut times, mut kept) = (Times::default(), Vec::new());
    for thread in running {
        let share = thread.join().expect("a thread of the load does not panic, or the test should");
        let part = share.report;
        report.answers += part.answers;
        report.all += part.all;
        report.bytes += part.bytes;
        report.looked_at += part.looked_at;
        report.failures += part.failures;
        report.first_failure = report.first_failure.or(part.first_failure);
        report.seconds = report.seconds.max(part.seconds);
        times.add(&share.times);
        kept.extend(share.kept);
    }
    (report.p50_ms, report.p99_ms) = (times.quantile_ms(0.5), times.quantile_ms(0.99));
    report.cpu_s = machine::used_s(std::process::id());
    if let Some(path) = &plan.keep {
        keep(path, &kept);
    }
    report
}

/// A thread's share of the load.
struct Share {
    plan: Arc<Plan>,
    requests: Arc<Requests>,
    connections: Vec<String>,
    /// This thread's part of [`Until::Requests`].
    requests_max: u64,
    zero: Instant,
    next: Cell<usize>,
    sent: Cell<u64>,
    came: RefCell<Came>,
}

#[derive(Default)]
struct Came {
    report: Report,
    times: Times,
    kept: Vec<Entry>,
}

/// When counting begins and asking ends.
#[derive(Clone, Copy)]
struct Window {
    from: Instant,
    until: Option<Instant>,
}

impl Share {
    fn new(plan: Arc<Plan>, requests: Arc<Requests>, thread: usize, threads: usize, zero: Instant) -> Rc<Self> {
        let mine = (0..plan.connections).filter(|n| n % threads == thread);
        // Each thread's connections go to the servers in turn.
        let connections = mine.map(|n| plan.addresses[(n / threads) % plan.addresses.len()].clone()).collect();
        let threads_wide = u64::try_from(threads).expect("few");
        let requests_max = match plan.until {
            Until::Seconds(_) | Until::Paced { .. } => u64::MAX,
            Until::Requests(n) => n / threads_wide + u64::from(thread == 0) * (n % threads_wide),
        };
        let next = Cell::new(requests.len() * thread / threads);
        Rc::new(Self {
            plan,
            requests,
            connections,
            requests_max,
            zero,
            next,
            sent: Cell::new(0),
            came: RefCell::default(),
        })
    }

    async fn run(self: Rc<Self>, together: &Barrier) -> Came {
        let mut streams = Vec::new();
        for address in &self.connections {
            let stream = TcpStream::connect(address).await.expect("the server listens");
            stream.set_nodelay(true).expect("an open stream");
            streams.push(stream);
        }
        together.wait();
        let now = Instant::now();
        let window = match self.plan.until.seconds() {
            Some(seconds) => {
                let from = now + Duration::from_secs_f64(WARM_S);
                Window { from, until: Some(from + Duration::from_secs_f64(seconds)) }
            }
            None => Window { from: now, until: None },
        };
        let asking: Vec<_> =
            streams.into_iter().map(|stream| tokio::task::spawn_local(self.clone().ask(stream, window))).collect();
        for task in asking {
            task.await.expect("a connection does not panic, or the test should");
        }
        let mut came = self.came.take();
        came.report.seconds = self.plan.until.seconds().unwrap_or_else(|| window.from.elapsed().as_secs_f64());
        came
    }

    /// Plays one connection.
    async fn ask(self: Rc<Self>, mut stream: TcpStream, window: Window) {
        let (mut buffer, mut shape) = (vec![0; 16 * 1024], Shape::default());
        // For a paced load: the time between two requests of a connection, and when its next one is due.
        let pause = match self.plan.until {
            Until::Paced { per_second, .. } => Duration::from_secs_f64(self.plan.connections as f64 / per_second),
            Until::Seconds(_) | Until::Requests(_) => Duration::ZERO,
        };
        let mut due = Instant::now() + pause.mul_f64(rand::random());
        let mut began = Instant::now();
        while self.sent.get() < self.requests_max && window.until.is_none_or(|until| began < until) {
            self.sent.set(self.sent.get() + 1);
            let n = self.next.get();
            self.next.set(if n + 1 == self.requests.len() { 0 } else { n + 1 });
            if let Err(error) = stream.write_all(self.requests.text(n)).await {
                return self.failed(format!("a connection broke: {error}"));
            }
            let mut filled = 0;
            let whole = loop {
                match stream.read(&mut buffer[filled..]).await {
                    Ok(0) => return self.failed("a connection was closed".to_owned()),
                    Ok(more) => filled += more,
                    Err(error) => return self.failed(format!("a connection broke: {error}")),
                }
                if let Some(whole) = shape.read(&buffer[..filled]) {
                    break whole;
                }
            };
            let ended = Instant::now();
            self.answered(n, whole.status, &buffer[..whole.len], whole.head, (began, ended), window);
            began = ended;
            if !pause.is_zero() {
                due += pause;
                tokio::time::sleep_until(due.into()).await;
                began = Instant::now();
            }
        }
    }

    fn answered(
        &self,
        n: usize,
        status: u16,
        bytes: &[u8],
        head: usize,
        (began, ended): (Instant, Instant),
        window: Window,
    ) {
        let mut came = self.came.borrow_mut();
        let came = &mut *came;
        came.report.all += 1;
        came.report.bytes += bytes.len() as u64;
        if ended >= window.from && window.until.is_none_or(|until| ended < until) {
            came.report.answers += 1;
            came.times.note(ended - began);
        }
        if status != self.requests.status {
            came.failed(String::from_utf8_lossy(bytes).into_owned());
        } else if self.plan.ours && (self.plan.keep.is_some() || came.report.all.is_multiple_of(SAMPLE)) {
            came.report.looked_at += 1;
            match look(&bytes[head..], &self.requests.visitors[n]) {
                Ok((visitor, token)) if self.plan.keep.is_some() => {
                    let ns = |at: Instant| u64::try_from((at - self.zero).as_nanos()).expect("584 years");
                    came.kept.push(Entry { visitor, token, asked_ns: ns(began), answered_ns: ns(ended) });
                }
                Ok(_) => {}
                Err(why) => came.failed(format!("{why}: {}", String::from_utf8_lossy(bytes))),
            }
        }
    }

    fn failed(&self, why: String) {
        self.came.borrow_mut().failed(why);
    }
}

impl Came {
    fn failed(&mut self, why: String) {
        self.report.failures += 1;
        self.report.first_failure.get_or_insert(why);
    }
}

/// The visitor and token of an answer, which must say that the wanted visitor waits.
fn look(body: &[u8], wanted: &str) -> Result<(String, String), &'static str> {
    #[derive(Deserialize)]
    struct Place {
        state: String,
        visitor: String,
        token: String,
        position: Option<i64>,
    }
    let place: Place = serde_json::from_slice(body).map_err(|_| "not a place")?;
    if place.state != "waiting" {
        return Err("not waiting");
    }
    if place.position.is_none_or(|position| position < 1) {
        return Err("without a position");
    }
    if !wanted.is_empty() && place.visitor != wanted {
        return Err("another visitor's");
    }
    Ok((place.visitor, place.token))
}

/// A histogram of answer times: each doubling of the time is divided into sixteen steps.
struct Times([u64; 64 * 16]);

impl Default for Times {
    fn default() -> Self {
        Self([0; 64 * 16])
    }
}

impl Times {
    fn note(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(16);
        let power = ns.ilog2();
        let sixteenth = (ns >> (power - 4)) & 15;
        self.0[usize::try_from(u64::from(power) * 16 + sixteenth).expect("below 1,024")] += 1;
    }

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }

    fn quantile_ms(&self, share: f64) -> f64 {
        let wanted = (self.0.iter().sum::<u64>() as f64 * share).ceil() as u64;
        let mut seen = 0;
        let at = self.0.iter().position(|n| {
            seen += n;
            seen >= wanted
        });
        let at = at.unwrap_or(0) as u32;
        let ns = (f64::from(at % 16) + 17.0) / 16.0 * 2_f64.powi(i32::try_from(at / 16).expect("below 64"));
        ns / 1e6
    }
}

/// The figures of a run as a line of text.
pub fn told(report: &Report) -> String {
    format!(
        "{:>8}/s  p50 {:.2} ms  p99 {:.2} ms  {:.0} B each",
        table::grouped(report.per_second(), 0),
        report.p50_ms,
        report.p99_ms,
        report.bytes_each()
    )
}
