//! The scripts: their text, put together from `lua/`.
//!
//! A line `-- include lib/x.lua` is replaced by that file when the gateway starts, so a piece that several scripts share
//! is written once. The line `-- prologue` is replaced by what follows from the script's header.

use std::sync::LazyLock;

use super::header::ScriptHeader;
use crate::lane::Keep;

/// How many arguments a script takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    Exactly(usize),
    /// At least this many; the header says what follows.
    AtLeast(usize),
}

impl Arity {
    pub fn fits(self, args: usize) -> bool {
        match self {
            Arity::Exactly(n) => args == n,
            Arity::AtLeast(n) => args >= n,
        }
    }
}

/// What is written into each script once, when the gateway starts.
#[derive(Debug, Clone, Copy, Default)]
pub struct ScriptLimits {
    /// A script that changes something refuses a caller whose time is further than this from the server's, ms. 0: it
    /// refuses no caller.
    pub skew_max_ms: i64,
    pub keep: Keep,
}

#[derive(Debug)]
pub struct Script {
    /// File under `lua/`, without its ending.
    pub path: &'static str,
    text: &'static str,
    header: LazyLock<ScriptHeader>,
}

impl Script {
    pub fn header(&self) -> &ScriptHeader {
        &self.header
    }

    /// The operation, as the metrics name it.
    pub fn operation(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// The name of a return code; `None`: the script never returns it.
    pub fn code(&self, code: i64) -> Option<&'static str> {
        self.header.codes.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
    }

    /// The text Redis gets: without the header, with the libraries put in.
    pub fn source(&self) -> String {
        self.source_with(ScriptLimits::default())
    }

    pub fn source_with(&self, ScriptLimits { skew_max_ms, keep }: ScriptLimits) -> String {
        let source = expand(self.text, &self.header.prologue(), LIBRARY);
        let (first, rest) = source.split_once('\n').expect("a script has more than one line");
        let skew_max_ms = if first.contains("no-writes") { 0 } else { skew_max_ms };
        format!("{first}\nlocal SKEW_MAX, KEEP = {skew_max_ms}, {}\n{rest}", keep.0)
    }
}

macro_rules! text_of {
    ($($path:literal),+) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/lua/", $($path),+))
    };
}

macro_rules! library {
    ($($name:literal),+ $(,)?) => {
        const LIBRARY: &[(&str, &str)] = &[$(($name, text_of!($name)),)+];
    };
}

/// A script with its prologue and the libraries put in. Comments are not sent; the first line, `#!lua`, is for Redis.
fn expand(text: &str, prologue: &str, library: &[(&str, &str)]) -> String {
    let mut source = String::with_capacity(2 * text.len());
    for line in text.lines() {
        if line == "-- prologue" {
            source += &expand(prologue, "", library);
        } else if let Some(wanted) = line.strip_prefix("-- include ") {
            let (_, piece) = library.iter().find(|(name, _)| *name == wanted).expect("a test expands every script");
            source += piece;
        } else if !line.starts_with("--") {
            source += line;
            source.push('\n');
        }
    }
    source
}

macro_rules! scripts {
    ($($name:ident = $path:literal;)+) => {
        $(pub static $name: Script = Script {
            path: $path,
            text: text_of!($path, ".lua"),
            header: LazyLock::new(|| ScriptHeader::parse(text_of!($path, ".lua"))),
        };)+

        pub static ALL: &[&Script] = &[$(&$name),+];
    };
}

// `library!` and `scripts!` with all files of `lua/`: see `lua/build.rs`.
include!(concat!(env!("OUT_DIR"), "/lua.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_whole() {
        for script in ALL {
            let (path, header) = (script.path, script.header());
            assert!(script.text.starts_with("#!lua"), "{path}: the shebang is the very first line");
            assert!(script.text.contains("\n-- Cost:    "), "{path}: its cost");
            assert_eq!(script.text.matches("\n-- prologue\n").count(), 1, "{path}: one prologue");
            let names: Vec<&str> = header.arguments.iter().map(|argument| argument.name).collect();
            assert_eq!(names[..3], ["now_ms", "generation", "log"], "{path}: what every script is told");
            let numbered =
                |what: &str, count: usize| (1..=count).all(|n| script.text.contains(&format!("-- {what}[{n}] ")));
            assert!(numbered("KEYS", header.keys.len()) && numbered("ARGV", names.len()), "{path}: numbers");
        }
    }

    #[test]
    fn scripts_use_all_that_their_headers_name() {
        for script in ALL {
            let (path, header) = (script.path, script.header());
            let source = expand(script.text, "", LIBRARY);
            for (_, name) in &header.codes {
                let used = [format!("\"{name}\""), format!("code.{name}")].iter().any(|use_| source.contains(use_));
                assert!(used, "{path}: {name} is never returned");
            }
            // Scripts that drop an event name its keys by number.
            for key in header.keys.iter().skip(1).filter(|_| !source.contains("KEYS")) {
                assert!(source.contains(&key.name().to_uppercase()), "{path}: {} is never used", key.name());
            }
        }
    }

    #[test]
    fn prologue_and_libraries_are_put_in() {
        let library = [("lib/a.lua", "local a = 1\n")];
        let text = "#!lua\n-- A header.\n-- prologue\n-- include lib/a.lua\nreturn a\n";
        assert_eq!(expand(text, "local b\n", &library), "#!lua\nlocal b\nlocal a = 1\nreturn a\n");
        for script in ALL {
            let source = script.source();
            assert!(!source.contains("-- include") && !source.contains("-- prologue"), "{}", script.path);
        }
        let ready = SEATS.source();
        assert!(ready.contains("local META, ROOM, SEATS = unpack(KEYS)\n"), "{ready}");
        assert!(ready.contains("local code = { SEATS = 1, NO_EVENT = -1, RECOVERING = -100 }\n"), "{ready}");
        assert!(ready.contains("arity(3, 3)\n"), "{ready}");
    }

    /// The table comes from the headers: `WRITE_README=1 cargo test --lib the_readme` writes it.
    #[test]
    fn the_readme_has_every_script() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lua/README.md");
        let readme = std::fs::read_to_string(&path).expect("lua/README.md");
        let is_row = |line: &&str| line.starts_with("| `");
        let rows: Vec<String> = ALL.iter().map(|script| script.header().row(script.path)).collect();
        if std::env::var_os("WRITE_README").is_some() {
            let before = readme.lines().take_while(|line| !is_row(line));
            let after = readme.lines().skip_while(|line| !is_row(line)).skip_while(is_row);
            let lines: Vec<&str> = before.chain(rows.iter().map(String::as_str)).chain(after).collect();
            std::fs::write(&path, lines.join("\n") + "\n").expect("written");
            return;
        }
        let written: Vec<&str> = readme.lines().filter(is_row).collect();
        assert_eq!(written, rows, "WRITE_README=1 cargo test --lib the_readme");
    }

    #[test]
    fn every_file_is_used() {
        let lua = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lua");
        let readme = std::fs::read_to_string(lua.join("README.md")).expect("lua/README.md");
        for folder in std::fs::read_dir(&lua).expect("lua/").flatten().filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
                let path = file.path();
                let path = path.strip_prefix(&lua).expect("under lua/").to_str().expect("ASCII").to_owned();
                let known = LIBRARY.iter().any(|(name, _)| *name == path)
                    || ALL.iter().any(|script| format!("{}.lua", script.path) == path);
                assert!(known, "{path} is in no table");
                assert!(readme.contains(&format!("`{path}`")), "{path} is not in lua/README.md");
            }
        }
    }
}
