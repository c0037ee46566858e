//! A script's arguments, in their order. Numbers travel as text, so none is rounded on the way.

use std::fmt::{Display, Write as _};

use fred::types::Value;
use serde::Serialize;

#[derive(Debug, Default)]
pub struct Args(Vec<Value>);

impl Args {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.0.push(Value::from(text.into()));
        self
    }

    /// Many small things in one argument, between spaces: fred makes an allocation or two for each argument, and
    /// several passes over all of them.
    pub fn words(self, words: impl Iterator<Item = impl Display>) -> Self {
        let mut text = String::new();
        for word in words {
            write!(text, "{word} ").expect("texts take what is written");
        }
        self.text(text)
    }

    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.push(Value::Bytes(bytes.to_vec().into()));
        self
    }

    pub fn int(self, n: impl Into<i128>) -> Self {
        let n: i128 = n.into();
        self.text(n.to_string())
    }

    pub fn json(self, fact: &impl Serialize) -> Self {
        self.text(serde_json::to_string(fact).expect("facts and records are plain data"))
    }

    /// These arguments, then `more`.
    pub fn all(mut self, mut more: Args) -> Self {
        self.0.append(&mut more.0);
        self
    }

    /// All arguments, with `first` before them.
    pub fn after(mut self, mut first: Vec<Value>) -> Vec<Value> {
        first.append(&mut self.0);
        first
    }
}
