//! A private Prometheus with samples of every metric. They are written into its storage before it starts, so that
//! nothing is scraped and no test waits. It ends when the value is dropped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use http::Method;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use stanchion::clock::Clock;
use stanchion::demo::client::{Client, ClientRequest, RequestKind};
use tempfile::TempDir;

/// Every label that the dashboard asks for, with a value that it asks for.
const LABELS: &str = r#"job="stanchion",instance="gateway:9100",event="e",lane="00",outcome="ok",route="/v1/orders",method="POST",status="404",state="free",operation="hold",call="charge",kind="order.placed",limit="client",part="lane",cause="deadlock",to="webhook",query="points",id="INV-1""#;

/// How many samples each series has, and how far apart they are.
const SAMPLES: i64 = 60;
const STEP_S: i64 = 5;

pub struct Prometheus {
    process: Child,
    url: String,
    at_s: i64,
    client: Client,
    _data: TempDir,
}

impl Prometheus {
    pub fn start() -> Self {
        let data = TempDir::new().expect("a folder for temporary files");
        let at_s = Clock::system().now_ms() / 1000;
        let (samples, blocks, config) =
            (data.path().join("samples.txt"), data.path().join("data"), data.path().join("empty.yml"));
        std::fs::write(&samples, open_metrics(at_s)).expect("can write");
        std::fs::write(&config, "{}\n").expect("can write");
        let filled = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&samples, &blocks])
            .output()
            .expect("promtool is needed; make test installs it");
        assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));

        let mut process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", blocks.display()))
            .args(["--storage.tsdb.retention.time=1d", "--web.listen-address=127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("prometheus is needed; make test installs it");
        let log = process.stderr.take().expect("piped above");
        let address = ready_at(BufReader::new(log));
        Self { process, url: format!("http://{address}"), at_s, client: Client::new(1), _data: data }
    }

    /// How many series this query finds.
    pub async fn query(&self, query: &str) -> Result<usize, String> {
        let encoded: String = query.bytes().map(|b| format!("%{b:02x}")).collect();
        let url = format!("{}/api/v1/query?query={encoded}&time={}", self.url, self.at_s);
        let ask = ClientRequest { kind: RequestKind::Short, method: Method::GET, url, headers: &[], body: None };
        let answer = self.client.send(ask).await.map_err(|error| error.to_string())?;
        let result = answer.body["data"]["result"].as_array();
        result.map(Vec::len).ok_or_else(|| answer.body["error"].to_string())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // The process may be gone already, which is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Reads the log until the server is ready; returns the address that it got for port 0.
fn ready_at(mut log: impl BufRead + Send + 'static) -> String {
    // Two of its parts say so, each in its own time.
    let (mut address, mut is_ready, mut said) = (None, false, String::new());
    while !is_ready || address.is_none() {
        let mut line = String::new();
        let read = log.read_line(&mut line).expect("a log in UTF-8");
        assert!(read > 0, "prometheus ended before it was ready:\n{said}");
        if line.contains("Listening on") {
            address = line.split("address=").nth(1).map(|a| a.split_whitespace().next().unwrap_or_default().to_owned());
        }
        is_ready |= line.contains("ready to receive web requests");
        said.push_str(&line);
    }
    // The log must be read on, or the server would stop at a full pipe.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    address.expect("the loop has waited for it")
}

/// One series of every declared metric, in the text form that `promtool` reads.
fn open_metrics(until_s: i64) -> String {
    let declared = Declared::default();
    metrics::with_local_recorder(&declared, stanchion::metrics::describe);
    let mut kinds = std::mem::take(&mut *declared.0.lock().expect("not poisoned"));
    // Metrics of the process itself and of the scrape.
    kinds.insert("process_cpu_seconds_total".to_owned(), MetricKind::Counter);
    kinds.insert("process_resident_memory_bytes".to_owned(), MetricKind::Gauge);
    kinds.insert("up".to_owned(), MetricKind::Gauge);

    let mut text = String::new();
    for (name, kind) in &kinds {
        for i in 0..SAMPLES {
            let at_s = until_s - (SAMPLES - 1 - i) * STEP_S;
            let written = match kind {
                MetricKind::Counter | MetricKind::Gauge => writeln!(text, "{name}{{{LABELS}}} {} {at_s}", i + 1),
                MetricKind::Histogram => {
                    let mut all = Ok(());
                    for le in ["0.01", "0.1", "+Inf"] {
                        all = all.and(writeln!(text, "{name}_bucket{{{LABELS},le=\"{le}\"}} {} {at_s}", i + 1));
                    }
                    all
                }
            };
            written.expect("a String takes everything");
        }
    }
    text.push_str("# EOF\n");
    text
}

enum MetricKind {
    Counter,
    Gauge,
    Histogram,
}

/// Records the descriptions of metrics, which say each metric's kind.
#[derive(Default)]
struct Declared(Arc<Mutex<BTreeMap<String, MetricKind>>>);

impl Declared {
    fn note(&self, name: KeyName, kind: MetricKind) {
        self.0.lock().expect("not poisoned").insert(name.as_str().to_owned(), kind);
    }
}

impl Recorder for Declared {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.note(name, MetricKind::Counter);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.note(name, MetricKind::Gauge);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.note(name, MetricKind::Histogram);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
