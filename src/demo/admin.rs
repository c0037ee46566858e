//! What the demo does as the organizer: wait for the gateway, put the sample on sale, give points, look at the room,
//! ask for the audit.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{self, Client, ClientAnswer, ClientRequest, RequestKind};
use super::persona::user;
use super::sample;
use crate::clock::{self, Clock};

const READY_WITHIN: Duration = Duration::from_secs(60);
/// Pause before a call that was put off is made again.
const PAUSE: Duration = Duration::from_millis(100);
/// Grants under way at once.
const GRANTS: usize = 64;
/// How many names are tried for the sample before the demo gives up. A data folder may know some names already.
const NAMES_MAX: u32 = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}")]
    Http {
        what: &'static str,
        #[source]
        source: client::Error,
    },
    #[error("{what}: answered {status}: {body}")]
    Refused { what: &'static str, status: u16, body: String },
    #[error("the gateway was not ready within {} s", READY_WITHIN.as_secs())]
    NotReady,
    #[error("{NAMES_MAX} samples are on sale already; use a fresh data folder")]
    NoName,
}

pub struct AdminClient<'a> {
    pub http: &'a Client,
    pub public_url: &'a str,
    pub admin_url: &'a str,
    /// `Bearer …`
    pub bearer: &'a str,
}

/// What is on sale now.
#[derive(Debug, Clone)]
pub struct SaleOverview {
    pub event: String,
    pub campaign: String,
}

impl AdminClient<'_> {
    /// Waits until the gateway is ready and no lane is being rebuilt, as all are at the first boot.
    pub async fn ready(&self) -> Result<(), Error> {
        let began = clock::instant();
        while began.elapsed() < READY_WITHIN {
            // A refused connection is expected while the gateway is coming up.
            match self
                .send("ask whether the gateway is ready", Method::GET, format!("{}/readyz", self.admin_url), None)
                .await
            {
                Ok(answer) if answer.status.is_success() && answer.body["recovering"] == json!([]) => return Ok(()),
                Ok(_) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        Err(Error::NotReady)
    }

    /// Creates event and campaign under names that are free: the data folder may know earlier samples.
    pub async fn put_on_sale(&self, clock: &Clock, currency: &str) -> Result<SaleOverview, Error> {
        for n in 1..=NAMES_MAX {
            let event = if n == 1 { "spring-hall".to_owned() } else { format!("spring-hall-{n}") };
            let what = "look for the sample event";
            let known = self.send(what, Method::GET, format!("{}/v1/events/{event}", self.public_url), None).await?;
            if known.status != 404 {
                continue;
            }
            let campaign = format!("{event}-welcome");
            let now_ms = clock.now_ms();
            let path = format!("/v1/admin/events/{event}");
            let body = sample::event(now_ms, currency);
            self.admin("create the sample event", Method::PUT, &path, Some(&body)).await?;
            let path = format!("/v1/admin/coupons/{campaign}");
            let body = sample::campaign(now_ms, &event);
            self.admin("create the coupon campaign", Method::PUT, &path, Some(&body)).await?;
            return Ok(SaleOverview { event, campaign });
        }
        Err(Error::NoName)
    }

    /// The room's public counts.
    pub async fn room(&self, event: &str) -> Result<Value, Error> {
        let url = format!("{}/v1/events/{event}/room", self.public_url);
        self.good("look at the room", self.send("look at the room", Method::GET, url, None).await?)
    }

    pub async fn audit(&self) -> Result<Value, Error> {
        self.admin("ask for the audit", Method::GET, "/v1/admin/audit", None).await
    }

    /// Makes a call, and makes it again while the gateway answers that it may succeed later, as it does just after its
    /// start.
    async fn admin(
        &self,
        what: &'static str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let began = clock::instant();
        loop {
            let answer = self.send(what, method.clone(), format!("{}{path}", self.admin_url), body).await?;
            if answer.body["retryable"] != true || began.elapsed() > READY_WITHIN {
                return self.good(what, answer);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(
        &self,
        what: &'static str,
        method: Method,
        url: String,
        body: Option<&Value>,
    ) -> Result<ClientAnswer, Error> {
        let headers = [("authorization", self.bearer)];
        let ask = ClientRequest { kind: RequestKind::Short, method, url, headers: &headers, body };
        self.http.send(ask).await.map_err(|source| Error::Http { what, source })
    }

    fn good(&self, what: &'static str, answer: ClientAnswer) -> Result<Value, Error> {
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(Error::Refused { what, status: answer.status.as_u16(), body: answer.body.to_string() })
    }
}

/// Who gets points, and the token to grant them with.
pub struct Grants {
    pub admin_url: String,
    pub bearer: String,
    pub crowd: usize,
    pub run: String,
}

/// Grants everyone their points. `granted` is called after each, with the number so far.
pub async fn grant_all(http: std::sync::Arc<Client>, grants: Grants, granted: impl Fn(usize)) -> Result<(), Error> {
    let grants = std::sync::Arc::new(grants);
    let mut under_way = JoinSet::new();
    let mut done = 0;
    for number in 0..grants.crowd {
        if under_way.len() >= GRANTS {
            finish_one(&mut under_way).await?;
            done += 1;
            granted(done);
        }
        let (http, grants) = (http.clone(), grants.clone());
        under_way.spawn(async move { grant(&http, &grants, number).await });
    }
    while !under_way.is_empty() {
        finish_one(&mut under_way).await?;
        done += 1;
        granted(done);
    }
    Ok(())
}

async fn finish_one(under_way: &mut JoinSet<Result<(), Error>>) -> Result<(), Error> {
    let one = under_way.join_next().await.expect("only called when there is one");
    one.expect("grants do not panic and are not cancelled")
}

async fn grant(http: &Client, grants: &Grants, number: usize) -> Result<(), Error> {
    let what = "grant points";
    let key = format!("{}-grant-{number}", grants.run);
    let headers = [("authorization", grants.bearer.as_str()), ("idempotency-key", key.as_str())];
    let body = json!({"amount": sample::POINTS_EACH, "expires_at": null, "reason": "welcome"});
    let ask = ClientRequest {
        kind: RequestKind::Short,
        method: Method::POST,
        url: format!("{}/v1/admin/users/{}/points", grants.admin_url, user(number)),
        headers: &headers,
        body: Some(&body),
    };
    let answer = http.send(ask).await.map_err(|source| Error::Http { what, source })?;
    if answer.status == 201 {
        return Ok(());
    }
    Err(Error::Refused { what, status: answer.status.as_u16(), body: answer.body.to_string() })
}
