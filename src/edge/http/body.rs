//! Request bodies: received within a size and a time limit, and parsed. Every error here is the client's fault.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use serde::Deserialize as _;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::edge::problem::{Code, Problem};
use crate::facts::ids;

/// A parsed body and the digest of its JSON value. Requests with the same Idempotency-Key are repeats when their
/// digests are equal.
#[derive(Debug)]
pub struct Parsed<T> {
    pub value: T,
    pub digest: String,
}

/// Receives a body of at most `max` bytes within `limit`.
pub async fn receive<B>(body: B, max: usize, limit: Duration) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
{
    if body.size_hint().lower() > max as u64 {
        return Err(Code::BodyTooLarge.into());
    }
    match tokio::time::timeout(limit, collect(body, max)).await {
        Ok(received) => received,
        Err(_) => Err(Code::RequestTimeout.into()),
    }
}

async fn collect<B>(mut body: B, max: usize) -> Result<Bytes, Problem>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // The connection broke within the body. The client will hardly read the answer, but the fault is the client's.
        let frame = frame.map_err(|_| Problem::new(Code::BadJson).detail("the body broke off"))?;
        if let Ok(data) = frame.into_data() {
            if whole.len() + data.len() > max {
                return Err(Code::BodyTooLarge.into());
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// Whether the content type is `application/json`, with any parameters.
pub fn is_json(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).is_some_and(|text| {
        text.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
    })
}

/// Parses a body. Malformed JSON and a repeated key are `BAD_JSON`; JSON that does not fit `T` is `VALIDATION` with a
/// pointer.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Parsed<T>, Problem> {
    let value = strict_value(bytes)?;
    // serde would also accept an array, and take its items for the struct's fields in order.
    if !value.is_object() {
        return Err(Problem::field("", "must be an object"));
    }
    let digest = ids::body_digest(&value);
    Ok(Parsed { value: fit(value)?, digest })
}

/// Converts a value to `T`; a value that does not fit is `VALIDATION` with a pointer.
pub fn fit<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::field(pointer, error.into_inner().to_string())
    })
}

/// Parses JSON without repeated keys. serde_json would keep the last value of a repeated key; another reader might keep
/// the first, and one body would mean two requests.
fn strict_value(bytes: &[u8]) -> Result<Value, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict::deserialize(&mut reader).and_then(|strict| reader.end().map(|()| strict.0));
    value.map_err(|error| {
        let text = error.to_string();
        // The JSON is well-formed, but a number is too large for us: `VALIDATION`, not `BAD_JSON`.
        if text.starts_with("number out of range") {
            return Problem::field("", text);
        }
        Problem::new(Code::BadJson).detail(text)
    })
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A JSON value whose objects repeat no key.
struct Strict(Value);

impl<'de> serde::Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Strict(item)) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("the key {key:?} is repeated")));
            }
            let Strict(value) = map.next_value()?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
