//! The specs of campaigns, by version. A coupon is worth what its campaign said when the coupon was claimed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::Row as _;

use super::rules::coupons::CampaignSpec;
use super::store::keyed::KeyedQuery;
use super::store::sql::{Value, insert};
use super::{Conn, Error, Result};
use crate::facts::ids::CampaignId;
use crate::facts::time::Millis;

/// A campaign and one of its versions.
pub type SpecVersion = (CampaignId, i64);

/// Specs by version; one that is missing here is missing in the ledger.
pub type SpecsByVersion = HashMap<SpecVersion, CampaignSpec>;

pub async fn keep(conn: &mut Conn, (campaign, version): SpecVersion, spec: String, now_ms: Millis) -> Result<()> {
    let row = vec![campaign.as_str().into(), version.into(), spec.into(), now_ms.into()];
    insert(conn, "campaign_version", &["campaign", "version", "spec", "since_ms"], &[row]).await
}

pub async fn load(conn: &mut Conn, wanted: &BTreeSet<SpecVersion>) -> Result<SpecsByVersion> {
    let mut by_campaign: BTreeMap<&CampaignId, Vec<Value>> = BTreeMap::new();
    for (campaign, version) in wanted {
        by_campaign.entry(campaign).or_default().push((*version).into());
    }
    let text = "SELECT version, spec FROM campaign_version WHERE campaign = ? AND version IN";
    let mut found = SpecsByVersion::new();
    for (campaign, keys) in by_campaign {
        let of_campaign = KeyedQuery { text, fixed: &[campaign.as_str().into()], keys: &keys, tail: "" };
        for row in of_campaign.fetch(conn).await? {
            let (version, spec): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
            let spec = serde_json::from_str(&spec).map_err(|error| Error::Unreadable {
                table: "campaign_version",
                column: "spec",
                key: format!("{campaign} {version}"),
                detail: error.to_string(),
            })?;
            found.insert((campaign.clone(), version), spec);
        }
    }
    Ok(found)
}
