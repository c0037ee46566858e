//! How an order is paid: a provider, and its token for the payment.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::catalog::EventSpec;
use crate::config::PaymentConfig;
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::{Code, Problem};
use crate::facts::record::PaymentAsk;
use crate::facts::time::Millis;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderPaymentRequest)]
pub struct PaymentPart {
    #[schema(example = "sandbox")]
    pub provider: String,
    #[serde(default)]
    pub method: PaymentMethod,
    /// The provider's own token for this payment. For the sandbox it scripts what happens.
    #[schema(example = "ok")]
    pub key: String,
}

/// When the money moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PaymentMethod)]
pub enum PaymentMethod {
    /// At once, by a card or whatever else the provider offers.
    #[default]
    Card,
    /// The buyer is given an account and pays into it later (a virtual account).
    Deposit,
}

/// By when the deposit of an order must be there that was placed at `placed_ms`.
pub fn deposit_until_ms(
    config: &PaymentConfig,
    event: &EventSpec,
    placed_ms: Millis,
    now_ms: Millis,
) -> Result<Millis, Problem> {
    if config.refund_key().is_none() {
        return Err(Problem::new(Code::ProviderNotAllowed).detail("this house takes no deposits"));
    }
    let most_ms = placed_ms.saturating_add(config.deposit_ttl_s * 1_000);
    let until_ms = most_ms.min(event.deposit_until.unwrap_or(event.starts_at).0);
    if until_ms > now_ms { Ok(until_ms) } else { Err(Code::DepositClosed.into()) }
}

impl PaymentPart {
    pub fn check(&self, faults: &mut FieldFaults, pointer: &str) {
        faults.text(&self.provider, 1, 32, &format!("{pointer}/provider"));
        faults.text(&self.key, 1, 255, &format!("{pointer}/key"));
    }

    /// Refuses a provider that is not configured. `deposit_until_ms`: of a deposit, by when it must be there.
    pub fn allowed(self, providers: &[String], deposit_until_ms: Option<Millis>) -> Result<PaymentAsk, Problem> {
        if !providers.contains(&self.provider) {
            return Err(Code::ProviderNotAllowed.into());
        }
        Ok(PaymentAsk { provider: self.provider, key: self.key, deposit_until_ms })
    }
}

/// The body of `POST /v1/orders/{order}/payment`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentRequest)]
pub struct PaymentBody {
    #[schema(example = "sandbox")]
    pub provider: String,
    #[serde(default)]
    pub method: PaymentMethod,
    #[schema(example = "ok")]
    pub key: String,
    /// What is due, minor units.
    #[schema(example = 46000)]
    pub amount: i64,
}

impl PaymentBody {
    /// The amount and the means of payment. All faults are reported at once.
    pub fn parts(self) -> Result<(i64, PaymentPart), Problem> {
        let part = PaymentPart { provider: self.provider, method: self.method, key: self.key };
        let mut faults = FieldFaults::default();
        part.check(&mut faults, "");
        faults.amount(self.amount, 0, "/amount");
        faults.verdict()?;
        Ok((self.amount, part))
    }
}
