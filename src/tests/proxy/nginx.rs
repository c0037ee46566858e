//! Passes checked by other servers: nginx with the example of `config/`, and a verifier that has only our public keys.

use std::path::Path;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::proxy::origin::Origin;
use crate::support::client::Client;
use crate::support::gateway::{Gateway, Store, small_hall};
use crate::support::servers::Nginx;

const EVENT: &str = "spring-hall";
const QUEUE: &str = "/v1/events/spring-hall/queue";

/// The example of `config/` with these addresses in place of its own. Each of its own must be in it once.
fn example(listen: u16, stanchion: &str, shop: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/nginx-auth-request.conf");
    let mut text = std::fs::read_to_string(file).expect("the example is in the tree");
    let changes = [
        ("listen 80;", format!("listen 127.0.0.1:{listen};")),
        ("server 127.0.0.1:8080;", format!("server {stanchion};")),
        ("server 127.0.0.1:3000;", format!("server {shop};")),
    ];
    for (ours, test) in changes {
        assert_eq!(text.matches(ours).count(), 1, "{ours}");
        text = text.replace(ours, &test);
    }
    text
}

async fn house() -> (Gateway, Origin, Nginx, Client) {
    let gateway = Gateway::start_with(Store::Embedded, |config| {
        config.server.trusted_proxies = vec!["127.0.0.1".into()];
    })
    .await;
    gateway.put_event(EVENT, &small_hall()).await;
    let origin = Origin::start().await;
    let (stanchion, shop) = (gateway.public_url.replace("http://", ""), origin.address.to_string());
    let nginx = Nginx::start(move |port| example(port, &stanchion, &shop)).await;
    let client = Client::new(nginx.url());
    (gateway, origin, nginx, client)
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_about_every_request() {
    let (_gateway, origin, _nginx, client) = house().await;
    let refused = client.get("/shop/cart?a=1").header("accept", "text/html").send().await.expect(303);
    let to = refused.header("location").expect("somewhere to wait");
    assert!(to.ends_with("/room/spring-hall?return=/shop/cart"), "{to}");
    let elsewhere = client.get("//evil.example/").send().await.expect(303);
    assert!(elsewhere.header("location").is_some_and(|to| to.ends_with("?return=/")), "{:?}", elsewhere.headers);
    client.get("/shop/cart").pass("x.y.z").send().await.expect(303);
    assert_eq!(origin.seen.requests(), 0);

    // The waiting room is reached through nginx, too.
    let entered = client.post(QUEUE).json(&json!({})).send().await.expect(201);
    let (visitor, token, pass) = (entered.text("visitor"), entered.text("token"), entered.text("pass"));
    let cookie = format!("stanchion_pass_{EVENT}={pass}");
    let inside = client.get("/shop/cart").header("cookie", &cookie).header("stanchion-visitor", "forged");
    assert_eq!(inside.send().await.expect(200).body, "welcome");
    assert_eq!(origin.seen.headers()["stanchion-visitor"], visitor.as_str());
    let by_header = client.post("/shop/echo").pass(&pass).bytes(b"a body".to_vec()).send().await.expect(200);
    assert_eq!(by_header.body, "a body");
    assert!(!origin.seen.headers().contains_key("stanchion-pass"));
    // A 401 of the shop itself does not send the visitor to the waiting room.
    client.get("/shop/denied").pass(&pass).send().await.expect(401);
    assert_eq!(origin.seen.requests(), 3);

    client.delete(QUEUE).queue(&token).send().await.expect(204);
    client.get("/shop/cart").pass(&pass).send().await.expect(303);
    client.get("/shop/cart").header("cookie", &cookie).send().await.expect(303);
    assert_eq!(origin.seen.requests(), 3);
}

/// A visitor without a script keeps a page that refreshes itself, even while no gateway is there to write one.
#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_the_refreshes_going_while_the_gateway_is_away() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port");
    let nginx = Nginx::start(move |port| example(port, &closed.to_string(), "127.0.0.1:9")).await;
    let away = Client::new(nginx.url()).get("/room/spring-hall").send().await.expect(503);
    assert_eq!(away.header("content-type"), Some("text/html; charset=utf-8"));
    for name in ["refresh", "retry-after"] {
        assert_eq!(away.header(name), Some("5"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_our_keys_verifies_passes_itself() {
    let gateway = Gateway::start(Store::Embedded).await;
    gateway.put_event(EVENT, &small_hall()).await;
    let entered = gateway.public.post(QUEUE).json(&json!({})).send().await.expect(201);
    let pass = entered.text("pass");
    let published = gateway.public.get("/.well-known/jwks.json").send().await.expect(200);
    let keys: JwkSet = serde_json::from_slice(&published.body).expect("a JWKS");

    let header = decode_header(&pass).expect("a JWT");
    assert_eq!((header.typ.as_deref(), header.alg), (Some("stanchion-pass"), Algorithm::EdDSA));
    let jwk = keys.find(header.kid.as_deref().expect("a kid")).expect("it is published");
    let key = DecodingKey::from_jwk(jwk).expect("an Ed25519 key");
    let verify = |text: &str, audience: &str| {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        decode::<Value>(text, &key, &validation).map(|pass| pass.claims)
    };
    let claims = verify(&pass, EVENT).expect("a good pass");
    assert_eq!(claims["sub"], entered.json["visitor"]);
    assert!(verify(&pass, "another-hall").is_err());
    let (signed, signature) = pass.rsplit_once('.').expect("three parts");
    let (head, body) = signed.split_once('.').expect("three parts");
    assert!(verify(&format!("{head}.{}x.{signature}", &body[..body.len() - 1]), EVENT).is_err());
}
