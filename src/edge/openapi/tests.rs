//! The documents agree with the table of routes and with themselves.

use jsonschema::Validator;
use serde::de::DeserializeOwned;

use super::*;
use crate::edge::api::admin::events::cancellation::CancelBody;
use crate::edge::api::admin::payments::{ResolveBody, ResolveRefundBody};
use crate::edge::api::admin::payouts::ProviderPayoutBody;
use crate::edge::api::admin::points::body::{CorrectionBody, GrantBody};
use crate::edge::api::admin::settlements::{CloseBody, PaidBody};
use crate::edge::api::admin::webhooks::body::WebhookSpec;
use crate::edge::api::coupons::ClaimBody;
use crate::edge::api::holds::body::HoldBody;
use crate::edge::api::orders::body::{OrderBody, QuoteBody};
use crate::edge::api::orders::payment::PaymentBody;
use crate::edge::api::queue::{EnterBody, LeaveBody};
use crate::edge::api::refunds::account::AccountBody;
use crate::edge::api::refunds::body::{AdminRefundBody, RefundBody};
use crate::edge::http::body;
use crate::edge::problem::Problem;

/// Every listener as it may be configured.
const LISTENERS: [(Listener, bool); 3] =
    [(Listener::Public, false), (Listener::Public, true), (Listener::Admin, false)];

/// An operation of a document, with its name in a failure's message.
struct Operation<'d> {
    name: String,
    json: &'d Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("methods").iter();
            methods.map(move |(method, json)| Operation { name: format!("{} {path}", method.to_uppercase()), json })
        })
        .collect()
}

/// The media types of an operation's body and of its 2xx answers.
fn media<'d>(operation: &Operation<'d>) -> Vec<(String, &'d Value)> {
    let good = |(status, _): &(&String, &Value)| status.starts_with('2');
    let answers = operation.json["responses"].as_object().expect("responses").iter().filter(good);
    let bodies = operation.json.get("requestBody").into_iter().map(|body| ("body", body));
    let all = bodies.chain(answers.map(|(status, answer)| (status.as_str(), answer)));
    let each = |(name, holder): (&str, &'d Value)| {
        let content = holder.get("content").and_then(Value::as_object).into_iter().flatten();
        let name = format!("{} {name}", operation.name);
        content.map(move |(kind, media)| (format!("{name} {kind}"), media)).collect::<Vec<_>>()
    };
    all.flat_map(each).collect()
}

fn says(value: &Value, least: usize) -> bool {
    value.as_str().is_some_and(|text| text.trim().len() >= least)
}

#[test]
fn each_listener_has_a_document_of_what_it_serves_and_of_nothing_else() {
    for (listener, admin_public) in LISTENERS {
        let document = document(listener, admin_public);
        let documented: BTreeSet<String> = operations(&document).into_iter().map(|operation| operation.name).collect();
        let routes = routes::on(listener, admin_public);
        let routed: BTreeSet<String> = routes.iter().map(|r| format!("{} {}", r.method, r.pattern)).collect();
        assert_eq!(documented, routed);
        for route in &routes {
            let operation = &document["paths"][route.pattern][route.method.as_str().to_lowercase()];
            let responses = operation["responses"].as_object().expect("responses");
            assert!(!route.answers.is_empty(), "{}: says what it answers", route.operation);
            for reply in &route.answers {
                assert!(responses.contains_key(&reply.status.to_string()), "{} {}", route.operation, reply.status);
            }
            for code in codes(route, listener) {
                let told = responses[&code.status().as_u16().to_string()]["description"].as_str().expect("text");
                assert!(told.contains(code.text()), "{} {}", route.operation, code.text());
            }
        }
    }
    let public = document(Listener::Public, false).to_string().to_lowercase();
    assert!(!public.contains("/admin") && !public.contains("/metrics"), "told where it is not served");
    assert!(!document(Listener::Admin, true).to_string().contains("/v1/events/"));
}

#[test]
fn every_operation_says_what_a_clients_author_needs() {
    let mut lacking = Vec::new();
    for (listener, admin_public) in LISTENERS {
        let document = document(listener, admin_public);
        for operation in operations(&document) {
            let Operation { name, json } = &operation;
            let mut check = |good: bool, what: &str| {
                if !good {
                    lacking.push(format!("{name}: {what}"));
                }
            };
            check(says(&json["summary"], 5), "summary");
            check(says(&json["description"], 40), "description");
            let description = json["description"].as_str().unwrap_or_default();
            check(description.to_lowercase().contains("repeat"), "whether a repeat is safe");
            for parameter in json["parameters"].as_array().expect("parameters") {
                check(says(&parameter["description"], 10), &format!("description of {}", parameter["name"]));
                check(parameter.get("example").is_some(), &format!("example of {}", parameter["name"]));
            }
            for (media_name, media) in media(&operation) {
                let fault = || example::of(&media["schema"], &document["components"]["schemas"]).err();
                check(media.get("example").is_some(), &format!("example of {media_name}: none of {:?}", fault()));
            }
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}

#[test]
fn every_example_is_as_its_schema_says() {
    let mut wrong = Vec::new();
    for (listener, admin_public) in LISTENERS {
        let document = document(listener, admin_public);
        for operation in operations(&document) {
            let parameters = operation.json["parameters"].as_array().expect("parameters").iter();
            let parameters = parameters.map(|one| (format!("{} {}", operation.name, one["name"]), one));
            for (name, holder) in parameters.chain(media(&operation)) {
                let validator = validator(&document, &holder["schema"]);
                let faults = validator.iter_errors(&holder["example"]);
                wrong.extend(faults.map(|fault| format!("{name}{}: {fault}", fault.instance_path())));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut whole = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"],
        "unevaluatedProperties": false,
    });
    whole.as_object_mut().expect("an object").extend(schema.as_object().expect("a schema").clone());
    jsonschema::validator_for(&whole).expect("the document's schemas are schemas")
}

/// The code that reads a body may ask for more than its schema says.
#[test]
fn every_body_given_as_an_example_would_be_taken() {
    fn read<T: DeserializeOwned>(example: &Value, check: fn(T) -> Result<(), Problem>) -> Result<(), Problem> {
        check(body::parse::<T>(example.to_string().as_bytes())?.value)
    }
    fn fit<T: DeserializeOwned>(example: &Value) -> Result<(), Problem> {
        read::<T>(example, |_| Ok(()))
    }
    fn sound(faults: crate::catalog::SpecFaults) -> Result<(), Problem> {
        let told = faults.into_iter().map(|(pointer, detail)| crate::edge::problem::FieldError { pointer, detail });
        let told: Vec<_> = told.collect();
        if told.is_empty() { Ok(()) } else { Err(Problem::fields(told)) }
    }
    let document = document(Listener::Public, true);
    for operation in operations(&document) {
        let Some(body) = operation.json.get("requestBody") else { continue };
        let example = &body["content"]["application/json"]["example"];
        let name = operation.json["operationId"].as_str().expect("a name");
        let taken = match name {
            "enter_queue" => fit::<EnterBody>(example),
            "leave_queue_by_beacon" => fit::<LeaveBody>(example),
            "create_hold" => read::<HoldBody>(example, |body| body.asked().map(drop)),
            "quote_hold" => read::<QuoteBody>(example, |body| body.check()),
            "claim_coupon" => fit::<ClaimBody>(example),
            "place_order" => read::<OrderBody>(example, |body| body.check()),
            "pay_order" => read::<PaymentBody>(example, |body| body.parts().map(drop)),
            "name_refund_account" => read::<AccountBody>(example, |body| body.account().map(drop)),
            "request_refund" => read::<RefundBody>(example, |body| body.lines().map(drop)),
            "put_event" => read::<crate::catalog::EventSpec>(example, |spec| sound(spec.faults())),
            "patch_room" => fit::<crate::catalog::RoomPatch>(example),
            "put_campaign" => read::<crate::ledger::rules::coupons::CampaignSpec>(example, |spec| {
                sound(crate::catalog::campaign_faults(&spec))
            }),
            "cancel_event" => read::<CancelBody>(example, |body| body.check()),
            "close_settlement" => fit::<CloseBody>(example),
            "settlement_paid" => read::<PaidBody>(example, |body| body.check()),
            "book_provider_payout" => read::<ProviderPayoutBody>(example, |body| body.check()),
            "correct_points" => read::<CorrectionBody>(example, |body| body.check()),
            "grant_points" => read::<GrantBody>(example, |body| body.check()),
            "refund_order" => read::<AdminRefundBody>(example, |body| body.lines().map(drop)),
            "put_webhook" => read::<WebhookSpec>(example, |spec| spec.check(false)),
            "resolve_payment" => fit::<ResolveBody>(example),
            "resolve_refund" => fit::<ResolveRefundBody>(example),
            unknown => panic!("{unknown}: a body that this test does not know"),
        };
        assert!(taken.is_ok(), "{name}: {example} is {taken:?}");
    }
}

#[test]
fn every_schema_referred_to_is_there() {
    for (listener, admin_public) in LISTENERS {
        let document = document(listener, admin_public);
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let mut wanted = BTreeSet::new();
        references(&document, &mut wanted);
        assert!(wanted.contains("#/components/schemas/Problem"));
        for reference in wanted {
            let name = reference.strip_prefix("#/components/schemas/").expect("a reference to a schema");
            assert!(schemas.contains_key(name), "{name}");
        }
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

/// If two types had one name, the document would describe only one of them.
#[test]
fn a_schemas_name_is_one_type() {
    let mut known = BTreeMap::new();
    for (name, schema) in schemas(&routes::table()) {
        let schema = serde_json::to_value(&schema).expect("a schema is JSON");
        let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
        assert_eq!(*first, schema, "{name} names two types");
    }
}
