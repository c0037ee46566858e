//! The house rules that code can break silently: which stage may use which, who reads the time, who
//! writes SQL. Read off the sources.

use std::path::{Path, PathBuf};

/// What a stage may use besides itself and the leaves. `app` may use all, and only `main` uses `cli`.
const ARROWS: &[(&str, &[&str])] = &[
    ("edge", &["admission", "inventory", "catalog", "web", "ledger", "lane"]),
    ("admission", &["lane"]),
    ("inventory", &["lane"]),
    ("catalog", &["ledger", "lane"]),
    ("pipeline", &["lane", "ledger", "payment"]),
    // A lane's and the ledger's facts are common vocabulary; calls between them go through the pipeline.
    ("ledger", &["lane"]),
    ("lane", &[]),
    ("payment", &[]),
    ("web", &[]),
    ("demo", &[]),
    ("config", &[]),
    ("clock", &[]),
    ("draw", &[]),
    ("ids", &[]),
    ("money", &[]),
    ("metrics", &[]),
    ("random", &[]),
    ("shutdown", &[]),
];

const LEAVES: &[&str] = &["config", "clock", "draw", "ids", "money", "metrics", "random", "shutdown"];

fn sources() -> Vec<(PathBuf, String)> {
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
fn stage(path: &Path) -> String {
    let first = path.components().next().expect("a path").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Stages named by `use crate::…` and by paths `crate::…` in the code.
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
    assert!(wrong.is_empty(), "arrows of DESIGN §1 broken:\n{}", wrong.join("\n"));
}

/// INV-9.
#[test]
fn only_the_clock_reads_the_time() {
    let reads = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "UtcDateTime::now"];
    for (path, text) in sources() {
        if path == Path::new("clock.rs") || path == Path::new("tests/house.rs") {
            continue;
        }
        for read in reads {
            assert!(!text.contains(read), "{} reads the time by {read}", path.display());
        }
    }
}

/// A thread's seed tells every id that is drawn there.
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

#[test]
fn nothing_is_left_undone() {
    for (path, text) in sources() {
        // In two pieces each, so that this file is looked at too.
        for (one, other) in [("TO", "DO"), ("FIX", "ME"), ("to", "do!("), ("unimple", "mented!("), ("#[ign", "ore")] {
            let mark = format!("{one}{other}");
            assert!(!text.contains(&mark), "{} has a {mark}", path.display());
        }
    }
}
