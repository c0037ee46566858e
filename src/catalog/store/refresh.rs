//! Reads changes that were made elsewhere from the ledger, and applies to the lanes the changes that they have not
//! taken yet.

use std::sync::Arc;

use super::{Applied, Catalog, Result};
use crate::catalog::campaign::Campaign;
use crate::catalog::event::Event;
use crate::facts::ids::{CampaignId, EventId};

/// Rows read from the ledger in one go.
const PAGE: i64 = 500;

impl Catalog {
    /// Notes that a lane does not know an event that is on sale. The next `apply_pending` tells the lane of it again.
    /// If the event ever left its lane, that step seals the lane. The lane is then rebuilt with what was sold of the
    /// event.
    pub fn event_missing(&self, id: &EventId) {
        if let Some(event) = self.event(id.as_str()) {
            self.unapplied.lock().events.add(id, event.version);
        }
    }

    /// As [`Self::event_missing`], for a campaign.
    pub fn campaign_missing(&self, id: &CampaignId) {
        if let Some(campaign) = self.campaign(id.as_str()) {
            self.unapplied.lock().campaigns.add(id, campaign.version);
        }
    }

    /// Reads what changed in the ledger, for `apply_pending` to tell the lanes. When nothing changed it reads one row;
    /// otherwise its work is bounded by what changed.
    pub async fn refresh(&self) -> Result<()> {
        let mut seen = *self.seen.lock();
        let last = self.ledger.catalog_seq().await?;
        if last == seen.all {
            return Ok(());
        }
        loop {
            let events = self.ledger.events_since(seen.events, PAGE).await?;
            let campaigns = self.ledger.campaigns_since(seen.campaigns, PAGE).await?;
            let full = |len: usize| i64::try_from(len).unwrap_or(PAGE) >= PAGE;
            let is_last = !full(events.len()) && !full(campaigns.len());
            let (mut new_events, mut new_campaigns) = (Vec::new(), Vec::new());
            let read = || -> Result<()> {
                for row in events {
                    seen.events = row.seq;
                    new_events.push(Arc::new(Event::from_row(row)?));
                }
                for row in campaigns {
                    seen.campaigns = row.seq;
                    new_campaigns.push(Arc::new(Campaign::from_row(row)?));
                }
                Ok(())
            };
            // What comes before a row that cannot be read still goes on sale.
            let all_read = read();
            {
                let mut unapplied = self.unapplied.lock();
                let present = new_events.iter().filter(|event| !event.away);
                present.for_each(|event| unapplied.events.add(&event.id, event.version));
                new_campaigns.iter().for_each(|campaign| unapplied.campaigns.add(&campaign.id, campaign.version));
            }
            self.remember(&new_events, &new_campaigns);
            all_read?;
            if is_last {
                break;
            }
        }
        let mut stored = self.seen.lock();
        stored.all = stored.all.max(last);
        stored.events = stored.events.max(seen.events);
        stored.campaigns = stored.campaigns.max(seen.campaigns);
        Ok(())
    }

    /// Applies to the lanes what they have not taken yet. Faults are left for the next time.
    pub async fn apply_pending(&self) {
        let (events, campaigns) = {
            let unapplied = self.unapplied.lock();
            (unapplied.events.ids(), unapplied.campaigns.ids())
        };
        for id in events {
            let Some(event) = self.event(id.as_str()) else {
                // The event left meanwhile.
                self.unapplied.lock().events.taken(&id, i64::MAX);
                continue;
            };
            match self.apply_event(&event).await {
                Ok(Applied::Done | Applied::Overtaken) => {}
                Ok(Applied::Refused(seats)) => {
                    let is_left = self.unapplied.lock().refused_events.is_left(&id, event.version, self.clock.tick());
                    if is_left {
                        tracing::warn!(event = %id, seats = seats.len(), "a change would drop seats that are taken, and is taken back");
                        if let Err(error) = self.revert_event(&event, &seats).await {
                            tracing::debug!(event = %id, %error, "not taken back yet");
                        }
                    }
                }
                Err(error) => tracing::debug!(event = %event.id, %error, "not applied yet"),
            }
        }
        for id in campaigns {
            let Some(campaign) = self.campaign(id.as_str()) else { continue };
            match self.apply_campaign(&campaign).await {
                Ok(Applied::Done | Applied::Overtaken) => {}
                Ok(Applied::Refused(claimed)) => {
                    let (version, tick) = (campaign.version, self.clock.tick());
                    if self.unapplied.lock().refused_campaigns.is_left(&id, version, tick) {
                        tracing::warn!(campaign = %id, claimed, "a change would leave less stock than is claimed, and is taken back");
                        if let Err(error) = self.revert_campaign(&campaign, claimed).await {
                            tracing::debug!(campaign = %id, %error, "not taken back yet");
                        }
                    }
                }
                Err(error) => tracing::debug!(campaign = %id, %error, "not applied yet"),
            }
        }
    }
}
