//! Every answer that a test gets is held against the API's own document: a status it does not name, a field it does
//! not know or of another type, and the document is false.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use http::Method;
use jsonschema::Validator;
use serde_json::{Value, json};
use stanchion::edge::{openapi, routes};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| openapi::document(&routes::table()));

/// Made once for each schema: to make one costs more than to use it.
static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

/// Panics when the answer is not as the document says; what is no route of ours says nothing.
pub fn check(method: &Method, path: &str, status: u16, content_type: &str, answer: &Value) {
    let path = path.split('?').next().unwrap_or_default();
    let Some((pattern, operations)) = route(path) else { return };
    let Some(operation) = operations.get(method.as_str().to_ascii_lowercase()) else { return };
    let what = format!("{method} {pattern} {status}");
    // One of the other listener is not there at all; one that is compressed is looked at where it is not.
    let elsewhere = status == 404 && answer["code"] == "NOT_FOUND" && path.starts_with("/v1/admin/");
    if elsewhere || answer.is_null() {
        return;
    }
    let response = operation["responses"].get(status.to_string());
    let response = response.unwrap_or_else(|| panic!("{what} is not in the API's document: {answer}"));
    let content_type = content_type.split(';').next().unwrap_or_default();
    if !content_type.ends_with("json") || !content_type.starts_with("application/") {
        return;
    }
    let Some(schema) = response["content"][content_type].get("schema") else {
        // One that has a body of its own, such as the document itself, is described in words.
        assert!(response.get("content").is_none(), "{what}: {content_type} is not in the API's document");
        return;
    };
    let faults: Vec<String> =
        validator(schema).iter_errors(answer).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{what} is not as the API's document says: {faults:#?}\n{answer:#}");
}

fn route(path: &str) -> Option<(&'static str, &'static Value)> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(p, part)| p.starts_with('{') || p == part)
    };
    let paths = DOCUMENT["paths"].as_object().expect("paths");
    // A plain segment goes before a parameter.
    let found =
        paths.iter().filter(|(pattern, _)| fits(pattern)).min_by_key(|(pattern, _)| pattern.matches('{').count());
    found.map(|(pattern, operations)| (pattern.as_str(), operations))
}

fn validator(schema: &Value) -> &'static Validator {
    let mut known = VALIDATORS.lock().expect("not poisoned");
    let key = schema.to_string();
    known.entry(key).or_insert_with(|| {
        let mut whole = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "components": DOCUMENT["components"],
            "unevaluatedProperties": false,
        });
        whole.as_object_mut().expect("an object").extend(schema.as_object().expect("a schema").clone());
        Box::leak(Box::new(jsonschema::validator_for(&whole).expect("the document's schemas are schemas")))
    })
}
