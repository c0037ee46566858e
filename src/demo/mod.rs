//! The demo: a sample on-sale, a simulated crowd, a report. Everything goes through the HTTP API, so it also shows
//! whether the contract holds. The caller gives it addresses and tokens.

pub mod admin;
mod buy;
mod choice;
pub mod client;
mod coupon;
pub mod latency;
mod line;
pub mod persona;
mod progress;
mod refund;
pub mod report;
pub mod sample;
mod seat;
pub mod step;
pub mod tally;
pub mod visitor;
mod witness;
pub mod world;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::clock::{self, Clock};
use admin::{AdminClient, Grants, SaleOverview};
use client::Client;
use persona::{Persona, PersonaDraw};
use progress::Progress;
pub use progress::Show;
pub use report::CrowdReport;
use report::{Audit, ReportCounts};
use step::BuyerStep;
use world::World;

/// Requests under way at once, and as many again that wait for an order's next status. The gateway may live in this
/// process, so each costs two of its file descriptors (of 1,024 on many machines).
const CONNECTIONS: usize = 160;

/// A crowd has finished long before this. Visits that are not over by then are ended, and reported as one unexpected
/// thing.
const LIMIT: Duration = Duration::from_secs(600);

/// What the demo needs to know of the gateway. The whole crowd comes from one address, so start the gateway with
/// `limits.client_rps = 0` and `limits.join_rps = 0`.
pub struct Demo {
    /// Of the public listener, `http://…` without a slash at the end.
    pub public_url: String,
    /// Of the admin listener.
    pub admin_url: String,
    pub crowd: usize,
    pub seed: u64,
    /// Mints a bearer token for a `sub`.
    pub user_token: Box<dyn Fn(&str) -> String + Send + Sync>,
    /// A bearer token with the scope `admin`.
    pub admin_token: String,
    pub clock: Clock,
    /// The house's currency, ISO 4217.
    pub currency: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the demo could not be prepared or ended")]
    Admin(#[from] admin::Error),
}

/// Puts the sample on sale, sends the crowd, reports. Returns when every visit is over and the audit has answered; the
/// sale stays as it is.
pub async fn run(demo: Demo, show: Show) -> Result<CrowdReport, Error> {
    let mut progress = Progress::new(show, demo.crowd);
    let client = Arc::new(Client::new(CONNECTIONS));
    let bearer = format!("Bearer {}", demo.admin_token);
    let admin =
        AdminClient { http: &client, public_url: &demo.public_url, admin_url: &demo.admin_url, bearer: &bearer };

    admin.ready().await?;
    progress.say(&format!("Demo: {} visitors, seed {}, over {}", demo.crowd, demo.seed, demo.public_url));
    progress.say("They all come from one address, so the limit per client address is off; visitors keep theirs.");
    let on_sale = admin.put_on_sale(&demo.clock, &demo.currency).await?;
    progress.say(&format!(
        "On sale: {} places of {:?}, {} coupons",
        sample::capacity(),
        on_sale.event,
        sample::COUPONS
    ));
    let run = format!("demo-{}-{}", demo.seed, demo.clock.now_ms());
    grant_points(&demo, &client, &bearer, &run, &mut progress).await?;

    let world = World {
        campaign: on_sale.campaign.clone(),
        sections: sample::section_ids(),
        ..World::new(Client::new(CONNECTIONS), demo.public_url.clone(), on_sale.event.clone(), run)
    };
    progress.say("The doors are open.");
    let began = clock::instant();
    let crowd = arrive(&demo, &world);
    watch(crowd, &world, &admin, &on_sale, &mut progress).await;
    let took = began.elapsed();
    progress.over();

    let audit = Audit::read(&admin.audit().await?);
    Ok(report(&demo, &world, on_sale, took, audit))
}

async fn grant_points(
    demo: &Demo,
    client: &Arc<Client>,
    bearer: &str,
    run: &str,
    progress: &mut Progress,
) -> Result<(), Error> {
    let bar = progress.preparing("points");
    let grants =
        Grants { admin_url: demo.admin_url.clone(), bearer: bearer.to_owned(), crowd: demo.crowd, run: run.to_owned() };
    let began = clock::instant();
    admin::grant_all(client.clone(), grants, |done| bar.set_position(done as u64)).await?;
    bar.finish_and_clear();
    let took_s = began.elapsed().as_secs_f64();
    progress.say(&format!("Points: {} for each of them, granted in {took_s:.1} s", sample::POINTS_EACH));
    Ok(())
}

fn arrive(demo: &Demo, world: &World) -> JoinSet<()> {
    let mut crowd = JoinSet::new();
    for number in 0..demo.crowd {
        let draw = PersonaDraw { seed: demo.seed, number, crowd: demo.crowd, sections: sample::SECTIONS.len() };
        let persona = Persona::draw(draw);
        let bearer = format!("Bearer {}", (demo.user_token)(&persona.user()));
        let world = world.clone();
        crowd.spawn(async move { visitor::visit(&world, persona, bearer).await });
    }
    crowd
}

/// Shows where the run stands until everyone has gone.
async fn watch(
    mut crowd: JoinSet<()>,
    world: &World,
    admin: &AdminClient<'_>,
    on_sale: &SaleOverview,
    progress: &mut Progress,
) {
    let began = clock::instant();
    let mut shown = clock::instant();
    let mut ticks = tokio::time::interval(progress.every());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            gone = crowd.join_next() => match gone {
                None => break,
                Some(Ok(())) => {}
                Some(Err(panic)) => world.tally.breach("a visitor panicked", || panic.to_string()),
            },
            _ = ticks.tick() => {
                // The room is read only to be shown: if it does not answer, the visitors' requests will show that.
                let room = admin.room(&on_sale.event).await.unwrap_or(Value::Null);
                progress.tick(&world.tally, &room, shown.elapsed());
                shown = clock::instant();
                if began.elapsed() > LIMIT {
                    let left = crowd.len();
                    world.tally.breach("visits not over in 600 s", || format!("{left} visits"));
                    crowd.shutdown().await;
                }
            }
        }
    }
    let room = admin.room(&on_sale.event).await.unwrap_or(Value::Null);
    progress.tick(&world.tally, &room, shown.elapsed());
}

fn report(demo: &Demo, world: &World, on_sale: SaleOverview, took: Duration, audit: Audit) -> CrowdReport {
    let tally = &world.tally;
    let mut latencies: Vec<_> = BuyerStep::ALL
        .iter()
        .map(|step| (step.name(), tally.latency(*step).quantiles()))
        .filter(|(_, quantiles)| quantiles.count > 0)
        .collect();
    latencies.push(("paid → confirmed", tally.confirmation.quantiles()));
    CrowdReport {
        event: on_sale.event,
        currency: demo.currency.clone(),
        crowd: demo.crowd,
        seed: demo.seed,
        took,
        counts: ReportCounts::read(tally),
        ends: tally.ends(),
        refusals: tally.refusals(),
        latencies,
        breaches: tally.breaches(),
        audit,
    }
}
