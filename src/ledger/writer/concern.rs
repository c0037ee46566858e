//! Which rows a batch concerns, and in which order they are read.

use std::collections::BTreeSet;

use super::load::Loading;
use super::records::RecordTask;
use super::{BatchFailure, Book};
use crate::facts::coupon::CouponChoice;
use crate::facts::ids::{CampaignId, CouponRef, EventId, HoldId, OrderId, RefundId, SeatIndex, UserId};
use crate::facts::points::PointsAsk;
use crate::facts::record::{Entry, PaymentResult, RecordBody, RefundResult};
use crate::ledger::{Conn, campaign_version, sheet};

/// The keys of everything that is to be read.
#[derive(Default)]
struct Concern {
    orders: BTreeSet<OrderId>,
    users: BTreeSet<UserId>,
    /// Coupons asked for, claimed, or used by the orders.
    numbers: BTreeSet<(CampaignId, i64)>,
    /// The campaign versions of the coupons asked for.
    campaigns: BTreeSet<campaign_version::SpecVersion>,
    /// Users who want the best of their coupons.
    best_of: BTreeSet<UserId>,
    seats: BTreeSet<(EventId, SeatIndex)>,
    holds: BTreeSet<HoldId>,
    /// Users whose points are spent or taken back: all their lots with something left are read. (Points given back go
    /// to lots that the order's own rows name, earned ones to new lots.)
    spenders: BTreeSet<UserId>,
    /// Orders whose users are spenders.
    spending: BTreeSet<OrderId>,
    /// Orders whose deposit a bank may have taken back: the moves of their refunds are undone.
    undone: BTreeSet<OrderId>,
    /// Refunds that a provider refused: their moves are undone.
    refused: BTreeSet<RefundId>,
}

impl Concern {
    fn of(entries: &[Entry], tasks: &[RecordTask]) -> Self {
        let mut concern = Self::default();
        for (entry, task) in entries.iter().zip(tasks) {
            match task {
                RecordTask::Do(body) => concern.add(entry, body),
                RecordTask::Repeat(order) => concern.orders.extend(order.clone()),
                RecordTask::Parked => {}
            }
        }
        concern
    }

    fn add(&mut self, entry: &Entry, body: &RecordBody) {
        self.orders.extend(body.order().cloned());
        match body {
            RecordBody::CouponClaimed { campaign, user, .. } => {
                self.users.insert(user.clone());
                self.numbers.extend(entry.number.map(|number| (campaign.clone(), number)));
            }
            RecordBody::OrderPlaced { event, hold, user, coupon, points, .. } => {
                self.users.insert(user.clone());
                if *points != PointsAsk::NONE {
                    self.spenders.insert(user.clone());
                }
                self.holds.insert(hold.clone());
                let wanted = entry.hold.iter().flat_map(|hold| &hold.seats);
                self.seats.extend(wanted.map(|seat| (event.clone(), *seat)));
                match coupon {
                    CouponChoice::None => {}
                    CouponChoice::Best => {
                        self.best_of.insert(user.clone());
                    }
                    CouponChoice::One(CouponRef { campaign, number, version }) => {
                        self.numbers.insert((campaign.clone(), *number));
                        self.campaigns.insert((campaign.clone(), *version));
                    }
                }
            }
            RecordBody::RefundRequested { order, .. } => {
                self.spending.insert(order.clone());
            }
            RecordBody::RefundResulted { order, refund, result: RefundResult::Refused { .. }, .. } => {
                self.spending.insert(order.clone());
                self.refused.insert(refund.clone());
            }
            // The bank may have taken back a deposit, and points were earned with it.
            RecordBody::PaymentResulted { order, result: PaymentResult::Awaiting { .. }, .. } => {
                self.spending.insert(order.clone());
                self.undone.insert(order.clone());
            }
            RecordBody::RefundResulted { result: RefundResult::Done | RefundResult::WrongAccount { .. }, .. }
            | RecordBody::PaymentRequested { .. }
            | RecordBody::PaymentResulted { .. }
            | RecordBody::OrderExpired { .. }
            | RecordBody::OrderCancelled { .. } => {}
        }
    }
}

impl Loading {
    /// Reads everything the records to be done concern: first the orders, which only this lane's writer changes, then
    /// the wallets, which it locks, then what those locks guard.
    pub(super) async fn load(
        mut self,
        conn: &mut Conn,
        entries: &[Entry],
        tasks: &[RecordTask],
    ) -> Result<Book, BatchFailure> {
        let mut concern = Concern::of(entries, tasks);
        self.book.sheets = sheet::load(conn, &concern.orders).await?;
        for sheet in self.book.sheets.values() {
            let order = sheet.order();
            concern.users.insert(order.user_id.clone());
            if concern.spending.contains(&order.id) {
                concern.spenders.insert(order.user_id.clone());
            }
            concern.numbers.extend(order.coupon_campaign.clone().zip(order.coupon_number));
            if concern.undone.contains(&order.id) {
                concern.refused.extend(sheet.open_refunds().map(|refund| refund.id.clone()));
            }
        }
        self.lock_wallets(conn, &concern.users).await?;
        self.load_coupons(conn, &concern.numbers, &concern.best_of).await?;
        self.load_campaigns(conn, concern.campaigns).await?;
        self.load_guards(conn, &concern.seats, &concern.holds).await?;
        self.load_moves(conn, &concern.refused).await?;
        self.load_wallets(conn, &concern.spenders).await?;
        Ok(self.book)
    }
}
