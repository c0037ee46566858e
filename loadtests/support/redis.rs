//! What a Redis was asked and how long it took, by its own counts. Also reads its answers.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use stanchion::config::load_from;
use stanchion::lane::Keep;
use stanchion::lane::redis::scripts::{ALL, ScriptLimits};

use super::servers::OwnRedis;

/// Calls of each command since the server started, including the calls that scripts make.
#[derive(Debug, Clone, Default)]
pub struct Commands(BTreeMap<String, u64>);

/// Commands a client sends; every other one was called by a script.
const SENT: &[&str] = &[
    "evalsha",
    "eval",
    "fcall",
    "script|load",
    "time",
    "ping",
    "wait",
    "hello",
    "config|get",
    "info",
    "client|setname",
    "select",
    "auth",
    "cluster|slots",
    "quit",
    "role",
    "command|docs",
];

impl Commands {
    pub fn of(redis: &OwnRedis) -> Self {
        let text = redis.says("INFO commandstats");
        let calls = text.lines().filter_map(|line| {
            let (name, facts) = line.strip_prefix("cmdstat_")?.split_once(':')?;
            let calls = facts.split(',').next()?.strip_prefix("calls=")?;
            Some((name.to_owned(), calls.trim().parse().ok()?))
        });
        Self(calls.collect())
    }

    /// How many commands clients sent after `before`. A call of a script counts as one. The test's own `INFO` and
    /// `QUIT` are not counted.
    pub fn sent_since(&self, before: &Self) -> u64 {
        self.since(before)
            .filter(|(name, _)| SENT.contains(name) && !matches!(*name, "info" | "quit"))
            .map(|(_, n)| n)
            .sum()
    }

    /// How many commands were called by scripts after `before`.
    pub fn inside_since(&self, before: &Self) -> u64 {
        self.since(before).filter(|(name, _)| !SENT.contains(name)).map(|(_, n)| n).sum()
    }

    fn since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a str, u64)> {
        self.0.iter().map(|(name, calls)| (name.as_str(), calls - before.0.get(name).copied().unwrap_or(0)))
    }
}

/// An answer in Redis' protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    pub fn number(&self) -> Option<i64> {
        match self {
            Value::Number(n) => Some(*n),
            Value::Text(text) => text.parse().ok(),
            Value::Nothing | Value::List(_) => None,
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            Value::Nothing | Value::Number(_) | Value::List(_) => "",
        }
    }

    pub fn list(&self) -> &[Value] {
        match self {
            Value::List(list) => list,
            Value::Nothing | Value::Number(_) | Value::Text(_) => &[],
        }
    }
}

/// Sends one command. Returns the raw answer, which is empty when the server is away.
pub fn says(address: SocketAddr, command: &str) -> String {
    let wait = Duration::from_secs(1);
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, wait)?;
        stream.set_read_timeout(Some(wait))?;
        stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_default()
}

/// The first answer of a text; [`Value::Nothing`] when it is an error or breaks off.
pub fn value(text: &str) -> Value {
    read(&mut text.as_bytes()).unwrap_or(Value::Nothing)
}

/// All answers of a text, up to the first that is an error or breaks off.
pub fn values(text: &str) -> Vec<Value> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(|| read(&mut rest)).collect()
}

fn read(rest: &mut &[u8]) -> Option<Value> {
    let end = rest.windows(2).position(|two| two == b"\r\n")?;
    let line = std::str::from_utf8(&rest[..end]).ok()?;
    *rest = &rest[end + 2..];
    let (kind, word) = line.split_at_checked(1)?;
    match kind {
        "+" => Some(Value::Text(word.to_owned())),
        ":" => word.parse().ok().map(Value::Number),
        "$" | "*" if word == "-1" => Some(Value::Nothing),
        "$" => {
            let bytes = rest.get(..word.parse().ok()?)?;
            *rest = rest.get(bytes.len() + 2..)?;
            Some(Value::Text(String::from_utf8_lossy(bytes).into_owned()))
        }
        "*" => (0..word.parse::<usize>().ok()?).map(|_| read(rest)).collect::<Option<_>>().map(Value::List),
        _ => None,
    }
}

/// A figure of `INFO`.
pub fn info(redis: &OwnRedis, section: &str, name: &str) -> f64 {
    let text = redis.says(&format!("INFO {section}"));
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|figure| figure.trim().parse().ok()).unwrap_or_else(|| panic!("INFO {section} says {name}"))
}

/// How long calls of scripts took inside Redis, µs, by script. Redis is told to note only what takes at least
/// [`Slow::LEAST_US`]: to note every command that a script calls would slow it down.
pub struct Slow {
    /// SHA-1 of each script's text with the default limits (no bound on skew, ended things kept for a day), and its
    /// operation. A lane with other limits calls other texts, which are not recognized.
    scripts: BTreeMap<String, &'static str>,
    pub calls: BTreeMap<&'static str, Vec<i64>>,
}

impl Slow {
    pub const LEAST_US: i64 = 100;

    /// `limits`: the limits with which the caller of the scripts has loaded them.
    pub fn start(redis: &OwnRedis, limits: ScriptLimits) -> Self {
        for command in [
            format!("CONFIG SET slowlog-log-slower-than {}", Self::LEAST_US),
            "CONFIG SET slowlog-max-len 100000".to_owned(),
            "SLOWLOG RESET".to_owned(),
        ] {
            assert!(redis.says(&command).starts_with("+OK"), "{command}");
        }
        let digest = |text: &str| {
            hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
        };
        let scripts = ALL.iter().map(|script| (digest(&script.source_with(limits)), script.operation())).collect();
        Self { scripts, calls: BTreeMap::new() }
    }

    /// The limits of a gateway with the default configuration.
    pub fn of_gateways() -> ScriptLimits {
        let config = load_from("", std::iter::empty()).expect("the defaults are good");
        ScriptLimits { skew_max_ms: config.redis.skew_max_ms, keep: Keep(config.store.ended_keep_s * 1_000) }
    }

    /// Takes what was noted so far. A script that is not known ends the test: otherwise it would be counted as fast.
    pub fn take(&mut self, redis: &OwnRedis) {
        let noted = value(&redis.says("SLOWLOG GET -1"));
        assert!(redis.says("SLOWLOG RESET").starts_with("+OK"));
        for entry in noted.list() {
            let [_, _, took, words, ..] = entry.list() else { panic!("a note has six parts: {entry:?}") };
            let name = match words.list() {
                [command, sha, ..] if command.text().eq_ignore_ascii_case("evalsha") => {
                    Some(self.scripts.get(sha.text()).expect("called as it was loaded"))
                }
                _ => None,
            };
            if let (Some(name), Some(took)) = (name, took.number()) {
                self.calls.entry(name).or_default().push(took);
            }
        }
    }
}
