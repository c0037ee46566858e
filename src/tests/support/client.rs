//! A small HTTP client for tests: one call, and the complete answer.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;
use stanchion::client::{ClientLimits, HttpAnswer, HttpClient};

/// The pool's own numbers: tests look at connections and answers of any length.
const LIMITS: ClientLimits =
    ClientLimits { idle: Duration::from_secs(90), idle_max: usize::MAX, answer_max: usize::MAX };

/// Checks every answer by its method and path, and its status, headers and body.
pub trait Contract: Sync {
    fn check(&self, method: &Method, path: &str, status: u16, headers: &HeaderMap, answer: &Value);
}

#[derive(Clone)]
pub struct Client {
    http: HttpClient,
    base: String,
    contract: Option<&'static dyn Contract>,
}

/// A complete answer. `json` is null when the body is not JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub json: Value,
}

/// A request that is being built.
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: BTreeMap<String, String>,
    body: Bytes,
}

impl Client {
    pub fn new(base: String) -> Self {
        let http = HttpClient::new(LIMITS).expect("the TLS parts of this build are there");
        Self { http, base, contract: None }
    }

    pub fn held_to(self, contract: &'static dyn Contract) -> Self {
        Self { contract: Some(contract), ..self }
    }

    pub fn call(&self, method: Method, path: &str) -> Call {
        let (path, headers) = (path.to_owned(), BTreeMap::new());
        Call { client: self.clone(), method, path, headers, body: Bytes::new() }
    }

    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: &str) -> Call {
        self.call(Method::PUT, path)
    }

    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }
}

impl Call {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn pass(self, pass: &str) -> Self {
        self.header("stanchion-pass", pass)
    }

    pub fn queue(self, token: &str) -> Self {
        self.header("stanchion-queue", token)
    }

    pub fn json(self, body: &Value) -> Self {
        self.bytes(body.to_string().into_bytes()).header("content-type", "application/json")
    }

    pub fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = Bytes::from(body);
        self
    }

    /// Sends the request; `Err`: no answer came.
    pub async fn try_send(self) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let mut request =
            http::Request::builder().method(self.method).uri(format!("{}{}", self.client.base, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = self.client.http.send(request.body(self.body)?).await?;
        let json = answer.json();
        let HttpAnswer { status, headers, body } = answer;
        Ok(Answer { status, headers, body, json })
    }

    pub async fn send(self) -> Answer {
        let (method, path, contract) = (self.method.clone(), self.path.clone(), self.client.contract);
        let answer = self.try_send().await.unwrap_or_else(|error| panic!("{method} {path}: no answer: {error:?}"));
        if let Some(contract) = contract {
            contract.check(&method, &path, answer.status.as_u16(), &answer.headers, &answer.json);
        }
        answer
    }
}

impl Answer {
    /// Returns this answer if it has this status; panics otherwise and shows the answer.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "wanted {status}, got {}: {text}", self.status);
        self
    }

    /// Returns this answer if it is an error with this status and code; panics otherwise.
    #[track_caller]
    pub fn expect_code(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.json["code"], code, "{}", answer.json);
        answer
    }

    /// A text field of the body.
    #[track_caller]
    pub fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("no text {field:?} in {}", self.json)).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}
