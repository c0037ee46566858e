//! Reads every statement that a test runs as MySQL 8.4 would: no server of MySQL can be installed where the tests run, so
//! MariaDB runs the statements, and a parser of MySQL's dialect reads them. The first statement that it refuses ends the
//! run.

use std::collections::HashSet;
use std::fmt;
use std::io::Write as _;
use std::sync::{Mutex, Once};

use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer, Word};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Reserved in MySQL 8.4, by its reference manual (chapter "Keywords and Reserved Words"): a name must not be one of
/// these unless it is quoted, and ours are not.
const RESERVED: &str = include_str!("mysql_reserved.txt");

/// What MySQL is not told by us: SQLite's own settings and its way to begin a transaction that writes, and what the
/// driver says to a server when it connects. One test wants to be refused.
const NOT_OURS: [&str; 4] = ["PRAGMA ", "BEGIN IMMEDIATE", "SET sql_mode=(SELECT CONCAT(@@sql_mode", "SELEKT "];

/// Reads every statement from now on, in this process.
pub fn read_all() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let of_sqlx = Targets::new().with_target("sqlx::query", LevelFilter::DEBUG);
        let reading = Reading::default().with_filter(of_sqlx);
        // Another subscriber is there only where somebody looks at a log.
        tracing_subscriber::registry().with(reading).try_init().ok();
    });
}

#[derive(Default)]
struct Reading {
    read: Mutex<HashSet<String>>,
}

impl<S: Subscriber> Layer<S> for Reading {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut said = Said::default();
        event.record(&mut said);
        // The whole text is told beside its beginning if it is longer than that.
        let text = if said.statement.trim().is_empty() { said.summary } else { said.statement };
        let is_new = self.read.lock().expect("nobody panics with it").insert(text.clone());
        if !is_new || NOT_OURS.iter().any(|start| text.trim_start().starts_with(start)) {
            return;
        }
        if let Err(fault) = read(&text) {
            // Unlike `eprintln!`, this is shown whichever test runs.
            writeln!(std::io::stderr(), "MySQL 8.4 would not take this statement: {fault}\n{text}").ok();
            std::process::exit(101);
        }
    }
}

#[derive(Default)]
struct Said {
    summary: String,
    statement: String,
}

impl Visit for Said {
    fn record_str(&mut self, field: &Field, text: &str) {
        match field.name() {
            "summary" => self.summary = text.to_owned(),
            "db.statement" => self.statement = text.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// What MySQL has against a statement.
fn read(text: &str) -> Result<(), String> {
    let dialect = MySqlDialect {};
    Parser::parse_sql(&dialect, text).map_err(|error| error.to_string())?;
    let tokens = Tokenizer::new(&dialect, text).tokenize().map_err(|error| error.to_string())?;
    // A name is written in lower case, as all our names and none of our keywords are.
    let is_name = |word: &Word| word.quote_style.is_none() && word.value.chars().any(|c| c.is_ascii_lowercase());
    let names = tokens.iter().filter_map(|token| match token {
        Token::Word(word) if is_name(word) => Some(word.value.to_uppercase()),
        _ => None,
    });
    let reserved: HashSet<&str> = RESERVED.split_whitespace().collect();
    match names.into_iter().find(|name| reserved.contains(name.as_str())) {
        Some(name) => Err(format!("{name} is a reserved word")),
        None => Ok(()),
    }
}

#[test]
fn what_mysql_does_not_take_is_found() {
    assert_eq!(read("SELECT id AS found FROM orders WHERE id > ? AND id <= ? LIMIT ?"), Ok(()));
    for (text, fault) in [
        ("SELECT id AS rank FROM orders", "RANK is a reserved word"),
        ("CREATE TABLE lines (id BIGINT NOT NULL PRIMARY KEY)", "LINES is a reserved word"),
        ("SELECT manual FROM orders", "MANUAL is a reserved word"),
        ("SELECT id FROM orders WHERE", "Expected"),
        ("SELECT id FROM orders ORDER id", "Expected"),
        ("INSERT INTO orders id VALUES (1)", "Expected"),
    ] {
        assert!(read(text).is_err_and(|found| found.contains(fault)), "{text}: {:?}", read(text));
    }
}
