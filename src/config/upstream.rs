//! `[[upstream]]`: the servers that stand behind the gateway, one table each. Rules between them belong in `check`.
//!
//! By default there is none, so a table, unlike a section, has no defaults in `config/default.toml` to be merged into.
//! Its defaults are here, and a test compares the file's example with them.

use serde::Deserialize;
use toml::{Table, Value};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamConfig {
    /// The upstream gets this path and all below it, by whole segments; empty: all paths.
    #[serde(default)]
    pub path: String,
    /// The host a browser asks for, without a port; empty: any.
    #[serde(default)]
    pub host: String,
    /// The event whose waiting room stands before the upstream.
    pub event: String,
    /// Scheme and authority.
    pub url: String,
    #[serde(default = "connections_max")]
    pub connections_max: usize,
    #[serde(default = "visitor_max")]
    pub visitor_max: usize,
    #[serde(default = "connect_ms")]
    pub connect_ms: u64,
    #[serde(default = "answer_ms")]
    pub answer_ms: u64,
    #[serde(default = "idle_ms")]
    pub idle_ms: u64,
    #[serde(default = "upload_bytes_s")]
    pub upload_bytes_s: u64,
    #[serde(default = "keep_ms")]
    pub keep_ms: u64,
}

fn connections_max() -> usize {
    1_000
}

fn visitor_max() -> usize {
    24
}

fn upload_bytes_s() -> u64 {
    1_000
}

fn connect_ms() -> u64 {
    2_000
}

fn answer_ms() -> u64 {
    30_000
}

fn idle_ms() -> u64 {
    60_000
}

fn keep_ms() -> u64 {
    30_000
}

/// The tables under `upstream`, in their order. What is wrong with each goes to `faults`, key by key. If anything is
/// wrong, the result is empty: with some tables missing, the rules between them would report wrong numbers.
pub fn read(given: Value, faults: &mut Vec<String>) -> Vec<UpstreamConfig> {
    let Value::Array(tables) = given else {
        faults.push("upstream: a list of tables, each written [[upstream]]".into());
        return Vec::new();
    };
    let (mut good, begun) = (Vec::new(), faults.len());
    for (i, table) in tables.into_iter().enumerate() {
        let Value::Table(table) = table else {
            faults.push(format!("upstream[{i}]: a table, written [[upstream]]"));
            continue;
        };
        let before = faults.len();
        for (key, value) in &table {
            let mut trial = Table::new();
            trial.extend(["event", "url"].map(|key| (key.to_owned(), Value::String(String::new()))));
            trial.insert(key.clone(), value.clone());
            if let Err(error) = UpstreamConfig::deserialize(trial) {
                faults.push(format!("upstream[{i}].{key} = {value}: {}", error.message()));
            }
        }
        for key in ["event", "url"].into_iter().filter(|key| !table.contains_key(*key)) {
            faults.push(format!("upstream[{i}].{key}: wanted"));
        }
        if faults.len() == before {
            match UpstreamConfig::deserialize(table) {
                Ok(upstream) => good.push(upstream),
                Err(error) => faults.push(format!("upstream[{i}]: {}", error.message())),
            }
        }
    }
    if faults.len() == begun { good } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DEFAULT;

    #[test]
    fn the_example_shows_every_key_and_its_default() {
        let (_, example) = DEFAULT.split_once("# [[upstream]]\n").expect("an example");
        let lines = example.lines().take_while(|line| line.starts_with('#'));
        let text: Vec<&str> = lines.filter_map(|line| line.strip_prefix("# ")).filter(|l| l.contains(" = ")).collect();
        let table: Table = text.join("\n").parse().expect("TOML");
        assert_eq!(table.len(), 11);
        let shown = UpstreamConfig::deserialize(table).expect("an upstream");
        let bare = format!("event = {:?}\nurl = {:?}\npath = {:?}", shown.event, shown.url, shown.path);
        let bare = UpstreamConfig::deserialize(bare.parse::<Table>().expect("TOML")).expect("an upstream");
        assert_eq!(shown, bare);
    }
}
