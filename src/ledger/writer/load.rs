//! Reads the rows a batch concerns, with a few `IN` queries a table.

use std::collections::{BTreeSet, HashMap};

use sqlx::Row as _;

use super::{Batch, Book};
use crate::facts::ids::{CampaignId, EventId, HoldId, RefundId, SeatIndex, UserId};
use crate::ledger::rules::points;
use crate::ledger::rules::points::Wallet;
use crate::ledger::store::keyed::KeyedQuery;
use crate::ledger::store::row::{Row as _, Table};
use crate::ledger::store::rows::{LotRow, WalletRow};
use crate::ledger::store::sql;
use crate::ledger::store::sql::{Value, texts};
use crate::ledger::{Conn, Result, campaign_version};

/// A book whose rows are being read. A [`Book`] comes from [`Loading::load`] only, so nothing is computed before all rows
/// concerned are there.
pub(super) struct Loading {
    pub(super) book: Book,
}

impl Loading {
    pub(super) fn new(batch: &Batch) -> Self {
        Self { book: Book::new(batch) }
    }

    /// The same, to reject orders: see [`Book::rejects`].
    pub(super) fn rejecting(batch: &Batch) -> Self {
        Self { book: Book { rejects: true, ..Book::new(batch) } }
    }

    /// Makes missing wallets, locks all of them in the order of their ids, and reads them.
    pub(super) async fn lock_wallets(&mut self, conn: &mut Conn, users: &BTreeSet<UserId>) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let keys = texts(users.iter().map(UserId::as_str));
        let text = "UPDATE wallet SET version = version + 1 WHERE user_id IN";
        let lock = KeyedQuery { text, fixed: &[], keys: &keys, tail: "" };
        if lock.run(conn).await? < users.len() as u64 {
            make_wallets(conn, users, &keys).await?;
            // In the order of their ids again, the new ones among them.
            lock.run(conn).await?;
        }
        self.book.wallet_rows.load(conn, "user_id", &keys, "").await
    }

    /// Makes the wallets of the locked rows. They have all lots of spenders with something left, and the lots that the
    /// orders at hand spent from or that the moves to be undone name.
    pub(super) async fn load_wallets(&mut self, conn: &mut Conn, spenders: &BTreeSet<UserId>) -> Result<()> {
        let mut lots = Table::<LotRow>::default();
        let users = texts(spenders.iter().map(UserId::as_str));
        lots.load(conn, "user_id", &users, "AND remaining > 0").await?;
        let spent = self.book.sheets.values().flat_map(|sheet| sheet.spends.iter());
        let spent = texts(spent.map(|spend| spend.lot.as_str()));
        lots.load(conn, "id", &spent, "").await?;
        let clawed = self.book.moves.iter().filter_map(|step| step.lot.as_deref());
        lots.load(conn, "id", &texts(clawed), "").await?;
        let mut by_user: HashMap<&UserId, Vec<points::Lot>> = HashMap::new();
        for lot in lots.iter() {
            by_user.entry(&lot.user_id).or_default().push(lot.arithmetic()?);
        }
        for row in self.book.wallet_rows.iter() {
            let mine = by_user.remove(&row.user_id).unwrap_or_default();
            let wallet = Wallet::new(row.user_id.clone(), row.balance, row.debt, mine).lapsing(row.lapse_ms);
            self.book.wallets.insert(row.user_id.clone(), wallet);
        }
        Ok(())
    }

    /// Reads the moves of refunds that were refused for good: they are to be undone.
    pub(super) async fn load_moves(&mut self, conn: &mut Conn, refunds: &BTreeSet<RefundId>) -> Result<()> {
        let keys = texts(refunds.iter().map(RefundId::as_str));
        self.book.moves.load(conn, "refund", &keys, "").await?;
        // All of them must be readable: a move left out would leave its points where the refund moved them.
        self.book.moves.iter().try_for_each(|step| step.arithmetic().map(|_| ()))
    }

    /// Reads the specs of the coupons at hand and of those asked for.
    pub(super) async fn load_campaigns(
        &mut self,
        conn: &mut Conn,
        mut wanted: BTreeSet<campaign_version::SpecVersion>,
    ) -> Result<()> {
        wanted.extend(self.book.coupons.iter().map(|coupon| (coupon.campaign.clone(), coupon.version)));
        self.book.campaigns = campaign_version::load(conn, &wanted).await?;
        Ok(())
    }

    /// Reads coupons by number, and all issued coupons of the users who want the best of theirs.
    pub(super) async fn load_coupons(
        &mut self,
        conn: &mut Conn,
        numbers: &BTreeSet<(CampaignId, i64)>,
        best_of: &BTreeSet<UserId>,
    ) -> Result<()> {
        let campaigns: BTreeSet<&CampaignId> = numbers.iter().map(|(campaign, _)| campaign).collect();
        for campaign in campaigns {
            let keys: Vec<Value> = numbers.iter().filter(|n| n.0 == *campaign).map(|n| n.1.into()).collect();
            self.book.coupons.load_of(conn, ("campaign", campaign.as_str().into()), "number", &keys).await?;
        }
        let users = texts(best_of.iter().map(UserId::as_str));
        self.book.coupons.load(conn, "user_id", &users, "AND state = 'issued'").await
    }

    /// Reads which seats have a live ticket, and which holds have an order, live or not.
    pub(super) async fn load_guards(
        &mut self,
        conn: &mut Conn,
        seats: &BTreeSet<(EventId, SeatIndex)>,
        holds: &BTreeSet<HoldId>,
    ) -> Result<()> {
        let events: BTreeSet<&EventId> = seats.iter().map(|(event, _)| event).collect();
        for event in events {
            let keys: Vec<Value> = seats.iter().filter(|s| s.0 == *event).map(|s| s.1.into()).collect();
            let text = "SELECT seat FROM ticket WHERE live = 1 AND event = ? AND seat IN";
            let live = KeyedQuery { text, fixed: &[event.as_str().into()], keys: &keys, tail: "" };
            for row in live.fetch(conn).await? {
                self.book.taken.insert((event.clone(), row.try_get(0)?));
            }
        }
        let keys = texts(holds.iter().map(HoldId::as_str));
        let known =
            KeyedQuery { text: "SELECT hold, live FROM orders WHERE hold IN", fixed: &[], keys: &keys, tail: "" };
        for row in known.fetch(conn).await? {
            let hold = HoldId::from(row.try_get::<String, _>(0)?);
            if row.try_get::<Option<i64>, _>(1)? == Some(1) {
                self.book.held.insert(hold.clone());
            }
            self.book.ordered.insert(hold);
        }
        Ok(())
    }
}

/// Makes the wallets that are missing.
async fn make_wallets(conn: &mut Conn, users: &BTreeSet<UserId>, keys: &[Value]) -> Result<()> {
    let text = "SELECT user_id FROM wallet WHERE user_id IN";
    let rows = KeyedQuery { text, fixed: &[], keys, tail: "" }.fetch(conn).await?;
    let known: BTreeSet<String> = rows.iter().map(|row| row.try_get(0)).collect::<std::result::Result<_, _>>()?;
    let missing = users.iter().filter(|user| !known.contains(user.as_str()));
    let missing: Vec<_> =
        missing.map(|user| vec![user.as_str().into(), Value::Int(1), Value::Int(0), Value::Int(0)]).collect();
    sql::insert(conn, WalletRow::TABLE, &["user_id", "version", "balance", "debt"], &missing).await
}
