//! What a quote needs of its buyer. Read from the primary, so that a quote and the order after it see
//! the same points and coupons.

use std::collections::HashMap;

use super::coupons::spec;
use super::points::lots;
use super::row::{Cells, cells};
use crate::clock::Millis;
use crate::ids::{CampaignId, UserId};
use crate::lane::record::CouponChoice;
use crate::ledger::coupons::{CampaignSpec, Coupon};
use crate::ledger::quote::Inputs;
use crate::ledger::sql::{Value, fetch_in};
use crate::ledger::{Conn, Ledger, Result, Source};

/// Most coupons of one user that are compared; those that end soonest.
const COUPONS_MAX: i64 = 200;

impl Ledger {
    /// What [`Inputs::quote`] computes with.
    pub async fn quote_inputs(&self, user: &UserId, choice: &CouponChoice, now_ms: Millis) -> Result<Inputs> {
        let (user, choice) = (user.to_string(), choice.clone());
        self.read("quote_inputs", Source::Primary, move |conn| {
            Box::pin(async move {
                let lots = lots(conn, &user, now_ms).await?;
                let mut inputs = Inputs { lots, ..Inputs::default() };
                match choice {
                    CouponChoice::None => {}
                    CouponChoice::Best => {
                        inputs.coupons = issued(conn, &user, now_ms).await?;
                        let keys = inputs.coupons.iter().map(|coupon| coupon.campaign.as_str().into()).collect();
                        inputs.campaigns = campaigns(conn, keys).await?;
                    }
                    CouponChoice::One { campaign, number, .. } => {
                        inputs.taken = taken(conn, &user, &campaign, number).await?;
                        inputs.campaigns = campaigns(conn, vec![campaign.as_str().into()]).await?;
                    }
                }
                Ok(inputs)
            })
        })
        .await
    }
}

async fn issued(conn: &mut Conn, user: &str, now_ms: Millis) -> Result<Vec<Coupon>> {
    let text = "SELECT campaign, number, expires_ms FROM coupon \
         WHERE user_id = ? AND state = 'issued' AND (expires_ms IS NULL OR expires_ms > ?) \
         ORDER BY CASE WHEN expires_ms IS NULL THEN 1 ELSE 0 END, expires_ms, campaign, number LIMIT ?";
    let rows = sqlx::query(text).bind(user.to_owned()).bind(now_ms).bind(COUPONS_MAX).fetch_all(conn).await?;
    cells("coupon", &rows)
        .map(|row| {
            Ok(Coupon {
                campaign: CampaignId::from(row.text("campaign")?),
                number: row.int("number")?,
                expires_ms: row.int_or_null("expires_ms")?,
            })
        })
        .collect()
}

async fn campaigns(conn: &mut Conn, mut keys: Vec<Value>) -> Result<HashMap<CampaignId, CampaignSpec>> {
    keys.dedup();
    let rows = fetch_in(conn, "SELECT id, spec FROM campaign WHERE id IN", &keys, "").await?;
    cells("campaign", &rows).map(|row| Ok((CampaignId::from(row.text("id")?), spec(&row)?))).collect()
}

/// Whether the coupon is in the ledger and not free, or another's. One that is not there yet is free:
/// its signed id is proof enough.
async fn taken(conn: &mut Conn, user: &str, campaign: &CampaignId, number: i64) -> Result<bool> {
    let text = "SELECT user_id, state FROM coupon WHERE campaign = ? AND number = ?";
    let row = sqlx::query(text).bind(campaign.to_string()).bind(number).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(false) };
    let row = Cells { table: "coupon", row: &row };
    Ok(row.text("user_id")? != user || row.text("state")? != "issued")
}
