//! Compares the books with a payment provider's.

use std::collections::BTreeMap;

use super::{BootError, Store, providers, store};
use crate::clock::Clock;
use crate::config::Config;
use crate::facts::time::Millis;
use crate::pipeline::reconcile::{FilePayment, Reconcile, Reconciled};

/// What is compared with a payment provider.
pub struct ReconcileAsk {
    pub provider: String,
    pub from_ms: Millis,
    pub until_ms: Millis,
    /// The provider's settlement file; `None`: the provider is asked.
    pub file: Option<BTreeMap<String, FilePayment>>,
}

/// Compares the ledger with a payment provider. It only reads, so a server may run beside it.
pub async fn reconcile(config: &Config, ask: ReconcileAsk, progress: impl Fn(usize)) -> Result<Reconciled, BootError> {
    let ReconcileAsk { provider, from_ms, until_ms, file } = ask;
    let known = providers(&config.payment)?;
    let provider = known.get(&provider).ok_or(BootError::NoProvider(provider))?;
    let store = Store::read_only(config, &Clock::system()).await?;
    let ledger = store::ledger_read_only(config).await?;
    let (lanes, provider) = (store.lanes(), provider.as_ref());
    let work = Reconcile { ledger: &ledger, lanes: &lanes, provider, from_ms, until_ms };
    Ok(match file {
        Some(file) => work.compare(&file).await?,
        None => work.ask(progress).await?,
    })
}
