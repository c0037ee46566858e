//! `stanchion reconcile` compares the ledger with what a payment provider says, and prints every difference.

use std::fs::File;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::{CommandFailure, Done, FileArgument, announce, configured, usage, work};
use crate::app::{self, BootError};
use crate::config::fill_payment_secrets;
use crate::facts::period::Day;
use crate::pipeline::reconcile::{Columns, Reconciled, read_file};

#[derive(clap::Args)]
pub struct ReconcileArguments {
    #[command(flatten)]
    file: FileArgument,
    /// The payment provider: toss or portone.
    #[arg(long)]
    provider: String,
    /// First day, YYYY-MM-DD, in the time zone of the books ([money] zone).
    #[arg(long)]
    from: String,
    /// Last day.
    #[arg(long)]
    to: String,
    /// The provider's settlement file of these days (CSV). Without it the provider is asked about each payment.
    #[arg(long, value_name = "FILE")]
    statement: Option<PathBuf>,
    /// Which columns of the file say what: payment=HEADING,amount=HEADING. An amount below zero was given back.
    #[arg(long, default_value = "", requires = "statement")]
    columns: String,
}

pub async fn run(arguments: ReconcileArguments) -> Done {
    let mut config = configured(&arguments.file)?;
    fill_payment_secrets(&mut config.payment).map_err(usage)?;
    let zone = config.money.zone.clone();
    let day = |text: &str| Day::parse(text, &zone).ok_or_else(|| usage(format!("{text:?} is no day: YYYY-MM-DD")));
    let (first, last) = (day(&arguments.from)?, day(&arguments.to)?);
    if last.starts_ms < first.starts_ms {
        return Err(usage("--to is before --from"));
    }
    let file = match &arguments.statement {
        None => None,
        Some(path) => {
            let columns = Columns::parse(&arguments.columns).map_err(usage)?;
            let at = |error: &dyn std::fmt::Display| usage(format!("{}: {error}", path.display()));
            let file = File::open(path).map_err(|error| at(&error))?;
            Some(read_file(file, &columns).map_err(|error| at(&error))?)
        }
    };
    let ask = app::ReconcileAsk {
        provider: arguments.provider.clone(),
        from_ms: first.starts_ms,
        until_ms: last.ends_ms,
        file,
    };
    let shows = std::io::stderr().is_terminal();
    let progress = |asked: usize| {
        if shows && asked.is_multiple_of(100) && asked > 0 {
            eprint!("\r{asked} payments asked");
        }
    };
    let done = app::reconcile(&config, ask, progress).await.map_err(|error| match error {
        BootError::NoProvider(_) => usage(error),
        other => work(other),
    })?;
    let heading = format!("{}, {} to {} ({zone})", arguments.provider, arguments.from, arguments.to);
    announce(&lines(&heading, &config.money.currency, &done));
    match (done.differences.len(), done.unanswered.len()) {
        (0, 0) => Ok(()),
        (0, unanswered) => Err(CommandFailure::Work(format!("{unanswered} without an answer"))),
        (differences, _) => Err(CommandFailure::Work(counted(differences))),
    }
}

fn lines(heading: &str, currency: &str, done: &Reconciled) -> Vec<String> {
    let Reconciled { payments, captured, returned, differences, unanswered } = done;
    let mut lines = vec![
        heading.to_owned(),
        format!("{payments} payments: the ledger has {captured} {currency} captured, {returned} given back"),
    ];
    lines.extend(differences.iter().map(ToString::to_string));
    lines.extend(unanswered.iter().map(|(key, why)| format!("payment {key}: no answer: {why}")));
    let amount: i64 = differences.iter().map(|difference| difference.amount).sum();
    lines.push(format!("{}, {amount:+} {currency} in all", counted(differences.len())));
    lines
}

fn counted(differences: usize) -> String {
    let plural = if differences == 1 { "" } else { "s" };
    format!("{differences} difference{plural}")
}
