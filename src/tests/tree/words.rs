//! One word for one thing: each type has a name of its own, and the glossary gives each word once.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::rules::{sources, stage};

/// Names that a module may give to what is its own: callers write them with the module's name before them.
const OWN: &[&str] = &["Error", "Result"];

const KINDS: &[&str] = &["struct", "enum", "trait", "type", "union"];

/// The types that a source defines outside its tests.
fn types(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().expect("a first part");
    let mut found = Vec::new();
    for line in code.lines() {
        let is_member = line.starts_with(' ');
        let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub")).peekable();
        if words.peek() == Some(&"unsafe") {
            words.next();
        }
        let (Some(kind), Some(rest)) = (words.next(), words.next()) else { continue };
        // A row of the ledger's table of rows: `OrderRow in "orders"`.
        if rest == "in" && line.contains(" in \"") {
            found.push(kind.to_owned());
            continue;
        }
        // An indented `type` belongs to a trait, or to its implementation.
        if !KINDS.contains(&kind) || (kind == "type" && is_member) {
            continue;
        }
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.starts_with(char::is_uppercase) {
            found.push(name);
        }
    }
    found
}

fn is_tests(path: &Path) -> bool {
    stage(path) == "tests" || path.file_name().is_some_and(|name| name == "tests.rs")
}

#[test]
fn no_type_name_has_two_meanings() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in sources() {
        if is_tests(&path) {
            continue;
        }
        for name in types(&text) {
            defined.entry(name).or_default().push(path.display().to_string());
        }
    }
    assert!(defined.len() > 500, "only {} types were found", defined.len());
    let doubled = defined.iter().filter(|(name, places)| places.len() > 1 && !OWN.contains(&name.as_str()));
    let doubled: Vec<_> = doubled.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect();
    assert!(doubled.is_empty(), "these names stand for more than one type:\n{}", doubled.join("\n"));
}

/// A word of the glossary, with what it means.
fn glossary() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/docs/glossary.md");
    let text = std::fs::read_to_string(path).expect("the glossary is there");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| **"));
    rows.map(|row| {
        let (word, rest) = row.split_once("**").expect("a word ends");
        let (_, meaning) = rest.split_once('|').expect("a word has a meaning");
        (word.to_owned(), meaning.trim_matches([' ', '|']).to_owned())
    })
    .collect()
}

#[test]
fn the_glossary_gives_each_word_once_and_the_code_uses_it() {
    let glossary = glossary();
    assert!(glossary.len() >= 30, "{} words", glossary.len());
    let sources = sources();
    let code = || sources.iter().filter(|(path, _)| !is_tests(path)).flat_map(|(_, text)| text.lines());
    let mut used = BTreeSet::new();
    for line in code().filter(|line| !line.trim_start().starts_with("//")) {
        // Identifiers, and the words of which they are made: `QueueToken` and `queue_token` are queue and token.
        let spaced: String = line.chars().flat_map(|c| [c.is_uppercase().then_some(' '), Some(c)]).flatten().collect();
        for text in [line, &spaced] {
            used.extend(text.to_lowercase().split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
        }
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (word, meaning) in &glossary {
        *seen.entry(word).or_default() += 1;
        assert!(!meaning.is_empty(), "{word} has no meaning");
        let is_used = |part: &str| used.contains(part) || used.contains(&format!("{part}s"));
        assert!(word.to_lowercase().split(' ').all(is_used), "no code uses the glossary's {word}");
    }
    let twice: Vec<_> = seen.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "the glossary explains these twice: {twice:?}");
}
