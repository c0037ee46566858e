//! A user's points: balance, debt, lots and moves.

use super::row::{Cells, cells};
use super::{Cursor, ListPart, page};
use crate::facts::ids::{OrderId, RefundId, UserId};
use crate::facts::time::Millis;
use crate::ledger::rules::points::{Lot, LotOrigin, MoveKind};
use crate::ledger::store::db::Statements;
use crate::ledger::{Conn, ReadSource, Reader, Result};

/// Most lots of one user that are shown, and that a quote counts. An order may spend more than these.
const LOTS_SHOWN: i64 = 200;

/// What a user has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PointsBalance {
    /// Points that have not expired, those included that are not usable yet.
    pub balance: i64,
    /// Points that were taken back but were no longer there. Points that come in pay it first.
    pub debt: i64,
    /// Lots with something left, in the order in which they are spent; at most `LOTS_SHOWN`.
    pub lots: Vec<LotEntry>,
}

/// Points with one origin and one end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LotEntry {
    /// Id of the lot.
    pub id: String,
    /// Where the points came from.
    pub origin: LotOrigin,
    /// Points that came in.
    pub granted: i64,
    /// Points that are left.
    pub remaining: i64,
    /// From when on the points can be spent.
    pub usable_ms: Millis,
    /// When the points expire; `None`: never.
    pub expires_ms: Option<Millis>,
}

/// A change of one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveEntry {
    /// Id of the move.
    pub id: String,
    /// When the wallet changed.
    pub at_ms: Millis,
    /// Why the lot changed.
    pub kind: MoveKind,
    /// Points, never 0; below 0: they left the lot.
    pub amount: i64,
    /// The lot that changed. Every move of this program has one.
    pub lot: Option<String>,
    /// The order that it is about; `None`: no order.
    pub order: Option<OrderId>,
    /// The refund that it is about; `None`: no refund.
    pub refund: Option<RefundId>,
}

impl Reader {
    /// What a user has at `now_ms`, as the primary has it. A user without a wallet has nothing.
    pub async fn points(&self, user: &UserId, now_ms: Millis) -> Result<PointsBalance> {
        let user = user.to_string();
        self.read("points", ReadSource::Primary, move |conn| {
            Box::pin(async move {
                let text = "SELECT debt FROM wallet WHERE user_id = ?";
                let debt: Option<i64> = sqlx::query_scalar(text).bind(user.clone()).fetch_optional(&mut *conn).await?;
                let text = "SELECT CAST(SUM(remaining) AS SIGNED) FROM point_lot \
                     WHERE user_id = ? AND remaining > 0 AND (expires_ms IS NULL OR expires_ms > ?)";
                let balance: Option<i64> =
                    sqlx::query_scalar(text).bind(user.clone()).bind(now_ms).fetch_one(&mut *conn).await?;
                let mut lots = lots(conn, &user, now_ms).await?;
                lots.sort_by(Lot::order);
                let lots = lots.into_iter().map(shown).collect();
                Ok(PointsBalance { balance: balance.unwrap_or(0), debt: debt.unwrap_or(0), lots })
            })
        })
        .await
    }

    /// A user's moves, the newest first. The part begins behind `after` and has at most `limit` items. A replica may
    /// answer.
    pub async fn point_moves(&self, user: &UserId, after: Option<Cursor>, limit: u32) -> Result<ListPart<MoveEntry>> {
        let (of, after) = (user.to_string(), after.unwrap_or_else(Cursor::newest));
        self.read_of_user("point_moves", user, Statements::One, move |conn| {
            let (user, after) = (of.clone(), after.clone());
            Box::pin(async move {
                let text = "SELECT id, at_ms, kind, amount, lot, order_id, refund FROM point_move \
                     WHERE user_id = ? AND at_ms <= ? AND (at_ms < ? OR id < ?) \
                     ORDER BY at_ms DESC, id DESC LIMIT ?";
                let query = sqlx::query(text).bind(user).bind(after.number).bind(after.number).bind(after.id);
                let rows = query.bind(i64::from(limit) + 1).fetch_all(conn).await?;
                let found = cells("point_move", &rows).map(|row| move_row(&row)).collect::<Result<_>>()?;
                Ok(page(found, limit, |step: &MoveEntry| Cursor { number: step.at_ms, id: step.id.clone() }))
            })
        })
        .await
    }
}

/// Lots that have something left and have not expired, the soonest to expire first, at most `LOTS_SHOWN`.
async fn lots(conn: &mut Conn, user: &str, now_ms: Millis) -> Result<Vec<Lot>> {
    // Databases disagree on where NULL sorts, so the order is spelled out.
    let text = "SELECT id, origin, granted, remaining, usable_ms, expires_ms, created_ms FROM point_lot \
         WHERE user_id = ? AND remaining > 0 AND (expires_ms IS NULL OR expires_ms > ?) \
         ORDER BY CASE WHEN expires_ms IS NULL THEN 1 ELSE 0 END, expires_ms, created_ms, id LIMIT ?";
    let query = sqlx::query(text).bind(user.to_owned()).bind(now_ms).bind(LOTS_SHOWN);
    cells("point_lot", &query.fetch_all(conn).await?).map(|row| lot_row(&row)).collect()
}

fn lot_row(row: &Cells<'_>) -> Result<Lot> {
    Ok(Lot {
        id: row.text("id")?,
        origin: row.word("origin", LotOrigin::parse)?,
        granted: row.int("granted")?,
        remaining: row.int("remaining")?,
        usable_ms: row.int("usable_ms")?,
        expires_ms: row.int_or_null("expires_ms")?,
        created_ms: row.int("created_ms")?,
        line: None,
    })
}

fn shown(lot: Lot) -> LotEntry {
    let Lot { id, origin, granted, remaining, usable_ms, expires_ms, .. } = lot;
    LotEntry { id, origin, granted, remaining, usable_ms, expires_ms }
}

fn move_row(row: &Cells<'_>) -> Result<MoveEntry> {
    Ok(MoveEntry {
        id: row.text("id")?,
        at_ms: row.int("at_ms")?,
        kind: row.word("kind", MoveKind::parse)?,
        amount: row.int("amount")?,
        lot: row.text_or_null("lot")?,
        order: row.text_or_null("order_id")?.map(OrderId::from),
        refund: row.text_or_null("refund")?.map(RefundId::from),
    })
}
