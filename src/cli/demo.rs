//! `stanchion demo`: a gateway on a fresh embedded store, a sample on-sale, a crowd, a report. The server
//! stays up afterwards, to look around.

use std::io::IsTerminal;
use std::path::PathBuf;

use super::{CommandFailure, Done, FileArgument, announce, configured, told_to_stop, usage, work};
use crate::app::{App, Role, telemetry};
use crate::clock::Clock;
use crate::config::{self, Config, StoreKind};
use crate::demo::{CrowdReport, Demo, Show};
use crate::edge::auth::{Mint, mint};
use crate::shutdown;

/// How long the tokens of the crowd, and of the person who looks around afterwards, are valid, s.
const TOKEN_TTL_S: i64 = 24 * 3600;

#[derive(clap::Args)]
pub struct DemoArguments {
    /// Simulated visitors.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    crowd: u32,
    /// The same seed makes the same crowd.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the public listener binds; port 0 is any free one.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: std::net::SocketAddr,
    /// Where the admin listener binds.
    #[arg(long, default_value = "127.0.0.1:9100")]
    admin_listen: std::net::SocketAddr,
    /// End when the report is printed.
    #[arg(long)]
    exit: bool,
    /// Run on the store this configuration names, instead of a fresh embedded one that is removed after.
    #[command(flatten)]
    file: FileArgument,
}

/// A folder of the demo's own. It is removed when the demo ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        // Files that cannot be removed stay in the system's temporary folder, which is swept anyway.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub async fn run(arguments: DemoArguments) -> Done {
    let mut config = configured(&arguments.file)?;
    let folder = Folder(std::env::temp_dir().join(format!("stanchion-demo-{}", std::process::id())));
    if arguments.file.config.is_none() {
        config.store.kind = StoreKind::Embedded;
        config.store.data_dir = folder.0.clone();
    }
    config.server.listen = arguments.listen;
    config.admin.listen = arguments.admin_listen;
    // The whole crowd comes from one address; visitors keep their own limit.
    config.limits.client_rps = 0;
    config.limits.join_rps = 0;
    config.log.level = "warn".into();
    config::fill_secrets(&mut config).map_err(work)?;
    telemetry::log(&config.log).map_err(usage)?;

    let clock = Clock::system();
    let app = App::build(config.clone(), Role::All, telemetry::recorder()).await.map_err(work)?;
    let bound = app.bind().await.map_err(work)?;
    announce(&bound.lines());
    let demo = demo(
        &arguments,
        &config,
        &clock,
        &format!("http://{}", bound.public_addr()),
        &format!("http://{}", bound.admin_addr()),
    );
    let (public_url, admin_url) = (demo.public_url.clone(), demo.admin_url.clone());
    let (stop, stopping) = shutdown::channel();
    let serving = tokio::spawn(bound.run(stopping));

    let show = if std::io::stderr().is_terminal() { Show::Bars } else { Show::Lines(Box::new(std::io::stdout())) };
    let ended = tokio::select! {
        biased;
        report = crate::demo::run(demo, show) => report.map_err(work).and_then(told),
        () = told_to_stop() => Err(CommandFailure::Work("stopped before the crowd was through".into())),
    };
    if let Ok(event) = &ended
        && !arguments.exit
    {
        let admin = token(&config.auth, &clock, "demo-admin", "admin");
        announce(&[
            "The server is still up (Ctrl-C ends it). Look at:".into(),
            format!("  the line      {public_url}/room/{event}"),
            format!("  the sale      {public_url}/v1/events/{event}"),
            format!("  the contract  {public_url}/openapi.json"),
            format!("  metrics       {admin_url}/metrics"),
            format!("  the audit     curl -H 'Authorization: Bearer {admin}' {admin_url}/v1/admin/audit"),
        ]);
        told_to_stop().await;
    }
    stop.now();
    serving.await.map_err(work)?.map_err(work)?;
    ended.map(drop)
}

fn demo(arguments: &DemoArguments, config: &Config, clock: &Clock, public_url: &str, admin_url: &str) -> Demo {
    let (auth, minting) = (config.auth.clone(), clock.clone());
    let user_token = move |sub: &str| token(&auth, &minting, sub, "");
    Demo {
        public_url: public_url.to_owned(),
        admin_url: admin_url.to_owned(),
        crowd: arguments.crowd as usize,
        seed: arguments.seed,
        user_token: Box::new(user_token),
        admin_token: token(&config.auth, clock, "demo-admin", "admin"),
        clock: clock.clone(),
        currency: config.money.currency.clone(),
    }
}

fn token(auth: &config::AuthConfig, clock: &Clock, sub: &str, scope: &str) -> String {
    mint(auth, clock, Mint { sub, scope, ttl_s: TOKEN_TTL_S }).expect("a secret of text signs any claims")
}

/// Prints the report. Returns the sample event's id if all went well.
fn told(report: CrowdReport) -> Result<String, CommandFailure> {
    announce(&[report.to_string()]);
    if report.ok() {
        Ok(report.event)
    } else {
        Err(CommandFailure::Work("the demo found something wrong; see the report".into()))
    }
}
