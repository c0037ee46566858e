//! The router finds what the table of routes says.

use std::collections::BTreeSet;

use super::*;
use crate::edge::api as routes;

fn router(listener: Listener, admin_public: bool) -> Router {
    Router::new(routes::on(listener, admin_public))
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
