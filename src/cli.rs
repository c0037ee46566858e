//! The command line: which work to do with which configuration, and the exit code: 0 all went well, 1 the work failed,
//! 2 wrong usage or configuration.

mod audit;
mod demo;
mod reconcile;
mod token;
mod verify_draw;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{App, Role, telemetry};
use crate::config::{self, Config};
use crate::shutdown;

/// A high-concurrency ticketing and waiting-room gateway.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (the default): embedded store on loopback unless a configuration says otherwise.
    Serve(ServeArguments),
    /// Serve a sample on-sale and send a simulated crowd through it.
    Demo(demo::DemoArguments),
    /// Print a bearer token for development.
    Token(token::TokenArguments),
    /// Check every invariant over lanes and ledger; print the report, exit 1 on a violation.
    Audit(FileArgument),
    /// Rebuild the lanes (or the lane of one event) from the ledger.
    Rebuild(RebuildArguments),
    /// Compare the ledger with a payment provider, payment by payment; print the differences, exit 1 when there are any.
    Reconcile(reconcile::ReconcileArguments),
    /// Check a configuration; prints every fault at once.
    CheckConfig { file: PathBuf },
    /// Recompute a room's draw from what GET /v1/events/EVENT/room/draw answers: everybody's rank, or what does not
    /// fit.
    VerifyDraw(verify_draw::VerifyDrawArguments),
}

#[derive(clap::Args, Default)]
struct ServeArguments {
    #[command(flatten)]
    file: FileArgument,
    /// What this process does: edges answer requests, writers carry orders to the ledger.
    #[arg(long, value_enum, default_value_t = Role::All)]
    role: Role,
}

#[derive(clap::Args, Default)]
struct FileArgument {
    /// Configuration file; config/default.toml documents every key.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(clap::Args)]
struct RebuildArguments {
    #[command(flatten)]
    file: FileArgument,
    /// Only the lane of this event.
    #[arg(long)]
    event: Option<String>,
}

/// Why a command ended badly; each has its exit code.
enum CommandFailure {
    /// Usage or configuration.
    Usage(String),
    Work(String),
}

type Done = Result<(), CommandFailure>;

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
        Command::Serve(serve) => {
            configured(&serve.file).and_then(|config| block_on(serve_until_told(config, serve.role)))
        }
        Command::Demo(demo) => block_on(demo::run(demo)),
        Command::Token(token) => token::run(&token),
        Command::Audit(file) => configured(&file).and_then(|config| block_on(audit::run(config))),
        Command::Rebuild(rebuild) => {
            configured(&rebuild.file).and_then(|config| block_on(rebuild_lanes(config, rebuild.event)))
        }
        Command::Reconcile(arguments) => block_on(reconcile::run(arguments)),
        Command::VerifyDraw(draw) => verify_draw::run(&draw),
        Command::CheckConfig { file } => {
            config::load(Some(&file)).map(|_| println!("{}: well", file.display())).map_err(usage)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandFailure::Work(text)) => {
            eprintln!("stanchion: {text}");
            ExitCode::from(1)
        }
        Err(CommandFailure::Usage(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn configured(file: &FileArgument) -> Result<Config, CommandFailure> {
    config::load(file.config.as_deref()).map_err(usage)
}

fn usage(error: impl std::fmt::Display) -> CommandFailure {
    CommandFailure::Usage(error.to_string())
}

/// An error with all its causes, on one line.
fn work(error: impl std::error::Error) -> CommandFailure {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    CommandFailure::Work(text)
}

fn block_on(future: impl Future<Output = Done>) -> Done {
    Runtime::new().map_err(work)?.block_on(future)
}

async fn serve_until_told(config: Config, role: Role) -> Done {
    telemetry::log(&config.log).map_err(usage)?;
    let app = App::build(config, role, telemetry::recorder()).await.map_err(work)?;
    let bound = app.bind().await.map_err(work)?;
    announce(&bound.lines());
    let (stop, stopping) = shutdown::channel();
    let signals = tokio::spawn(async move {
        told_to_stop().await;
        stop.now();
    });
    let ended = bound.run(stopping).await;
    signals.abort();
    ended.map_err(work)
}

async fn rebuild_lanes(config: Config, event: Option<String>) -> Done {
    telemetry::log(&config.log).map_err(usage)?;
    let app = App::build(config, Role::Writer, telemetry::recorder()).await.map_err(work)?;
    let rebuilt = app.rebuild(event.as_deref()).await.map_err(work)?;
    announce(&[format!("rebuilt {rebuilt} lanes from the ledger")]);
    Ok(())
}

/// Prints lines for people and scripts. A reader that went away is no failure.
fn announce(lines: &[String]) {
    let mut out = std::io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
    let _ = out.flush();
}

/// Waits for SIGTERM or SIGINT.
async fn told_to_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened to at start");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened to at start");
    tokio::select! {
        biased;
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
