//! Finds the route of a method and a path. The table itself is in `api`.
//!
//! HEAD is answered as GET. A path that does not have the method is answered 405, with the methods it has.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, schema::Schema};

use super::Outcome;
use super::answer::Answer;
use super::api::page::Page;
use super::problem::{Code, Problem};
use super::request::Request;
use super::state::State;
use crate::admission::tokens::TokenClaim;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Anyone; the user is known when there is a valid bearer.
    Anyone,
    User,
    Admin,
}

/// Where a route is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    Public,
    /// On the admin listener, and with `[admin] public` on the public one too.
    Admin,
    /// On the admin listener only.
    Ops,
}

/// A listener of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Listener {
    Public,
    Admin,
}

/// A parameter in a request's query or headers.
pub struct Parameter {
    pub name: &'static str,
    pub within: Within,
    pub what: &'static str,
    /// Its JSON type is the parameter's type.
    pub example: Value,
    pub required: bool,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    Query,
    Header,
}

/// A request's JSON body.
pub struct RequestBody {
    pub schema: SchemaOf,
    pub needed: Needed,
}

/// Whether a request must have a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needed {
    Always,
    /// A missing body counts as `{}`.
    Optional,
    /// Optional, and read as JSON whatever its content type.
    Beacon,
}

/// A status that a route answers with something other than a problem.
pub struct RouteReply {
    pub status: u16,
    pub what: &'static str,
    pub content: Content,
    pub headers: Vec<ReplyHeader>,
    /// Fields in which this answer's example differs from its view's.
    pub example: Value,
}

/// A header of an answer that means something to a client.
pub struct ReplyHeader {
    pub name: &'static str,
    pub what: &'static str,
    pub example: &'static str,
    /// True: on every such answer. False: on some.
    pub always: bool,
}

/// What such an answer contains.
pub enum Content {
    None,
    /// A JSON view.
    View(SchemaOf),
    Text {
        content_type: &'static str,
        example: &'static str,
    },
}

/// A request that its route may answer at a glance, from memory.
pub struct GlanceRequest<'a> {
    pub state: &'a State,
    pub headers: &'a HeaderMap,
    /// The place in the request's queue token. The token is valid and belongs to the request's event.
    pub place: &'a TokenClaim,
}

type Handler = Box<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Outcome> + Send>> + Send + Sync>;

/// A type's schema with those it refers to, for the OpenAPI document.
pub type SchemaOf = fn(&mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema>;

pub fn schema_of<T: ToSchema>(named: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    T::schemas(named);
    named.push((T::name().into_owned(), T::schema()));
    RefOr::Ref(utoipa::openapi::Ref::from_schema_name(T::name()))
}

/// The schema of a page of `T`. utoipa refers to a generic type's argument without adding its schema.
fn page_schema_of<T: ToSchema>(named: &mut Vec<(String, RefOr<Schema>)>) -> RefOr<Schema> {
    schema_of::<T>(named);
    // utoipa would also give the pages of all types one name.
    let name = format!("{}Page", T::name());
    named.push((name.clone(), <Page<T> as utoipa::PartialSchema>::schema()));
    RefOr::Ref(utoipa::openapi::Ref::from_schema_name(name))
}

/// One row of the table.
pub struct Route {
    pub method: Method,
    /// matchit's `{name}` form, which is OpenAPI's too.
    pub pattern: &'static str,
    /// `operationId`, and the label of the route's metrics.
    pub operation: &'static str,
    pub summary: &'static str,
    /// What a client's author has to know, for the OpenAPI document. A route that changes something and needs no
    /// Idempotency-Key says what its repeat does.
    pub about: &'static str,
    pub who: Who,
    pub served: Served,
    /// Needs an Idempotency-Key.
    pub keyed: bool,
    /// May take 30 s longer than the request timeout.
    pub waits: bool,
    /// Another server asks this route on a visitor's behalf.
    pub relayed: bool,
    /// Has no limit for each client, because its handler has another.
    pub unlimited: bool,
    pub body: Option<RequestBody>,
    pub answers: Vec<RouteReply>,
    pub parameters: Vec<Parameter>,
    /// The codes that this route may answer, beyond those of every route of its kind.
    pub errors: Vec<Code>,
    /// Answers a GET of a visitor with a place from memory. `None` leaves the request to the handler. Making a request
    /// for the handler costs several times as much.
    pub glance: Option<fn(&GlanceRequest<'_>) -> Option<Answer>>,
    pub handler: Handler,
}

impl Route {
    pub fn new<F, Fut>(
        method: Method,
        pattern: &'static str,
        operation: &'static str,
        summary: &'static str,
        handler: F,
    ) -> Self
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        Self {
            method,
            pattern,
            operation,
            summary,
            about: "",
            who: Who::Anyone,
            served: Served::Public,
            keyed: false,
            waits: false,
            relayed: false,
            unlimited: false,
            body: None,
            answers: Vec::new(),
            parameters: Vec::new(),
            errors: Vec::new(),
            glance: None,
            handler: Box::new(move |request| Box::pin(handler(request))),
        }
    }

    pub fn user(mut self) -> Self {
        self.who = Who::User;
        self
    }

    /// Scope `admin`, on the admin listener.
    pub fn admin(mut self) -> Self {
        self.who = Who::Admin;
        self.served = Served::Admin;
        self
    }

    /// Probes and metrics, on the admin listener only.
    pub fn ops(mut self) -> Self {
        self.served = Served::Ops;
        self
    }

    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    pub fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Another server asks this for each request of a visitor, so a visitor whom a signature vouches for is not limited
    /// here: that server decides how much is too much.
    pub fn relayed(mut self) -> Self {
        self.relayed = true;
        self
    }

    /// Other servers ask this. The handler limits them; no client's limit does.
    pub fn unlimited(mut self) -> Self {
        self.unlimited = true;
        self
    }

    pub fn glance(mut self, glance: fn(&GlanceRequest<'_>) -> Option<Answer>) -> Self {
        self.glance = Some(glance);
        self
    }

    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub fn body<T: ToSchema>(self) -> Self {
        self.reads::<T>(Needed::Always)
    }

    pub fn body_or_none<T: ToSchema>(self) -> Self {
        self.reads::<T>(Needed::Optional)
    }

    pub fn beacon<T: ToSchema>(self) -> Self {
        self.reads::<T>(Needed::Beacon)
    }

    fn reads<T: ToSchema>(mut self, needed: Needed) -> Self {
        self.body = Some(RequestBody { schema: schema_of::<T>, needed });
        self
    }

    /// A status it answers with a JSON view.
    pub fn answers<T: ToSchema>(self, status: u16, what: &'static str) -> Self {
        self.replies(status, what, Content::View(schema_of::<T>))
    }

    /// A page of a list.
    pub fn answers_page<T: ToSchema>(self) -> Self {
        self.replies(200, "A page", Content::View(page_schema_of::<T>))
    }

    /// A status it answers without a body.
    pub fn answers_bare(self, status: u16, what: &'static str) -> Self {
        self.replies(status, what, Content::None)
    }

    /// 200 with a text that is not JSON.
    pub fn answers_text(self, what: &'static str, content_type: &'static str, example: &'static str) -> Self {
        self.replies(200, what, Content::Text { content_type, example })
    }

    fn replies(mut self, status: u16, what: &'static str, content: Content) -> Self {
        self.answers.push(RouteReply { status, what, content, headers: Vec::new(), example: Value::Null });
        self
    }

    /// A header of the answer named last.
    pub fn carries(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.with_header(ReplyHeader { name, what, example, always: true })
    }

    /// A header that the answer named last sometimes has.
    pub fn may_carry(self, name: &'static str, what: &'static str, example: &'static str) -> Self {
        self.with_header(ReplyHeader { name, what, example, always: false })
    }

    fn with_header(mut self, header: ReplyHeader) -> Self {
        self.last_answer().headers.push(header);
        self
    }

    /// Fields in which the example of the answer named last differs from its view's.
    pub fn shown_with(mut self, fields: Value) -> Self {
        self.last_answer().example = fields;
        self
    }

    fn last_answer(&mut self) -> &mut RouteReply {
        self.answers.last_mut().expect("an answer to say more of")
    }

    pub fn query(self, name: &'static str, what: &'static str, example: impl Into<Value>) -> Self {
        self.takes(Within::Query, name, what, example)
    }

    pub fn header(self, name: &'static str, what: &'static str, example: impl Into<Value>) -> Self {
        self.takes(Within::Header, name, what, example)
    }

    fn takes(mut self, within: Within, name: &'static str, what: &'static str, example: impl Into<Value>) -> Self {
        self.parameters.push(Parameter { name, within, what, example: example.into(), required: false });
        self
    }

    /// Makes the parameter named last required.
    pub fn required(mut self) -> Self {
        self.parameters.last_mut().expect("a parameter to require").required = true;
        self
    }

    /// The queue token of the path's event.
    pub fn queue_token(self) -> Self {
        let what =
            "The visitor's queue token. Browsers send it in the cookie `stanchion_queue_<event>`; the header wins.";
        self.header("Stanchion-Queue", what, "AbC3kQ1…")
    }

    /// The pass of the event.
    pub fn pass(self) -> Self {
        let what = "The visitor's pass. Browsers send it in the cookie `stanchion_pass_<event>`; the header wins.";
        self.header("Stanchion-Pass", what, "eyJ0eXAiOiJ…")
    }

    /// `limit` and `after` of a cursor page.
    pub fn paged(self) -> Self {
        self.query("limit", "Items in the page: 50 by default; more than 200 are taken as 200", 50)
            .query("after", "`next` of the page before; without it the first page", "MTI6bzAzZTVi")
            .errors(&[Code::Validation])
    }

    pub fn errors(mut self, errors: &[Code]) -> Self {
        self.errors.extend(errors);
        self
    }

    pub fn is_on(&self, listener: Listener, admin_public: bool) -> bool {
        match (listener, self.served) {
            (Listener::Public, Served::Public) => true,
            (Listener::Public, Served::Admin) => admin_public,
            (Listener::Public, Served::Ops) => false,
            (Listener::Admin, Served::Public) => false,
            (Listener::Admin, Served::Admin | Served::Ops) => true,
        }
    }
}

/// The routes of one listener.
pub struct Router {
    routes: Vec<Route>,
    paths: matchit::Router<Path>,
}

/// A pattern: the rows that have it, and its parameters' names in their order.
struct Path {
    rows: Vec<usize>,
    names: Vec<&'static str>,
}

/// Parameters of a path, percent-decoded.
pub type Params = Vec<(&'static str, String)>;

/// A route that was found, with the parameters of the path.
pub struct FoundRoute<'r, 'p> {
    pub route: &'r Route,
    names: &'r [&'static str],
    values: matchit::Params<'r, 'p>,
}

impl<'p> FoundRoute<'_, 'p> {
    /// A parameter of the route's pattern.
    pub fn param(&self, name: &str) -> Option<Cow<'p, str>> {
        self.decoded().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub fn params(&self) -> Params {
        self.decoded().map(|(name, value)| (name, value.into_owned())).collect()
    }

    fn decoded(&self) -> impl Iterator<Item = (&'static str, Cow<'p, str>)> {
        self.names.iter().zip(self.values.iter()).map(|(name, (_, raw))| (*name, decoded(raw).unwrap_or_default()))
    }
}

/// `None`: the decoded bytes are not UTF-8.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(raw).decode_utf8().ok()
}

impl Router {
    pub fn new(routes: Vec<Route>) -> Self {
        let mut by_pattern: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
        for (i, route) in routes.iter().enumerate() {
            by_pattern.entry(route.pattern).or_default().push(i);
        }
        let mut paths = matchit::Router::new();
        for (pattern, rows) in by_pattern {
            let names = pattern.split(['{', '}']).skip(1).step_by(2).collect();
            paths.insert(pattern, Path { rows, names }).expect("the table's patterns do not collide");
        }
        Self { routes, paths }
    }

    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// `NOT_FOUND` also for a path with a parameter that is not UTF-8 when decoded.
    pub fn find<'r, 'p>(&'r self, method: &Method, path: &'p str) -> Result<FoundRoute<'r, 'p>, Problem> {
        let found = self.paths.at(path).map_err(|_| Problem::new(Code::NotFound))?;
        let (Path { rows, names }, values) = (found.value, found.params);
        if values.iter().any(|(_, raw)| decoded(raw).is_none()) {
            return Err(Code::NotFound.into());
        }
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        match rows.iter().map(|&i| &self.routes[i]).find(|r| r.method == *wanted) {
            Some(route) => Ok(FoundRoute { route, names, values }),
            None => Err(Problem { allow: Some(self.allow(rows).into()), ..Code::MethodNotAllowed.into() }),
        }
    }

    /// Methods of a path, for `Allow` and preflights; `None`: no such path.
    pub fn methods(&self, path: &str) -> Option<String> {
        self.paths.at(path).ok().map(|found| self.allow(&found.value.rows))
    }

    fn allow(&self, rows: &[usize]) -> String {
        let mut methods: Vec<&str> = rows.iter().map(|&i| self.routes[i].method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        methods.join(", ")
    }
}

/// A route by the name of its method.
macro_rules! verbs {
    ($($verb:ident: $method:ident),+) => {$(
        pub fn $verb<F, Fut>(pattern: &'static str, operation: &'static str, summary: &'static str, handler: F) -> Route
        where
            F: Fn(Request) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Outcome> + Send + 'static,
        {
            Route::new(Method::$method, pattern, operation, summary, handler)
        }
    )+};
}

verbs!(get: GET, post: POST, put: PUT, patch: PATCH, delete: DELETE);

#[cfg(test)]
mod tests;
