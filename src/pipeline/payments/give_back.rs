//! Sending money back.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::call::{age, asks, limited, not_configured};
use crate::facts::record::RefundResult;
use crate::ledger::writer;
use crate::ledger::writer::Returning;
use crate::payment::{Return, ReturnAsked, Returned, Unresolved, UnresolvedKind};
use crate::pipeline::parts::PipelineShared;

/// An error says why the result is unknown.
pub(super) async fn give_back(
    shared: &PipelineShared,
    behind: &AtomicBool,
    returning: &Returning,
) -> Result<RefundResult, Unresolved> {
    let Returning {
        refund,
        order,
        attempt,
        provider: name,
        key,
        amount,
        currency,
        is_tax_free,
        reason,
        since_ms,
        due_ms: _,
        is_new,
        account,
        accounts,
    } = returning;
    let provider = shared.providers.get(name).ok_or_else(|| not_configured("refund", name))?;
    let account = match account {
        Some(sealed) => match shared.account_key.as_ref().and_then(|key| key.open(refund.as_str(), sealed)) {
            Some(account) => Some(account),
            // It was sealed with a key that the house has no more.
            None => return Ok(RefundResult::WrongAccount { detail: "name the account once more".to_owned() }),
        },
        None => None,
    };
    // Made anew for each call, because its age counts.
    let back = || Return {
        name: if *accounts == 0 { refund.to_string() } else { format!("{refund}-{}", accounts + 1) },
        account: account.clone(),
        attempt: attempt.clone(),
        order: order.clone(),
        key: key.clone(),
        amount: *amount,
        currency: currency.clone(),
        is_tax_free: *is_tax_free,
        reason: reason.clone(),
        age: age(*since_ms, shared.clock.now_ms()),
    };
    let mut send = *is_new;
    let mut unresolved = Unresolved::undecided("not asked about yet");
    for delay in std::iter::once(Duration::ZERO).chain(asks(behind)) {
        if unresolved.kind == UnresolvedKind::NeedsPerson {
            break;
        }
        tokio::time::sleep(delay).await;
        if send {
            let send_it = || async {
                // The wait for the turn may have been long. A person may have closed the refund meanwhile.
                match writer::refund(&shared.ledger, refund).await {
                    Ok(Some(known)) if known.open => provider.refund(&back()).await,
                    Ok(_) => Returned::Unknown(Unresolved::undecided("closed by a person")),
                    Err(error) => Returned::Unknown(Unresolved::undecided(format!("the ledger: {error}"))),
                }
            };
            unresolved = match limited(shared, name, "refund", send_it).await {
                Returned::Done => return Ok(RefundResult::Done),
                Returned::Refused { detail } => return Ok(RefundResult::Refused { detail }),
                Returned::WrongAccount { detail } => return Ok(RefundResult::WrongAccount { detail }),
                Returned::Unknown(unresolved) => unresolved,
            };
            send = false;
            continue;
        }
        unresolved = match limited(shared, name, "ask_refund", || async { provider.ask_refund(&back()).await }).await {
            ReturnAsked::Done => return Ok(RefundResult::Done),
            ReturnAsked::Refused { detail } => return Ok(RefundResult::Refused { detail }),
            ReturnAsked::WrongAccount { detail } => return Ok(RefundResult::WrongAccount { detail }),
            ReturnAsked::NotDone => {
                send = true;
                unresolved
            }
            ReturnAsked::Unknown(unresolved) => unresolved,
        }
    }
    Err(unresolved)
}
