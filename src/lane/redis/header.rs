//! What a script's header says: its keys, its arguments, its codes. The prologue of the script and its row in
//! `lua/README.md` follow from it.

use std::fmt::Write as _;

use super::keys::KeyRole;
use super::scripts::Arity;

/// The first comment block of a script.
#[derive(Debug)]
pub struct ScriptHeader {
    pub keys: Vec<KeyRole>,
    pub arguments: Vec<Argument>,
    /// The arguments that may follow, in words; `None`: there are exactly `arguments`.
    pub more: Option<&'static str>,
    /// Code and name of each answer.
    pub codes: Vec<(i64, &'static str)>,
    /// The function of `lane::redis` that calls it.
    pub caller: &'static str,
    /// The flags of the first line; empty: none.
    pub flags: &'static str,
}

/// An argument of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    pub name: &'static str,
    /// A whole number; else text.
    pub is_integer: bool,
}

/// Arguments that every script has: `now_ms`, `generation` and `log`.
const MARKS: usize = 3;

impl ScriptHeader {
    /// Reads a script's header. A header that is malformed is a bug in the script, which every test meets: it panics.
    pub fn parse(text: &'static str) -> Self {
        let (first, rest) = text.split_once('\n').expect("a script has more than one line");
        let lines: Vec<&str> = rest.lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
        let named = |prefix: &str| -> Vec<Vec<&'static str>> {
            let lines = lines.iter().filter(|line| line.starts_with(prefix));
            lines.map(|line| line.split_whitespace().skip(1).collect()).collect()
        };
        let keys = named("KEYS[");
        let arguments = named("ARGV[");
        let answers = lines.iter().skip_while(|line| !line.starts_with("Returns ")).skip(1);
        let answers = answers.take_while(|line| !line.starts_with("Errors: ARITY, RANGE"));
        let code = |line: &&'static str| {
            let mut words = line.split_whitespace();
            let number = words.next()?.parse().ok()?;
            Some((number, words.next()?))
        };
        let after = |prefix: &str| lines.iter().find_map(|line| line.strip_prefix(prefix)).map(str::trim);
        Self {
            keys: keys.iter().map(|words| KeyRole::named(words[0]).expect("one of the keys")).collect(),
            arguments: arguments
                .iter()
                .map(|words| Argument { name: words[0], is_integer: words.get(1) == Some(&"integer") })
                .collect(),
            more: after("then "),
            codes: answers.filter_map(code).collect(),
            caller: after("Caller:").and_then(|caller| caller.strip_prefix("lane::redis::")).expect("a caller"),
            flags: first.split_once("flags=").map_or("", |(_, flags)| flags),
        }
    }

    pub fn arity(&self) -> Arity {
        match self.more {
            None => Arity::Exactly(self.arguments.len()),
            Some(_) => Arity::AtLeast(self.arguments.len()),
        }
    }

    /// What takes the place of the line `-- prologue`: a local for each key, the table of codes, the check of the numbers of
    /// keys and arguments, and the lane's marks.
    pub fn prologue(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| key.name().to_uppercase()).collect();
        let codes: Vec<String> = self.codes.iter().map(|(code, name)| format!("{name} = {code}")).collect();
        let check = match self.arity() {
            Arity::Exactly(n) => format!("arity({}, {n})", keys.len()),
            Arity::AtLeast(n) => format!("arity_from({}, {n})", keys.len()),
        };
        format!(
            "local {} = unpack(KEYS)\nlocal code = {{ {} }}\n-- include lib/args.lua\n{check}\n-- include lib/skew.lua\n-- include lib/marks.lua\n",
            keys.join(", "),
            codes.join(", "),
        )
    }

    /// The script's row in the table of `lua/README.md`.
    pub fn row(&self, path: &str) -> String {
        let keys: Vec<&str> = self.keys.iter().map(|key| key.name()).collect();
        let arguments: Vec<&str> = self.arguments[MARKS..].iter().map(|argument| argument.name).collect();
        let arguments = if arguments.is_empty() { "–".to_owned() } else { arguments.join(", ") };
        let more = self.more.map_or(String::new(), |more| format!(", then {more}"));
        // Every script of the doors may answer this.
        let codes: Vec<&str> = self.codes.iter().map(|(_, name)| *name).filter(|name| *name != "RECOVERING").collect();
        let mut row = format!(
            "| `{path}.lua` | {} | {arguments}{more} | {} | `{}`",
            keys.join(" "),
            codes.join(", "),
            self.caller
        );
        if !self.flags.is_empty() {
            let _ = write!(row, " · {}", self.flags);
        }
        row + " |"
    }
}
