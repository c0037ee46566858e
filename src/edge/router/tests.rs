//! The table of routes, held against its router and its OpenAPI document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::edge::{openapi, routes};

fn router(listener: Listener, admin_public: bool) -> Router {
    Router::new(routes::table(), listener, admin_public)
}

/// A path that fits a pattern.
fn example(pattern: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "x1".to_owned() } else { part.to_owned() };
    pattern.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn refusal(router: &Router, method: Method, path: &str) -> Problem {
    router.find(&method, path).err().expect("refused")
}

#[test]
fn every_route_is_found_on_its_listener_and_on_no_other() {
    for (listener, admin_public) in [(Listener::Public, false), (Listener::Public, true), (Listener::Admin, false)] {
        let router = router(listener, admin_public);
        for route in routes::table() {
            let here = route.is_on(listener, admin_public);
            let found = router.find(&route.method, &example(route.pattern)).map(|found| found.route.operation);
            assert_eq!(found.ok() == Some(route.operation), here, "{} {}", route.method, route.pattern);
        }
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let public = router(Listener::Public, false);
    for path in ["/v1", "/v1/events/hall/queue/", "/v1/nothing", "/metrics", "/readyz", "/v1/admin/audit"] {
        assert_eq!(refusal(&public, Method::GET, path).code, Code::NotFound, "{path}");
    }
    assert_eq!(refusal(&public, Method::GET, "/v1/events/%ff/room").code, Code::NotFound);
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let public = router(Listener::Public, false);
    let problem = refusal(&public, Method::PUT, "/v1/events/hall/queue");
    assert_eq!(problem.code, Code::MethodNotAllowed);
    assert_eq!(problem.allow.as_deref(), Some("DELETE, GET, HEAD, OPTIONS, POST"));
    let head = public.find(&Method::HEAD, "/v1/events/hall/room").expect("as GET");
    assert_eq!(head.route.operation, "show_room");
}

#[test]
fn parameters_are_decoded() {
    let public = router(Listener::Public, false);
    let found = public.find(&Method::GET, "/v1/events/a%20b%2Fc/room").expect("found");
    assert_eq!(found.params(), [("event", "a b/c".to_owned())]);
}

#[test]
fn operations_have_names_of_their_own() {
    let names: Vec<_> = routes::table().iter().map(|route| route.operation).collect();
    let set: BTreeSet<_> = names.iter().collect();
    assert_eq!(set.len(), names.len(), "{names:?}");
}

#[test]
fn the_document_and_the_table_say_the_same() {
    let table = routes::table();
    let document = openapi::document(&table);
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().expect("methods").keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> =
        table.iter().map(|route| (route.method.to_string(), route.pattern.to_owned())).collect();
    assert_eq!(documented, routed);

    for route in &table {
        let operation = &document["paths"][route.pattern][route.method.as_str().to_lowercase()];
        let responses = operation["responses"].as_object().expect("responses");
        assert!(!route.answers.is_empty(), "{}: says what it answers", route.operation);
        for (status, ..) in &route.answers {
            assert!(responses.contains_key(&status.to_string()), "{} {status}", route.operation);
        }
        for code in openapi::codes(route) {
            let told = responses[&code.status().as_u16().to_string()]["description"].as_str().expect("text");
            assert!(told.contains(code.text()), "{} {}", route.operation, code.text());
        }
    }
}

#[test]
fn every_schema_referred_to_is_there() {
    let document = openapi::document(&routes::table());
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut wanted = BTreeSet::new();
    references(&document, &mut wanted);
    assert!(wanted.contains("#/components/schemas/Problem"));
    for reference in wanted {
        let name = reference.strip_prefix("#/components/schemas/").expect("a reference to a schema");
        assert!(schemas.contains_key(name), "{name}");
    }
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(reference) if name == "$ref" => {
                        into.insert(reference.to_owned());
                    }
                    Some(_) | None => references(value, into),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, into)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Of two types under one name the document would describe one, and be false of the other.
#[test]
fn a_schemas_name_is_one_type() {
    let mut known = std::collections::BTreeMap::new();
    for (name, schema) in openapi::schemas(&routes::table()) {
        let schema = serde_json::to_value(&schema).expect("a schema is JSON");
        let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
        assert_eq!(*first, schema, "{name} names two types");
    }
}
