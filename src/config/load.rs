//! Merges the defaults, a file and the environment into one `Config`. Rules between settings belong in `check`.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, DEFAULT, check, upstream};

/// Everything that is wrong with a configuration, one line each.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.join("\n"))
    }
}

impl std::error::Error for ConfigFaults {}

/// Prefix of environment variables that override a key.
const PREFIX: &str = "STANCHION__";

/// The configuration of this process: defaults, then `file`, then the environment.
pub fn load(file: Option<&Path>) -> Result<Config, ConfigFaults> {
    let text = match file {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| ConfigFaults(vec![format!("cannot read {}: {error}", path.display())]))?,
    };
    load_from(&text, std::env::vars())
}

/// As [`load`], from a text and given variables.
pub fn load_from(text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Config, ConfigFaults> {
    let mut merged: Table = DEFAULT.parse().expect("config/default.toml is TOML (a test parses it)");
    let mut faults = Vec::new();
    let mut upstreams = Vec::new();
    match text.parse::<Table>() {
        Ok(mut given) => {
            if let Some(tables) = given.remove("upstream") {
                upstreams = upstream::read(tables, &mut faults);
            }
            merge(&mut merged, given, &mut faults);
        }
        Err(error) => faults.push(format!("not TOML: {error}").trim_end().to_owned()),
    }
    for (name, value) in env {
        if let Some(path) = name.strip_prefix(PREFIX) {
            override_one(&mut merged, path, &value, &mut faults);
        }
    }
    // Each key is tried alone, so that a value of the right type but out of its range is reported with the other
    // faults. Its default then takes its place, so that the rules between settings are checked all the same.
    let default: Table = DEFAULT.parse().expect("parsed above");
    for (section, keys) in &mut merged {
        let Value::Table(keys) = keys else { continue };
        for (key, value) in keys {
            let mut trial = default.clone();
            if let Some(Value::Table(table)) = trial.get_mut(section) {
                table.insert(key.clone(), value.clone());
            }
            if let Err(error) = Config::deserialize(trial) {
                faults.push(format!("{section}.{key} = {value}: {}", error.message()));
                *value = default[section][key].clone();
            }
        }
    }
    let mut config = Config::deserialize(merged).map_err(|error| ConfigFaults(vec![error.message().to_owned()]))?;
    config.upstream = upstreams;
    faults.extend(check::relations(&config));
    if faults.is_empty() { Ok(config) } else { Err(ConfigFaults(faults)) }
}

fn merge(merged: &mut Table, given: Table, faults: &mut Vec<String>) {
    for (section, keys) in given {
        let Some(Value::Table(known)) = merged.get_mut(&section) else {
            faults.push(format!("[{section}]: no such section; known: {}", names(merged)));
            continue;
        };
        let Value::Table(keys) = keys else {
            faults.push(format!("{section}: a section, written [{section}]"));
            continue;
        };
        for (key, value) in keys {
            set(known, &section, &key, value, faults);
        }
    }
}

fn set(known: &mut Table, section: &str, key: &str, value: Value, faults: &mut Vec<String>) {
    let Some(default) = known.get(key) else {
        faults.push(format!("{section}.{key}: no such key; known: {}", names(known)));
        return;
    };
    if let (Value::Table(_), Value::Table(given)) = (default, &value) {
        let Some(Value::Table(inner)) = known.get_mut(key) else { return };
        for (name, value) in given {
            set(inner, &format!("{section}.{key}"), name, value.clone(), faults);
        }
    } else if default.type_str() == value.type_str() {
        known.insert(key.to_owned(), value);
    } else {
        faults.push(format!("{section}.{key}: {} wanted, {} given", default.type_str(), value.type_str()));
    }
}

/// `SECTION__KEY` in capitals, or `SECTION__PART__KEY`; the value's type is the default's.
fn override_one(merged: &mut Table, path: &str, text: &str, faults: &mut Vec<String>) {
    let variable = format!("{PREFIX}{path}");
    let words: Vec<String> = path.split("__").map(str::to_lowercase).collect();
    let Some((key, sections)) = words.split_last().filter(|(_, sections)| !sections.is_empty()) else {
        faults.push(format!("{variable}: wanted {PREFIX}SECTION__KEY"));
        return;
    };
    let mut known = merged;
    for section in sections {
        // Looked up twice, because a borrow that is returned from a loop lasts for all of it.
        if !matches!(known.get(section), Some(Value::Table(_))) {
            faults.push(format!("{variable}: no section [{section}]; known: {}", names(known)));
            return;
        }
        let Some(Value::Table(inner)) = known.get_mut(section) else { return };
        known = inner;
    }
    let value = match known.get(key) {
        Some(Value::Integer(_)) => text.parse().ok().map(Value::Integer),
        Some(Value::Boolean(_)) => text.parse().ok().map(Value::Boolean),
        Some(Value::Array(_)) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        Some(_) | None => Some(Value::String(text.to_owned())),
    };
    match value {
        Some(value) => set(known, &sections.join("."), key, value, faults),
        // The value itself may be a secret, so it is not repeated.
        None => faults.push(format!("{variable}: not a {}", known[key].type_str())),
    }
}

fn names(table: &Table) -> String {
    table.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect::<Vec<_>>().into_iter()
    }

    #[test]
    fn the_default_file_is_a_whole_configuration() {
        let config = load_from("", env(&[])).map_err(|f| f.to_string());
        assert_eq!(config.map(|c| c.store.lanes), Ok(16));
    }

    #[test]
    fn the_environment_overrides_the_file() {
        let given = env(&[
            ("STANCHION__STORE__LANES", "4"),
            ("STANCHION__SERVER__CORS_ORIGINS", "https://a.example, https://b.example"),
            ("OTHER", "x"),
        ]);
        let config = load_from("[store]\nlanes = 8\n[admin]\npublic = true\n", given).ok();
        let config = config.expect("good");
        assert_eq!((config.store.lanes, config.admin.public), (4, true));
        assert_eq!(config.server.cors_origins.len(), 2);
    }

    #[test]
    fn a_part_of_a_section_is_merged_key_by_key() {
        let given = env(&[("STANCHION__PAYMENT__PORTONE__STORE_ID", "store-1")]);
        let text = "[payment]\nproviders = [\"toss\"]\n[payment.toss]\nsecret_key = \"a-key\"\n";
        let config = load_from(text, given).map_err(|f| f.to_string()).expect("good");
        let payment = config.payment;
        assert_eq!((payment.toss.secret_key.as_str(), payment.portone.store_id.as_str()), ("a-key", "store-1"));
        assert_eq!(payment.toss.base_url, "https://api.tosspayments.com");

        let text = "[payment.toss]\nsecret = \"a\"\n[payment.tass]\nsecret_key = \"a\"\n";
        let given = env(&[("STANCHION__PAYMENT__TASS__SECRET_KEY", "b"), ("STANCHION__PAYMENT", "c")]);
        let faults = load_from(text, given).err().expect("faults");
        assert_eq!(faults.0.len(), 4, "{faults}");
        for part in ["payment.toss.secret: no such key", "payment.tass: no such key", "no section [tass]"] {
            assert!(faults.0.iter().any(|fault| fault.contains(part)), "{part} in {faults}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = "[server]\nlisten = \"here\"\nlissten = 1\n[store]\nlanes = \"many\"\nkind = \"oracle\"\n[stroe]\n\
                    [pipeline]\nbatch_max = 0\n";
        let faults = load_from(text, env(&[("STANCHION__ADMIN__PUBLIC", "perhaps")])).err().expect("faults");
        let has = |part: &str| faults.0.iter().filter(|f| f.contains(part)).count();
        assert_eq!(faults.0.len(), 7, "{faults}");
        for part in
            ["server.listen", "server.lissten", "store.lanes", "store.kind", "[stroe]", "ADMIN__PUBLIC", "batch_max"]
        {
            assert_eq!(has(part), 1, "{part} in {faults}");
        }
    }

    #[test]
    fn upstreams_are_read_in_their_order_and_their_faults_told_with_the_others() {
        let text = "[store]\nlanes = 2\n[[upstream]]\nhost = \"shop.example\"\nevent = \"hall\"\n\
                    url = \"http://127.0.0.1:3000\"\n[[upstream]]\npath = \"/\"\nevent = \"hall\"\n\
                    url = \"https://shop.internal\"\nidle_ms = 5\n";
        let config = load_from(text, env(&[])).map_err(|f| f.to_string()).expect("good");
        let shown: Vec<_> = config.upstream.iter().map(|u| (u.host.as_str(), u.path.as_str(), u.idle_ms)).collect();
        assert_eq!(shown, [("shop.example", "", 60_000), ("", "/", 5)]);

        let text = "[store]\nlanes = \"many\"\n[[upstream]]\npath = 1\nurls = \"x\"\nevent = \"hall\"\n";
        let faults = load_from(text, env(&[])).err().expect("faults");
        assert_eq!(faults.0.len(), 4, "{faults}");
        for part in ["store.lanes", "upstream[0].path", "upstream[0].urls", "upstream[0].url: wanted"] {
            assert!(faults.0.iter().any(|fault| fault.contains(part)), "{part} in {faults}");
        }
        let plain = load_from("[upstream]\npath = \"/\"\n", env(&[])).err().expect("faults");
        assert_eq!(plain.0, ["upstream: a list of tables, each written [[upstream]]"]);
    }

    #[test]
    fn relations_are_checked_too() {
        let text = "[server]\nlisten = \"0.0.0.0:80\"\n[store]\nlanes = 0\n[auth]\nhs256_secret = \"short\"\n[web]\nshop_url = \"//shop\"\n";
        let faults = load_from(text, env(&[])).err().expect("faults");
        assert_eq!(faults.0.len(), 4, "{faults}");
    }
}
