//! How an order is paid: a provider, and its token for the payment.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::edge::api::field_faults::FieldFaults;
use crate::edge::problem::{Code, Problem};
use crate::facts::record::PaymentAsk;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrderPaymentRequest)]
pub struct PaymentPart {
    #[schema(example = "sandbox")]
    pub provider: String,
    /// The provider's own token for this payment. For the sandbox it scripts what happens.
    #[schema(example = "ok")]
    pub key: String,
}

impl PaymentPart {
    pub fn check(&self, faults: &mut FieldFaults, pointer: &str) {
        faults.text(&self.provider, 1, 32, &format!("{pointer}/provider"));
        faults.text(&self.key, 1, 255, &format!("{pointer}/key"));
    }

    /// Refuses a provider that is not configured.
    pub fn allowed(self, providers: &[String]) -> Result<PaymentAsk, Problem> {
        if !providers.contains(&self.provider) {
            return Err(Code::ProviderNotAllowed.into());
        }
        Ok(PaymentAsk { provider: self.provider, key: self.key })
    }
}

/// The body of `POST /v1/orders/{order}/payment`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PaymentRequest)]
pub struct PaymentBody {
    #[schema(example = "sandbox")]
    pub provider: String,
    #[schema(example = "ok")]
    pub key: String,
    /// What is due, minor units.
    #[schema(example = 46000)]
    pub amount: i64,
}

impl PaymentBody {
    /// The amount and the means of payment. All faults are reported at once.
    pub fn parts(self) -> Result<(i64, PaymentPart), Problem> {
        let part = PaymentPart { provider: self.provider, key: self.key };
        let mut faults = FieldFaults::default();
        part.check(&mut faults, "");
        faults.amount(self.amount, 0, "/amount");
        faults.verdict()?;
        Ok((self.amount, part))
    }
}
