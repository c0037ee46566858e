//! Checks every answer that a test gets against the API document of its listener. A test fails on a status, code or
//! header that the document does not name, and on a field that it does not know or that has another type.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use http::{HeaderMap, Method};
use jsonschema::Validator;
use serde_json::{Value, json};
use stanchion::edge::openapi;
use stanchion::edge::router::Listener;

use super::client::Contract;

/// The API document of a listener.
pub struct Document {
    document: Value,
    /// One validator for each schema. They are kept, because making one costs more than using it.
    validators: Mutex<HashMap<String, &'static Validator>>,
}

/// The contract of a listener; `admin_public` as in the configuration.
pub fn of(listener: Listener, admin_public: bool) -> &'static Document {
    static KNOWN: LazyLock<Mutex<HashMap<(Listener, bool), &'static Document>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().expect("not poisoned");
    known.entry((listener, admin_public)).or_insert_with(|| {
        let mut document = openapi::document(listener, admin_public);
        close(&mut document["components"]["schemas"]);
        // A notice's envelope is a part of each kind's schema.
        if let Some(Value::Object(envelope)) = document["components"]["schemas"].get_mut("Notice") {
            envelope.remove("unevaluatedProperties");
        }
        Box::leak(Box::new(Document { document, validators: Mutex::default() }))
    })
}

/// Forbids unknown fields: clients must ignore them, but a test must not. Schemas that are part of another one stay
/// open.
fn close(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().expect("schemas");
    let parts = schemas.values().filter_map(|schema| schema["allOf"].as_array()).flatten();
    let parts: Vec<String> = parts.filter_map(|part| part["$ref"].as_str().map(str::to_owned)).collect();
    for (name, schema) in schemas {
        if !parts.contains(&format!("#/components/schemas/{name}")) && schema.get("oneOf").is_none() {
            schema["unevaluatedProperties"] = json!(false);
        }
    }
}

impl Contract for Document {
    /// Panics when the answer is not as the document says. A path or method that is no route of the listener is not
    /// checked.
    fn check(&self, method: &Method, path: &str, status: u16, headers: &HeaderMap, answer: &Value) {
        let path = path.split('?').next().unwrap_or_default();
        let Some((pattern, operations)) = self.route(path) else { return };
        let Some(operation) = operations.get(method.as_str().to_ascii_lowercase()) else { return };
        let what = format!("{method} {pattern} {status}");
        let response = operation["responses"].get(status.to_string());
        let response = response.unwrap_or_else(|| panic!("{what} is not in the API's document: {answer}"));
        check_headers(&what, &response["headers"], headers);
        // A compressed body is null here. The same answer is checked where it is not compressed.
        if answer.is_null() {
            return;
        }
        let content_type = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.split(';').next().unwrap_or_default();
        let media = response["content"].get(content_type);
        let is_json = content_type.ends_with("json") && content_type.starts_with("application/");
        assert!(media.is_some() || !is_json, "{what}: {content_type} is not in the API's document");
        let Some(schema) = media.filter(|_| is_json).map(|media| &media["schema"]) else { return };
        let faults: Vec<String> = self
            .validator(schema)
            .iter_errors(answer)
            .map(|fault| format!("{}: {fault}", fault.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{what} is not as the API's document says: {faults:#?}\n{answer:#}");
    }
}

/// Headers that any answer may have, whatever its route.
const EVERYWHERE: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "referrer-policy",
    "refresh",
    "transfer-encoding",
    "vary",
    "x-accel-buffering",
    "x-content-type-options",
    "x-request-id",
];

fn check_headers(what: &str, told: &Value, headers: &HeaderMap) {
    let told = told.as_object().into_iter().flatten();
    let told: HashMap<String, bool> =
        told.map(|(name, header)| (name.to_lowercase(), header["required"] == true)).collect();
    for name in headers.keys() {
        let known = told.contains_key(name.as_str()) || EVERYWHERE.contains(&name.as_str());
        assert!(known, "{what}: the header {name} is not in the API's document");
    }
    for (name, always) in told {
        assert!(!always || headers.contains_key(&name), "{what}: the header {name} is not there");
    }
}

impl Document {
    /// Panics when a notice is not as the document's webhooks say.
    pub fn check_notice(&self, kind: &str, notice: &Value) {
        let content = &self.document["webhooks"][kind]["post"]["requestBody"]["content"];
        let mut schema = content["application/cloudevents+json"]["schema"].clone();
        assert!(schema.is_object(), "{kind} is not in the API's document");
        schema["unevaluatedProperties"] = json!(false);
        let faults: Vec<String> = self.validator(&schema).iter_errors(notice).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{kind} is not as the API's document says: {faults:#?}\n{notice:#}");
    }

    fn route(&self, path: &str) -> Option<(&str, &Value)> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |pattern: &str| {
            let pattern: Vec<&str> = pattern.split('/').collect();
            pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(p, part)| p.starts_with('{') || p == part)
        };
        let paths = self.document["paths"].as_object().expect("paths");
        // A path with fewer parameters is preferred.
        let found =
            paths.iter().filter(|(pattern, _)| fits(pattern)).min_by_key(|(pattern, _)| pattern.matches('{').count());
        found.map(|(pattern, operations)| (pattern.as_str(), operations))
    }

    fn validator(&self, schema: &Value) -> &'static Validator {
        let mut known = self.validators.lock().expect("not poisoned");
        known.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": self.document["components"],
            });
            whole.as_object_mut().expect("an object").extend(schema.as_object().expect("a schema").clone());
            Box::leak(Box::new(jsonschema::validator_for(&whole).expect("the document's schemas are schemas")))
        })
    }
}
