//! An operation's parameters: those in its path, those in its query and headers, and its Idempotency-Key.

use serde_json::{Value, json};

use crate::edge::router::{Parameter, Route, Within};

/// The parameters in paths: the parameter's name or the segment before it, a description and an example.
const NAMED: &[(&str, &str, &str)] = &[
    ("events", "Slug of the event", "spring-hall"),
    ("room", "Slug of the event", "spring-hall"),
    ("provider", "Name of the payment provider", "toss"),
    ("webhook", "Name of the webhook", "crm"),
    ("deliveries", "Id of the delivery: the `webhook-id` that is sent", "3-1045-0"),
    ("holds", "Id of the hold, as creating it answered", "h039f86d081884c7d659a2feaa0c55ad015"),
    ("organizers", "Slug of the organizer", "hall-co"),
    ("period", "The month: `YYYY-MM`", "2026-11"),
    ("coupons", "Slug of the campaign", "welcome"),
    ("orders", "Id of the order, as placing it answered", "o0360303ae22b998861bce3b28f33eec1be"),
    ("refunds", "Id of the refund, as requesting it answered", "r03fd61a03af4f77d870fc21e05e7e80678"),
    ("users", "The user: `sub` of the bearer tokens", "kim"),
    (
        "dead-letters",
        "Id of the dead letter: of the record that could not be written",
        "o0360303ae22b998861bce3b28f33eec1be",
    ),
    ("payments", "Id of the payment attempt", "p03ba7816bf8f01cfea414140de5dae2223"),
];

pub fn of(route: &Route) -> Vec<Value> {
    let mut parameters: Vec<Value> = in_path(route.pattern).collect();
    parameters.extend(route.parameters.iter().map(written));
    if route.keyed {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true, "example": "5f1c8a52-1",
            "description": "Chosen by the client: a new one for each thing that is wanted, the same one for each \
                repeat. 1 to 255 printable ASCII characters. It counts for its user, method and path.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
    parameters
}

fn in_path(pattern: &str) -> impl Iterator<Item = Value> {
    let segments = pattern.split('/');
    segments.clone().zip(segments.skip(1)).filter_map(|(before, segment)| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        let mut parameter = json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}});
        if let Some((_, what, example)) = NAMED.iter().find(|(named, ..)| *named == before || *named == name) {
            parameter["description"] = json!(what);
            parameter["example"] = json!(example);
        }
        Some(parameter)
    })
}

fn written(parameter: &Parameter) -> Value {
    let within = match parameter.within {
        Within::Query => "query",
        Within::Header => "header",
    };
    let kind = if parameter.example.is_i64() { "integer" } else { "string" };
    json!({
        "name": parameter.name, "in": within, "required": parameter.required, "description": parameter.what,
        "schema": {"type": kind}, "example": parameter.example,
    })
}
