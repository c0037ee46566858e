//! Changes of campaigns: they are checked, stored in the ledger, and taken to the lane.

use std::sync::Arc;

use super::{Applied, Catalog, Error, PutCampaignOutcome, Result, TRIES};
use crate::catalog::campaign;
use crate::catalog::campaign::Campaign;
use crate::facts::ids::CampaignId;
use crate::lane::coupons::PutCampaign;
use crate::ledger::catalog::{CampaignRow, Put};
use crate::ledger::rules::coupons::CampaignSpec;

impl Catalog {
    /// Creates or changes a campaign.
    pub async fn put_campaign(&self, id: &CampaignId, spec: CampaignSpec) -> Result<PutCampaignOutcome> {
        let faults = campaign::faults(&spec);
        if !faults.is_empty() {
            return Ok(PutCampaignOutcome::Invalid(faults));
        }
        for _ in 0..TRIES {
            let before = self.campaign(id.as_str());
            let version = before.as_ref().map_or(1, |b| b.version + 1);
            let lane = before.as_ref().map_or_else(|| self.lane_of(id.as_str()), |b| b.lane);
            let same = before.as_ref().filter(|b| b.spec == spec).cloned();
            let unchanged = same.is_some();
            let after = match same {
                Some(same) => same,
                None => {
                    let next = Arc::new(Campaign { id: id.clone(), lane, version, spec: spec.clone() });
                    match self.store_campaign(&next, before.as_deref()).await? {
                        Put::Done => next,
                        Put::Conflict => {
                            self.refresh().await?;
                            continue;
                        }
                    }
                }
            };
            return match self.apply_campaign(&after).await? {
                Applied::Overtaken if unchanged => {
                    self.refresh().await?;
                    continue;
                }
                Applied::Done | Applied::Overtaken if before.is_none() => Ok(PutCampaignOutcome::Created(after)),
                Applied::Done | Applied::Overtaken => Ok(PutCampaignOutcome::Changed(after)),
                Applied::Refused(claimed) => {
                    self.revert_campaign(&after, claimed).await?;
                    Ok(PutCampaignOutcome::StockClaimed(claimed))
                }
            };
        }
        Err(Error::Contended)
    }

    async fn store_campaign(&self, campaign: &Arc<Campaign>, before: Option<&Campaign>) -> Result<Put> {
        let row = CampaignRow {
            id: campaign.id.clone(),
            lane: campaign.lane,
            version: campaign.version,
            seq: 0,
            stock: campaign.spec.stock,
            spec: serde_json::to_string(&campaign.spec).expect("a spec is plain data"),
        };
        let put = self.ledger.put_campaign(row, before.map(|b| b.version), self.clock.now_ms()).await?;
        if put == Put::Done {
            self.remember(&[], std::slice::from_ref(campaign));
        }
        Ok(put)
    }

    /// As [`Self::revert_event`]: takes the newest former spec whose stock covers what is claimed.
    pub(super) async fn revert_campaign(&self, refused: &Campaign, claimed: i64) -> Result<()> {
        for text in self.ledger.former_campaigns(&refused.id, refused.version).await? {
            let unreadable = |source| Error::Unreadable { what: "campaign", id: refused.id.to_string(), source };
            let spec: CampaignSpec = serde_json::from_str(&text).map_err(unreadable)?;
            if spec.stock < claimed {
                continue;
            }
            let restored = Arc::new(Campaign { version: refused.version + 1, spec, ..refused.clone() });
            if self.store_campaign(&restored, Some(refused)).await? == Put::Done {
                self.apply_campaign(&restored).await?;
            }
            return Ok(());
        }
        tracing::error!(campaign = %refused.id, claimed, "no former stock that is kept was enough; it waits for a new PUT");
        Ok(())
    }

    pub(super) async fn apply_campaign(&self, campaign: &Campaign) -> Result<Applied<i64>> {
        self.unapplied.lock().campaigns.add(&campaign.id, campaign.version);
        let outcome = self.lane(campaign.lane).put_campaign(self.clock.now_ms(), campaign.lane_put()).await?;
        if !matches!(outcome, PutCampaign::StockClaimed(_)) {
            self.unapplied.lock().campaigns.taken(&campaign.id, campaign.version);
        }
        Ok(match outcome {
            PutCampaign::Done => Applied::Done,
            PutCampaign::Stale(_) => Applied::Overtaken,
            PutCampaign::StockClaimed(claimed) => Applied::Refused(claimed),
        })
    }
}

impl Campaign {
    pub(super) fn from_row(row: CampaignRow) -> Result<Self> {
        let unreadable = |source| Error::Unreadable { what: "campaign", id: row.id.to_string(), source };
        let spec = serde_json::from_str(&row.spec).map_err(unreadable)?;
        Ok(Self { id: row.id, lane: row.lane, version: row.version, spec })
    }
}
