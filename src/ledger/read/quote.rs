//! What a quote needs to know about its buyer. It is read from the primary, so that a quote and the order after it see
//! the same points and coupons.

use std::collections::BTreeSet;

use super::row::{Cells, cells};
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{CampaignId, CouponRef, UserId};
use crate::facts::time::Millis;
use crate::ledger::rules::coupons::{COMPARED_MAX, Coupon};
use crate::ledger::rules::quote::Inputs;
use crate::ledger::{Conn, ReadSource, Reader, Result, campaign_version};

impl Reader {
    /// The points and coupons of a user that [`Inputs::quote`] computes with, as they are at `now_ms`.
    pub async fn quote_inputs(&self, user: &UserId, choice: &CouponChoice, now_ms: Millis) -> Result<Inputs> {
        let (user, choice) = (user.to_string(), choice.clone());
        self.read("quote_inputs", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let mut inputs = Inputs { usable: usable(conn, &user, now_ms).await?, ..Inputs::default() };
                match choice {
                    CouponChoice::None => {}
                    CouponChoice::Best => {
                        inputs.coupons = issued(conn, &user, now_ms).await?;
                        let worth = inputs.coupons.iter().map(|one| version(&one.coupon)).collect();
                        inputs.campaigns = campaign_version::load(conn, &worth).await?;
                    }
                    CouponChoice::One(coupon) => {
                        inputs.taken = taken(conn, &user, &coupon).await?;
                        let worth = BTreeSet::from([version(&coupon)]);
                        inputs.campaigns = campaign_version::load(conn, &worth).await?;
                    }
                }
                Ok(inputs)
            })
        })
        .await
    }
}

/// The points of all lots that can be spent now, as the writer counts them.
async fn usable(conn: &mut Conn, user: &str, now_ms: Millis) -> Result<i64> {
    let text = "SELECT CAST(SUM(remaining) AS SIGNED) FROM point_lot \
         WHERE user_id = ? AND remaining > 0 AND usable_ms <= ? AND (expires_ms IS NULL OR expires_ms > ?)";
    let query = sqlx::query_scalar(text).bind(user.to_owned()).bind(now_ms).bind(now_ms);
    let sum: Option<i64> = query.fetch_one(conn).await?;
    Ok(sum.unwrap_or(0))
}

async fn issued(conn: &mut Conn, user: &str, now_ms: Millis) -> Result<Vec<Coupon>> {
    let text = "SELECT campaign, number, version, expires_ms FROM coupon \
         WHERE user_id = ? AND state = 'issued' AND (expires_ms IS NULL OR expires_ms > ?) \
         ORDER BY CASE WHEN expires_ms IS NULL THEN 1 ELSE 0 END, expires_ms, campaign, number LIMIT ?";
    let rows = sqlx::query(text).bind(user.to_owned()).bind(now_ms).bind(COMPARED_MAX as i64).fetch_all(conn).await?;
    cells("coupon", &rows)
        .map(|row| {
            Ok(Coupon {
                coupon: CouponRef {
                    campaign: CampaignId::from(row.text("campaign")?),
                    number: row.int("number")?,
                    version: row.int("version")?,
                },
                expires_ms: row.int_or_null("expires_ms")?,
            })
        })
        .collect()
}

fn version(coupon: &CouponRef) -> campaign_version::SpecVersion {
    (coupon.campaign.clone(), coupon.version)
}

/// Whether the ledger has the coupon as not free or as another user's. A coupon that is not there yet is free: its
/// signed id is proof enough.
async fn taken(conn: &mut Conn, user: &str, coupon: &CouponRef) -> Result<bool> {
    let text = "SELECT user_id, state FROM coupon WHERE campaign = ? AND number = ?";
    let row = sqlx::query(text).bind(coupon.campaign.to_string()).bind(coupon.number).fetch_optional(conn).await?;
    let Some(row) = row else { return Ok(false) };
    let row = Cells { table: "coupon", row: &row };
    Ok(row.text("user_id")? != user || row.text("state")? != "issued")
}
