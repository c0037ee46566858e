//! Naming the account that the money of a deposit goes back to.

use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::RequestedView;
use crate::edge::api::field_faults::FieldFaults;
use crate::edge::api::lookup;
use crate::edge::{Answer, Code, Outcome, Problem, Request};
use crate::facts::bank_account::BankAccount;
use crate::facts::ids::RefundId;
use crate::facts::refund::RefundStatus;
use crate::ledger::AccountNamed;

/// Digits of an account's number.
const DIGITS: std::ops::RangeInclusive<usize> = 6..=20;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefundAccountRequest)]
pub struct AccountBody {
    /// The bank, as the provider names it: a code of Toss Payments (`88`), a word of PortOne (`SHINHAN`).
    #[schema(example = "SHINHAN")]
    pub bank: String,
    /// 6 to 20 digits; hyphens and spaces are dropped.
    #[schema(example = "110-123-456789")]
    pub number: String,
    /// Whose account it is.
    #[schema(example = "Kim Minjun")]
    pub holder: String,
}

impl AccountBody {
    /// All faults are reported at once.
    pub fn account(self) -> Result<BankAccount, Problem> {
        let number: String = self.number.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
        let mut faults = FieldFaults::default();
        faults.text(&self.bank, 1, 32, "/bank");
        let is_number = DIGITS.contains(&number.len()) && number.bytes().all(|digit| digit.is_ascii_digit());
        faults.check(is_number, "/number", "6 to 20 digits; hyphens and spaces may stand between them");
        faults.text(&self.holder, 1, 60, "/holder");
        faults.verdict()?;
        Ok(BankAccount { bank: self.bank, number, holder: self.holder })
    }
}

/// `POST /v1/orders/{order}/refunds/{refund}/account`
pub async fn create(request: Request) -> Outcome {
    let user = request.user()?;
    let account = request.json::<AccountBody>()?.value.account()?;
    let (order, lane) = lookup::order_id(&request)?;
    lookup::own_order(&request, &order, user).await?;
    let state = &request.state;
    let key = state.config.payment.refund_key().ok_or(Code::AccountNotAwaited)?;
    let refund = RefundId::from(request.param("refund"));
    let sealed = key.seal(refund.as_str(), &account);
    let answer = || {
        let view = RequestedView { id: refund.to_string(), status: RefundStatus::Sent.as_str() };
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        Answer::json(StatusCode::ACCEPTED, &view).no_store().location(&path).retry_after(1)
    };
    let named = state.refund_accounts.name_account(&order, &refund, &sealed).await;
    match named.map_err(|fault| Problem::unavailable("ledger", fault))? {
        AccountNamed::Done => {
            state.inventory.nudge(lane);
            Ok(answer())
        }
        AccountNamed::Known(known) if key.open::<BankAccount>(refund.as_str(), &known).as_ref() == Some(&account) => {
            Ok(answer())
        }
        AccountNamed::Known(_) => {
            Err(Problem::new(Code::AccountNotAwaited).detail("another account was named, and money may go there"))
        }
        AccountNamed::NotAwaited => Err(Code::AccountNotAwaited.into()),
        AccountNamed::NotFound => Err(Code::NotFound.into()),
    }
}
