//! The OpenAPI documents, one for each listener, made from the table of routes.

pub mod example;
mod parameters;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::api as routes;
use super::api::notices;
use super::http::gzip;
use super::problem::{Code, ProblemSchema};
use super::router::{Content, Listener, Needed, ReplyHeader, Route, RouteReply, Served, Who, schema_of};

/// Schemas named so far.
type Named = Vec<(String, RefOr<Schema>)>;

/// The documents as they are served.
pub struct Documents {
    pub public: gzip::Both,
    pub admin: gzip::Both,
}

impl Documents {
    /// All gateways of a process show the same documents. They are made once.
    pub fn of(admin_public: bool) -> &'static Self {
        static MADE: [OnceLock<Documents>; 2] = [const { OnceLock::new() }; 2];
        MADE[usize::from(admin_public)].get_or_init(|| {
            let of = |listener| gzip::Both::new(document(listener, admin_public).to_string().into());
            Self { public: of(Listener::Public), admin: of(Listener::Admin) }
        })
    }
}

/// What [`document`] itself looks like.
#[derive(ToSchema)]
#[schema(as = OpenApi, example = json!({
    "openapi": "3.1.0", "info": {"title": "Stanchion", "version": "0.1.0"}, "paths": {}, "components": {},
}))]
#[expect(dead_code, reason = "only described")]
pub struct DocumentSchema {
    openapi: String,
    #[schema(value_type = Object)]
    info: Value,
    #[schema(value_type = Object)]
    paths: Value,
    #[schema(value_type = Object)]
    components: Value,
    /// What webhooks are sent; only where the admin routes are.
    #[schema(value_type = Object, required = false)]
    webhooks: Value,
}

/// OpenAPI 3.1 of the routes that a listener serves, and of no other.
pub fn document(listener: Listener, admin_public: bool) -> Value {
    let routes = routes::on(listener, admin_public);
    let schemas: BTreeMap<String, RefOr<Schema>> = schemas(&routes).into_iter().collect();
    let schemas = serde_json::to_value(schemas).expect("schemas are JSON");
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in &routes {
        let operation = OperationWriter { route, listener, schemas: &schemas }.operation();
        paths.entry(route.pattern).or_default().insert(route.method.as_str().to_ascii_lowercase(), operation);
    }
    let admin = routes.iter().any(|route| route.who == Who::Admin);
    let (title, about) = match listener {
        Listener::Public => ("Stanchion", "A high-concurrency ticketing and waiting-room gateway."),
        Listener::Admin => ("Stanchion, admin listener", "What operators, organizers and their machines ask."),
    };
    let mut schemes = json!({"user": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}});
    if admin {
        schemes["admin"] =
            json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "with the scope admin"});
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {"title": title, "version": env!("CARGO_PKG_VERSION"), "description": about},
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": schemes},
    });
    if admin {
        document["webhooks"] = notices::document();
    }
    document
}

/// The schemas that the routes name. A schema that two routes name is in the list twice.
pub fn schemas(routes: &[Route]) -> Vec<(String, RefOr<Schema>)> {
    let mut named = Named::new();
    schema_of::<ProblemSchema>(&mut named);
    for route in routes {
        if let Some(body) = &route.body {
            (body.schema)(&mut named);
        }
        for reply in &route.answers {
            if let Content::View(view) = reply.content {
                view(&mut named);
            }
        }
    }
    if routes.iter().any(|route| route.who == Who::Admin) {
        notices::schemas(&mut named);
    }
    named
}

/// Every code that a route may answer on a listener: its own, and those of every route of its kind.
pub fn codes(route: &Route, listener: Listener) -> BTreeSet<Code> {
    let mut codes: BTreeSet<Code> = route.errors.iter().copied().collect();
    codes.extend([Code::Internal, Code::Unavailable]);
    // The admin listener has no limits on requests.
    if listener == Listener::Public {
        codes.extend([Code::TooManyRequests, Code::Overloaded]);
    }
    if route.method != http::Method::GET {
        codes.extend([Code::BodyTooLarge, Code::RequestTimeout]);
    }
    if let Some(body) = &route.body {
        codes.extend([Code::BadJson, Code::Validation]);
        if body.needed != Needed::Beacon {
            codes.insert(Code::UnsupportedMediaType);
        }
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

/// Writes one operation.
struct OperationWriter<'a> {
    route: &'a Route,
    listener: Listener,
    /// `components.schemas`.
    schemas: &'a Value,
}

impl OperationWriter<'_> {
    fn operation(&self) -> Value {
        let route = self.route;
        let mut operation = json!({
            "operationId": route.operation,
            "summary": route.summary,
            "description": description(route),
            "tags": [match route.served {
                Served::Public => "public",
                Served::Admin => "admin",
                Served::Ops => "operations",
            }],
            "parameters": parameters::of(route),
            "responses": self.responses(),
        });
        let security = match route.who {
            // A bearer is needed only where the room is for signed-in users.
            Who::Anyone if route.errors.contains(&Code::Unauthenticated) => Some(json!([{}, {"user": []}])),
            Who::Anyone => None,
            Who::User => Some(json!([{"user": []}])),
            Who::Admin => Some(json!([{"admin": []}])),
        };
        if let Some(security) = security {
            operation["security"] = security;
        }
        if let Some(body) = &route.body {
            let content = self.media(&(body.schema)(&mut Named::new()), &Value::Null);
            operation["requestBody"] =
                json!({"required": body.needed == Needed::Always, "content": {"application/json": content}});
        }
        operation
    }

    /// A schema with its example, in which the fields of `other` are replaced.
    fn media(&self, schema: &RefOr<Schema>, other: &Value) -> Value {
        let schema = serde_json::to_value(schema).expect("a schema is JSON");
        match example::of(&schema, self.schemas) {
            Ok(mut example) => {
                for (name, value) in other.as_object().into_iter().flatten() {
                    example[name] = value.clone();
                }
                json!({"schema": schema, "example": example})
            }
            Err(_) => json!({"schema": schema}),
        }
    }

    fn headers(&self, reply: &RouteReply) -> Map<String, Value> {
        let replayed = (self.route.keyed && reply.status < 300).then_some(&REPLAYED);
        let headers = reply.headers.iter().chain(replayed);
        headers.map(|header| (header.name.to_owned(), described(header))).collect()
    }

    fn responses(&self) -> BTreeMap<String, Value> {
        let mut responses: BTreeMap<String, Value> = BTreeMap::new();
        for reply in &self.route.answers {
            // The same status may come in several content types.
            let described = || json!({"description": reply.what});
            let response = responses.entry(reply.status.to_string()).or_insert_with(described);
            let headers = self.headers(reply);
            if !headers.is_empty() {
                response["headers"] = headers.into();
            }
            match reply.content {
                Content::None => {}
                Content::View(view) => {
                    response["content"]["application/json"] = self.media(&view(&mut Named::new()), &reply.example);
                }
                Content::Text { content_type, example } => {
                    let text = json!({"schema": {"type": "string"}, "example": example});
                    response["content"][content_type] = text;
                }
            }
        }
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in codes(self.route, self.listener) {
            by_status.entry(code.status().as_u16()).or_default().push(code);
        }
        for (status, codes) in by_status {
            // A status may already have a view of its own, as the 503 of readiness has.
            let response = responses.entry(status.to_string()).or_insert_with(|| json!({"description": ""}));
            let told: Vec<String> = codes.iter().map(|code| format!("`{}`: {}", code.text(), code.title())).collect();
            let told = told.join(". ");
            let either = match response["description"].as_str() {
                None | Some("") => told,
                Some(said) => format!("{said}. Or {told}"),
            };
            response["description"] = either.into();
            let texts: BTreeSet<&str> = codes.iter().map(|code| code.text()).collect();
            for header in problem_headers(status, &codes) {
                response["headers"][header.name] = described(header);
            }
            response["content"]["application/problem+json"] = json!({"schema": {
                "$ref": "#/components/schemas/Problem",
                "properties": {"code": {"enum": texts}, "status": {"const": status}},
            }});
        }
        responses
    }
}

const RETRY_AFTER: ReplyHeader =
    ReplyHeader { name: "Retry-After", what: "Seconds after which to ask again", example: "2", always: true };

const REPLAYED: ReplyHeader = ReplyHeader {
    name: "Idempotent-Replayed",
    what: "`true`: a repeat of an earlier request with this `Idempotency-Key`",
    example: "true",
    always: false,
};

const CHALLENGE: ReplyHeader =
    ReplyHeader { name: "WWW-Authenticate", what: "How to sign in", example: "Bearer", always: true };

const FORGOTTEN: ReplyHeader = ReplyHeader {
    name: "Set-Cookie",
    what: "Deletes the cookies of a queue token that is not valid",
    example: "stanchion_queue_spring-hall=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
    always: false,
};

/// The headers of the problems of one status.
fn problem_headers(status: u16, codes: &[Code]) -> Vec<&'static ReplyHeader> {
    match status {
        401 if codes.contains(&Code::QueueTokenInvalid) => vec![&CHALLENGE, &FORGOTTEN],
        401 => vec![&CHALLENGE],
        429 | 503 => vec![&RETRY_AFTER],
        _ => Vec::new(),
    }
}

fn described(header: &ReplyHeader) -> Value {
    json!({
        "description": header.what,
        "required": header.always,
        "schema": {"type": "string"},
        "example": header.example,
    })
}

/// What a route is about, and what its repeat does.
fn description(route: &Route) -> String {
    let repeat = match (route.keyed, &route.method) {
        (true, _) => {
            "A repeat with the same `Idempotency-Key` and an equal body changes nothing. It is answered with the same \
             status, the header `Idempotent-Replayed: true`, and the present state of what the first request created. \
             Another body with the same key is refused `IDEMPOTENCY_KEY_REUSED`. Refusals are not kept: after one, the \
             same key may be used again."
        }
        (false, &http::Method::GET) => "A repeat is safe.",
        (false, _) => return route.about.to_owned(),
    };
    format!("{}\n\n{repeat}", route.about)
}

#[cfg(test)]
mod tests;
