//! The page around the room: ours, or an operator's.

use std::path::{Path, PathBuf};

/// Most bytes of an operator's template: every visitor loads it.
const BYTES_MAX: usize = 256 * 1024;

/// What a template may name, as `{{name}}`.
const KNOWN: [&str; 7] = ["lang", "title", "nonce", "refresh", "style", "room", "script"];

/// What a template must name: without these the page does not work, or not for everybody.
const NEEDED: [&str; 6] = ["lang", "title", "nonce", "refresh", "room", "script"];

#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    #[error("web.room_template: cannot read {path}: {source}")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("web.room_template: {0}")]
    Wrong(String),
}

/// A checked template, cut at its placeholders.
#[derive(Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    /// The style sheet, and below it the script, as every page carries them.
    pub(super) style: String,
    pub(super) script: String,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Placeholder(String),
}

impl Template {
    /// The template in this file. An empty path gives ours.
    pub fn load(path: &str) -> Result<Self, TemplateError> {
        if path.is_empty() {
            return Ok(Self::own());
        }
        let unreadable = |source| TemplateError::Unreadable { path: Path::new(path).to_owned(), source };
        Self::parse(&std::fs::read_to_string(path).map_err(unreadable)?).map_err(TemplateError::Wrong)
    }

    pub fn own() -> Self {
        Self::parse(include_str!("page.html")).expect("our own template is good (a test reads it)")
    }

    fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("{} bytes; at most {BYTES_MAX}", text.len()));
        }
        let (first, rest) = text.split_once("{{").map_or((text, None), |(first, rest)| (first, Some(rest)));
        let mut pieces = vec![Piece::Text(first.to_owned())];
        for part in rest.into_iter().flat_map(|rest| rest.split("{{")) {
            let (name, text) = part.split_once("}}").ok_or_else(|| format!("no }}}} after {{{{{part:.20}"))?;
            if !KNOWN.contains(&name) {
                return Err(format!("{{{{{name}}}}} is not known; known: {}", KNOWN.join(", ")));
            }
            pieces.push(Piece::Placeholder(name.to_owned()));
            pieces.push(Piece::Text(text.to_owned()));
        }
        let has = |wanted: &str| pieces.iter().any(|p| matches!(p, Piece::Placeholder(name) if name == wanted));
        match NEEDED.iter().find(|name| !has(name)) {
            Some(name) => Err(format!("{{{{{name}}}}} is missing")),
            None => Ok(Self { pieces, style: bare(include_str!("room.css")), script: bare(include_str!("room.js")) }),
        }
    }

    pub(super) fn write(&self, value: impl Fn(&str) -> String) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Placeholder(name) => value(name),
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// The source without indentation and comment lines, which only its authors read. No text of ours spans several lines,
/// so this changes no text.
fn bare(source: &str) -> String {
    let lines = source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_what_it_needs_and_nothing_else() {
        let good: String = NEEDED.iter().map(|name| format!("<{{{{{name}}}}}>")).collect();
        let template = Template::parse(&good).expect("good");
        assert_eq!(template.write(|name| name.to_uppercase()), "<LANG><TITLE><NONCE><REFRESH><ROOM><SCRIPT>");
        for (text, wrong) in [
            (good.replace("{{room}}", ""), "{{room}} is missing"),
            (format!("{good}{{{{position}}}}"), "{{position}} is not known"),
            (format!("{good}{{{{room"), "no }} after {{room"),
            (format!("{good}{}", " ".repeat(BYTES_MAX)), "at most"),
        ] {
            let told = Template::parse(&text).expect_err(wrong);
            assert!(told.contains(wrong), "{told}");
        }
    }

    #[test]
    fn a_template_that_is_not_there_is_told_by_its_path() {
        let told = Template::load("/nowhere/room.html").expect_err("not there").to_string();
        assert!(told.contains("/nowhere/room.html"), "{told}");
        Template::own();
    }
}
