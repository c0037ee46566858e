//! The house rules that code can break without a compiler error: which stage may use which, who reads the time, who
//! writes SQL. The tests read the sources.
//!
//! The stages are modules of one crate, and these tests keep their arrows. Eleven crates in place (`src/<stage>/Cargo.toml`)
//! were built and measured on 2026-11-30, two cores: `cargo test --no-run` after one changed file took this much processor
//! time, seconds, as one crate and as eleven: in `edge` 45 and 40, in `ledger` 46 and 50, in `lane` 72 and 82 (wall 25 and
//! 27, 25 and 37, 40 and 44). A change rebuilds every stage that uses the changed one, each once as a library and once with its
//! tests. So only `edge` gains, and the stages that are used most pay. Of the 25 s, the library and its tests are 42 %, the
//! load tests 38 %: `cargo test --lib --bins --tests` leaves these out, and takes 30 s of processor time.

use std::path::{Path, PathBuf};

/// The stages that each stage may use besides itself and the leaves. `app` may use all, and only `main` uses `cli`.
const ARROWS: &[(&str, &[&str])] = &[
    ("edge", &["admission", "inventory", "catalog", "web", "ledger"]),
    ("admission", &["lane"]),
    ("inventory", &["lane"]),
    ("catalog", &["ledger", "lane"]),
    ("pipeline", &["lane", "ledger", "payment"]),
    ("ledger", &[]),
    ("lane", &[]),
    ("payment", &[]),
    ("web", &[]),
    ("demo", &[]),
    ("facts", &[]),
    ("config", &[]),
    ("client", &[]),
    ("clock", &[]),
    ("limiter", &[]),
    ("metrics", &[]),
    ("random", &[]),
    ("seal", &[]),
    ("shutdown", &[]),
];

/// Lines of the longest file, and of the longest file of tests.
const LINES_MAX: usize = 500;
const TEST_LINES_MAX: usize = 640;

const LEAVES: &[&str] = &["facts", "config", "client", "clock", "limiter", "metrics", "random", "seal", "shutdown"];

pub(super) fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(dir).expect("the sources are there") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
                found.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.iter_mut().for_each(|(path, _)| *path = path.strip_prefix(&root).expect("below src").to_owned());
    assert!(found.len() > 50, "the walk found the sources");
    found
}

/// The stage a file belongs to: its first folder, or its name.
pub(super) fn stage(path: &Path) -> String {
    let first = path.components().next().expect("a path").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The stages that a source names in `use crate::…` and in paths `crate::…`.
fn used(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let after = code.flat_map(|line| line.split("crate::").skip(1).map(str::to_owned).collect::<Vec<_>>());
    after
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(group) => group
                .split(['{', '}', ',', ';'])
                .map(|part| part.trim().split("::").next().unwrap_or("").to_owned())
                .collect::<Vec<_>>(),
            None => {
                vec![rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or("").to_owned()]
            }
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn arrows_point_left_to_right() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let stage = stage(&path);
        if ["app", "cli", "lib", "main", "tests"].contains(&stage.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == stage) else {
            wrong.push(format!("{}: the stage {stage} stands in no arrow", path.display()));
            continue;
        };
        for name in used(&text) {
            let known = ARROWS.iter().any(|(stage, _)| *stage == name) || name == "app" || name == "cli";
            let fine = name == stage || LEAVES.contains(&name.as_str()) || allowed.contains(&name.as_str());
            if known && !fine {
                wrong.push(format!("{}: {stage} uses {name}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "stages use what they may not:\n{}", wrong.join("\n"));
}

/// INV-9.
#[test]
fn only_the_clock_reads_the_time() {
    let reads = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "UtcDateTime::now"];
    for (path, text) in sources() {
        if path == Path::new("clock.rs") || path == Path::new("tests/tree/rules.rs") {
            continue;
        }
        for read in reads {
            assert!(!text.contains(read), "{} reads the time by {read}", path.display());
        }
    }
}

/// The seed of a thread determines every id drawn on it. An id that can be guessed is no secret.
/// So only tests set a seed.
#[test]
fn only_tests_seed_what_is_random() {
    for (path, text) in sources() {
        if path == Path::new("random.rs") || stage(&path) == "tests" {
            continue;
        }
        for draws in ["seed_this_thread", "rand::random", "rand::rng()", "rand::fill", "fastrand::"] {
            assert!(!text.contains(draws), "{} draws by {draws}", path.display());
        }
    }
}

#[test]
fn only_the_ledger_knows_sql() {
    for (path, text) in sources() {
        let stage = stage(&path);
        if stage != "ledger" && stage != "tests" {
            assert!(!text.contains("sqlx::"), "{} uses sqlx", path.display());
        }
    }
}

/// Money moves through the journal, which balances each transaction.
#[test]
fn only_the_journal_writes_postings() {
    for (path, text) in sources() {
        let fine = ["ledger/journal/mod.rs", "ledger/store/rows.rs"].map(Path::new);
        if fine.contains(&path.as_path()) || stage(&path) == "tests" {
            continue;
        }
        for word in ["PostingRow", "INSERT INTO journal_entry", "\"journal_entry\", &["] {
            assert!(!text.contains(word), "{} writes postings by {word}", path.display());
        }
    }
}

/// A rule changes rows in memory.
#[test]
fn the_ledgers_rules_know_no_database() {
    let rules: Vec<_> = sources().into_iter().filter(|(path, _)| path.starts_with("ledger/rules")).collect();
    assert!(rules.len() > 10, "the rules are there");
    for (path, text) in rules {
        let code = text.split("#[cfg(test)]").next().expect("a first part");
        for word in ["sqlx", "Conn", ".await"] {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
    }
}

/// An operation whose name is missing here would have no metric.
#[test]
fn every_operation_of_a_lane_has_a_name() {
    let mut declared = Vec::new();
    for (path, text) in sources() {
        if path.parent() == Some(Path::new("lane")) {
            let traits = text.split("\npub trait ").skip(1).filter_map(|rest| rest.split("\n}\n").next());
            let methods = traits.flat_map(|body| body.split("    async fn ").skip(1));
            declared.extend(methods.filter_map(|rest| rest.split('(').next().map(str::to_owned)));
        }
    }
    let mut named: Vec<&str> = stanchion::lane::operations().collect();
    declared.sort_unstable();
    named.sort_unstable();
    assert!(declared.len() > 30, "the traits are there");
    assert_eq!(declared, named);
}

/// The random sequences that are played on all stores would not know an operation that is missing there. Nothing can be
/// played on a sealed lane.
#[test]
fn every_operation_of_a_lane_is_played_on_all_stores() {
    let all = sources();
    let (_, played) =
        all.iter().find(|(path, _)| path.ends_with("lane/conformance/operation.rs")).expect("it is there");
    let played = played.split("pub enum Operation {\n").nth(1).and_then(|rest| rest.split("\n}\n").next());
    let played: Vec<&str> = played.expect("the operations as values").lines().map(str::trim).collect();
    for operation in stanchion::lane::operations().filter(|name| !["seal", "seal_if_behind"].contains(name)) {
        let words = operation.split('_').map(|word| word[..1].to_uppercase() + &word[1..]);
        let name: String = words.collect();
        let is_it = |variant: &&str| variant.trim_end_matches(',').split('(').next() == Some(&name);
        assert!(played.iter().any(is_it), "{operation} is not among {played:?}");
    }
}

/// Everybody else has a lane, whichever it is.
#[test]
fn only_app_names_a_store_of_lanes() {
    for (path, text) in sources() {
        if ["app", "lane", "tests"].contains(&stage(&path).as_str()) || path.ends_with("tests.rs") {
            continue;
        }
        for store in ["lane::redis", "lane::memory", "lane::{memory", "lane::{redis"] {
            assert!(!text.contains(store), "{} names {store}", path.display());
        }
    }
}

/// But for tables: a file that is longer has more than one noun.
#[test]
fn files_stay_small() {
    let mut lengths: Vec<_> = sources().into_iter().map(|(path, text)| (text.lines().count(), path)).collect();
    lengths.sort();
    for (length, path) in &lengths {
        let most = if stage(path) == "tests" { TEST_LINES_MAX } else { LINES_MAX };
        assert!(*length <= most, "{} has {length} lines, and may have {most}", path.display());
    }
    let nine_in_ten = |lengths: &[(usize, PathBuf)]| lengths[lengths.len() * 9 / 10].0;
    assert!(nine_in_ten(&lengths) <= 280, "one file in ten has {} lines or more", nine_in_ten(&lengths));
    lengths.retain(|(_, path)| stage(path) != "tests");
    assert!(
        nine_in_ten(&lengths) <= 245,
        "of the program, one file in ten has {} lines or more",
        nine_in_ten(&lengths)
    );
}

#[test]
fn nothing_is_left_undone() {
    for (path, text) in sources() {
        // Each mark is in two pieces, so that this file can be searched, too.
        for (one, other) in [("TO", "DO"), ("FIX", "ME"), ("to", "do!("), ("unimple", "mented!("), ("#[ign", "ore")] {
            let mark = format!("{one}{other}");
            assert!(!text.contains(&mark), "{} has a {mark}", path.display());
        }
    }
}

/// A mutant whose file has moved would be found only when somebody plays it.
#[test]
fn every_mutant_still_fits_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut patches = 0;
    for entry in std::fs::read_dir(root.join("src/tests/simulation/mutants")).expect("the mutants are there") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        patches += 1;
        let fits = std::process::Command::new("patch")
            .args(["--dry-run", "--silent", "-p1", "-i"])
            .arg(&path)
            .current_dir(root)
            .output()
            .expect("patch is installed");
        assert!(fits.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&fits.stdout));
    }
    assert!(patches >= 40, "{patches}");
}
