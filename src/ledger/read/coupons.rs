//! The coupons of a user.

use super::row::{Cells, cells};
use super::{Cursor, ListPart, page};
use crate::facts::ids::{CampaignId, CouponRef, UserId};
use crate::facts::time::Millis;
use crate::ledger::rules::coupons::CampaignSpec;
use crate::ledger::store::db::Statements;
use crate::ledger::{Reader, Result};

/// A coupon as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CouponEntry {
    /// The coupon, with the version it was claimed under.
    pub coupon: CouponRef,
    /// `issued`, `reserved`, `used` or `expired`.
    pub state: String,
    /// When the coupon ends; `None`: never.
    pub expires_ms: Option<Millis>,
    /// The campaign's spec when the coupon was claimed.
    pub spec: CampaignSpec,
}

impl Reader {
    /// A user's coupons, by campaign and number. An issued one that has ended by `now_ms` is shown as `expired`.
    /// The part begins behind `after` and has at most `limit` items. A replica may answer.
    pub async fn coupons_of(
        &self,
        user: &UserId,
        after: Option<Cursor>,
        limit: u32,
        now_ms: Millis,
    ) -> Result<ListPart<CouponEntry>> {
        let (of, after) = (user.to_string(), after.unwrap_or_else(Cursor::lowest));
        self.read_of_user("coupons_of", user, Statements::One, move |conn| {
            let (user, after) = (of.clone(), after.clone());
            Box::pin(async move {
                let text = "SELECT c.campaign AS id, c.campaign, c.number, c.version, c.state, c.expires_ms, k.spec \
                     FROM coupon c JOIN campaign_version k ON k.campaign = c.campaign AND k.version = c.version \
                     WHERE c.user_id = ? AND (c.campaign > ? OR (c.campaign = ? AND c.number > ?)) \
                     ORDER BY c.campaign, c.number LIMIT ?";
                let query = sqlx::query(text).bind(user).bind(after.id.clone()).bind(after.id).bind(after.number);
                let rows = query.bind(i64::from(limit) + 1).fetch_all(conn).await?;
                let found = cells("coupon", &rows).map(|row| coupon_row(&row, now_ms)).collect::<Result<_>>()?;
                Ok(page(found, limit, |coupon: &CouponEntry| Cursor {
                    number: coupon.coupon.number,
                    id: coupon.coupon.campaign.to_string(),
                }))
            })
        })
        .await
    }
}

fn coupon_row(row: &Cells<'_>, now_ms: Millis) -> Result<CouponEntry> {
    let expires_ms = row.int_or_null("expires_ms")?;
    let state = row.text("state")?;
    let over = state == "issued" && expires_ms.is_some_and(|at| at <= now_ms);
    Ok(CouponEntry {
        coupon: CouponRef {
            campaign: CampaignId::from(row.text("campaign")?),
            number: row.int("number")?,
            version: row.int("version")?,
        },
        state: if over { "expired".to_owned() } else { state },
        expires_ms,
        spec: row.json("spec")?,
    })
}
