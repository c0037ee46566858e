//! What a provider's error codes mean: a table for each kind of call.

use super::Unresolved;

/// What an error code says about the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeClass {
    /// No money moved, and none will.
    No,
    /// It may have moved, or may still move: ask.
    Ask,
    /// As `Ask`, and a person must look.
    Person,
}

/// Codes and what they mean. The first entry that fits counts; a code at whose end stands `*` fits all that begin so.
pub(super) type Codes = &'static [(&'static str, CodeClass)];

/// A code that is not in the table says nothing: ask.
pub(super) fn class(codes: Codes, code: &str) -> CodeClass {
    let fits = |entry: &str| match entry.strip_suffix('*') {
        Some(start) => code.starts_with(start),
        None => code == entry,
    };
    codes.iter().find(|(entry, _)| fits(entry)).map_or(CodeClass::Ask, |(_, class)| *class)
}

/// An error of a provider: its code, and its text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodedError {
    pub code: String,
    pub text: String,
}

impl CodedError {
    /// The definite no, as a text for the buyer; or why there is none.
    pub fn judge(self, codes: Codes, is_server_error: bool) -> Result<String, Unresolved> {
        let Self { code, text } = self;
        let detail = if text.is_empty() { code.clone() } else { format!("{code}: {text}") };
        match class(codes, &code) {
            CodeClass::No => Ok(super::short(if text.is_empty() { &code } else { &text })),
            CodeClass::Person => Err(Unresolved::needs_person(detail)),
            CodeClass::Ask if is_server_error => Err(Unresolved::away(detail)),
            CodeClass::Ask => Err(Unresolved::undecided(detail)),
        }
    }
}
