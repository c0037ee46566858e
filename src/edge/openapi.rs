//! The OpenAPI document, made from the table of routes. Knows no route in particular.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::problem::{Code, ProblemSchema};
use super::router::{Route, SchemaOf, Served, Who, schema_of};

/// Schemas named so far.
type Named = Vec<(String, RefOr<Schema>)>;

/// OpenAPI 3.1 of all routes of all listeners.
pub fn document(routes: &[Route]) -> Value {
    let mut named = Named::new();
    let problem = schema_of::<ProblemSchema>(&mut named);
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in routes {
        let operation = operation(route, &mut named, &problem);
        paths.entry(route.pattern).or_default().insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    let schemas: BTreeMap<String, RefOr<Schema>> = named.into_iter().collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Stanchion",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A high-concurrency ticketing and waiting-room gateway.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "admin": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "with the scope admin"},
            },
        },
    })
}

/// Every schema that the routes name, as often as they do.
pub fn schemas(routes: &[Route]) -> Vec<(String, RefOr<Schema>)> {
    let mut named = Named::new();
    let problem = schema_of::<ProblemSchema>(&mut named);
    routes.iter().for_each(|route| drop(operation(route, &mut named, &problem)));
    named
}

/// Every code a route may answer: its own and those of its kind.
pub fn codes(route: &Route) -> BTreeSet<Code> {
    let mut codes: BTreeSet<Code> = route.errors.iter().copied().collect();
    codes.extend([Code::Internal, Code::Unavailable]);
    if route.served != Served::Ops {
        codes.extend([Code::TooManyRequests, Code::Overloaded]);
    }
    if route.body.is_some() {
        codes.extend([Code::BadJson, Code::Validation, Code::UnsupportedMediaType, Code::RequestTimeout]);
        codes.insert(Code::BodyTooLarge);
    }
    if !route.query.is_empty() {
        codes.insert(Code::Validation);
    }
    if route.keyed {
        codes.extend([Code::IdempotencyKeyMissing, Code::IdempotencyKeyReused]);
    }
    match route.who {
        Who::Anyone => {}
        Who::User => codes.extend([Code::Unauthenticated]),
        Who::Admin => codes.extend([Code::Unauthenticated, Code::AdminRequired]),
    }
    codes
}

fn operation(route: &Route, named: &mut Named, problem: &RefOr<Schema>) -> Value {
    let mut operation = json!({
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [match route.served {
            Served::Public => "public",
            Served::Admin => "admin",
            Served::Ops => "operations",
        }],
        "parameters": parameters(route),
        "responses": responses(route, named, problem),
    });
    let mut set = |name: &str, value: Value| operation[name] = value;
    match route.who {
        Who::Anyone => {}
        Who::User => set("security", json!([{"user": []}])),
        Who::Admin => set("security", json!([{"admin": []}])),
    }
    if let Some(body) = route.body {
        set("requestBody", json!({"content": {"application/json": {"schema": body(named)}}}));
    }
    operation
}

fn parameters(route: &Route) -> Vec<Value> {
    let names = route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> =
        names.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})).collect();
    for (name, what) in &route.query {
        let query = json!({"name": name, "in": "query", "description": what, "schema": {"type": "string"}});
        parameters.push(query);
    }
    if route.keyed {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    parameters
}

fn responses(route: &Route, named: &mut Named, problem: &RefOr<Schema>) -> BTreeMap<String, Value> {
    let mut responses = BTreeMap::new();
    for (status, what, view) in &route.answers {
        let content = |view: &SchemaOf| json!({"application/json": {"schema": view(named)}});
        let mut response = json!({"description": what});
        if let Some(view) = view.as_ref().map(content) {
            response["content"] = view;
        }
        responses.insert(status.to_string(), response);
    }
    let mut by_status: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for code in codes(route) {
        by_status.entry(code.status().as_u16()).or_default().push(code.text());
    }
    for (status, codes) in by_status {
        let content = json!({"application/problem+json": {"schema": problem}});
        // A status may have a view of its own too, as readiness has.
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({"description": ""}));
        let codes = codes.join(", ");
        let either = match response["description"].as_str() {
            None | Some("") => codes,
            Some(said) => format!("{said}; or {codes}"),
        };
        response["description"] = either.into();
        response["content"]["application/problem+json"] = content["application/problem+json"].clone();
    }
    responses
}
