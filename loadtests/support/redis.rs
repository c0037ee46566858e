//! What a Redis was asked: its own count of commands. Knows no scripts.

use std::collections::BTreeMap;

use super::servers::OwnRedis;

/// Calls by command since the server started, its own inner ones by scripts among them.
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

    /// How many commands clients sent after `before`: a script's call is one. Ours to ask is not counted.
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
