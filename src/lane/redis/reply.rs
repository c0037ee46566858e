//! A script's reply, read value by value.

use std::collections::VecDeque;

use fred::types::Value;
use serde::de::DeserializeOwned;

/// Why a reply cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("the reply ended where {0} was expected")]
    Short(&'static str),
    #[error("the reply has something else where {0} was expected")]
    Kind(&'static str),
    #[error("the reply has the unknown code {0}")]
    Code(i64),
    #[error("a fact in the reply is no JSON of its kind")]
    Json(#[from] serde_json::Error),
}

pub type ReplyRead<T> = Result<T, Unreadable>;

/// A script's reply: the name of its code, the lane's marks, and the values that are not read yet.
#[derive(Debug)]
pub struct ScriptReply {
    /// The code's name, one of its script's.
    pub name: &'static str,
    pub generation: i64,
    /// Last log id given.
    pub log: i64,
    values: VecDeque<Value>,
}

impl ScriptReply {
    /// From `{generation, log, …}`, the code taken off.
    pub fn new(name: &'static str, mut values: VecDeque<Value>) -> ReplyRead<Self> {
        let mut mark = || values.pop_front().ok_or(Unreadable::Short("a mark")).and_then(|value| int(&value));
        Ok(Self { generation: mark()?, log: mark()?, name, values })
    }

    /// The error when a code has no outcome for this caller.
    pub fn unexpected(&self) -> Unreadable {
        Unreadable::Kind("a code with an outcome")
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn next(&mut self, what: &'static str) -> ReplyRead<Value> {
        self.values.pop_front().ok_or(Unreadable::Short(what))
    }

    pub fn int(&mut self) -> ReplyRead<i64> {
        int(&self.next("a number")?)
    }

    pub fn text(&mut self) -> ReplyRead<String> {
        let value = self.next("a text")?;
        value.into_string().ok_or(Unreadable::Kind("a text"))
    }

    /// Rows of `N` numbers each, all in one text between spaces.
    pub fn rows<const N: usize>(&mut self) -> ReplyRead<Vec<[i64; N]>> {
        let numbers: Vec<i64> = self
            .text()?
            .split_ascii_whitespace()
            .map(|word| word.parse().map_err(|_| Unreadable::Kind("a number")))
            .collect::<ReplyRead<_>>()?;
        let (rows, rest) = numbers.as_chunks();
        if rest.is_empty() { Ok(rows.to_vec()) } else { Err(Unreadable::Short("a row")) }
    }

    pub fn bytes(&mut self) -> ReplyRead<Vec<u8>> {
        let value = self.next("a text")?;
        value.as_bytes().map(<[u8]>::to_vec).ok_or(Unreadable::Kind("a text"))
    }

    /// Takes the next value if it is an empty text. `false`: it is not, and is left there.
    pub fn skip_empty(&mut self) -> ReplyRead<bool> {
        let first = self.values.front().ok_or(Unreadable::Short("a text"))?;
        let is_empty = first.as_bytes().is_some_and(<[u8]>::is_empty);
        if is_empty {
            self.values.pop_front();
        }
        Ok(is_empty)
    }

    pub fn json<T: DeserializeOwned>(&mut self) -> ReplyRead<T> {
        Ok(serde_json::from_str(&self.text()?)?)
    }

    /// A list inside the reply, under the same name.
    pub fn list(&mut self) -> ReplyRead<ScriptReply> {
        match self.next("a list")? {
            Value::Array(values) => Ok(ScriptReply { values: values.into(), ..*self }),
            _ => Err(Unreadable::Kind("a list")),
        }
    }
}

/// A number, also one that Redis gives as text.
pub fn int(value: &Value) -> ReplyRead<i64> {
    match value {
        Value::Integer(n) => Ok(*n),
        Value::String(text) => text.parse().map_err(|_| Unreadable::Kind("a number")),
        _ => Err(Unreadable::Kind("a number")),
    }
}
