//! Closing a month: its entries are written down, then it never changes any more.

use sqlx::{AssertSqlSafe, Row as _};

use super::open::OpenMonth;
use super::{UNSETTLED, id, open, owe, stored, tickets};
use crate::facts::ids::LaneId;
use crate::facts::notice::{Notice, NoticeKind, Told};
use crate::facts::period::Period;
use crate::facts::settlement::{Bookkeeping, Payable, SettlementFact, SettlementState};
use crate::facts::time::Millis;
use crate::ledger::read::row::cells;
use crate::ledger::store::sql::{self, Value, fetch_in};
use crate::ledger::{Conn, Ledger, ReadSource, Result, outbox};

/// Entries that one transaction writes down.
const STEP: i64 = 1_000;

/// Who wants which month closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseAsk {
    pub organizer: String,
    pub period: Period,
    /// Before the month is over, on purpose.
    pub early: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is being closed, closed or paid.
    Begun(SettlementFact),
    /// The month is not over.
    NotOver,
    /// This month has to be closed first.
    After(Period),
    /// Nothing was ever booked for the organizer, or a later month is closed already.
    NotFound,
}

impl Ledger {
    /// Begins to close a month. A repeat changes nothing.
    pub async fn begin_close(&self, ask: CloseAsk, books: Bookkeeping, now_ms: Millis) -> Result<Closed> {
        // Somebody else may close the same month at the same moment.
        self.transaction_again(move |tx| {
            let (ask, books) = (ask.clone(), books.clone());
            Box::pin(async move { begin(tx, &ask, &books, now_ms).await })
        })
        .await
    }

    /// Goes on with a settlement that is being closed, a bounded number of entries at a time. True: it is closed.
    pub async fn close_step(&self, organizer: &str, period: Period, now_ms: Millis) -> Result<bool> {
        let organizer = organizer.to_owned();
        self.transaction_again(move |tx| {
            let organizer = organizer.clone();
            Box::pin(async move { step(tx, &organizer, period, now_ms).await })
        })
        .await
    }

    /// Settlements that are being closed.
    pub async fn closing(&self) -> Result<Vec<(String, Period)>> {
        self.read_one("closing", ReadSource::Primary, |conn| {
            Box::pin(async move {
                let text = "SELECT organizer, period FROM settlement WHERE state = 'closing' ORDER BY id LIMIT 100";
                let rows = sqlx::query(text).fetch_all(conn).await?;
                let cells = cells("settlement", &rows);
                cells.map(|row| Ok((row.text("organizer")?, row.word("period", Period::parse)?))).collect()
            })
        })
        .await
    }
}

async fn begin(tx: &mut Conn, ask: &CloseAsk, books: &Bookkeeping, now_ms: Millis) -> Result<Closed> {
    if let Some(stored) = stored(tx, &ask.organizer, ask.period).await? {
        return Ok(Closed::Begun(stored));
    }
    let Some(month) = OpenMonth::of(tx, &ask.organizer, ask.period, &books.zone).await? else {
        // Somebody else may have begun to close this very month since the look before.
        return Ok(stored(tx, &ask.organizer, ask.period).await?.map_or(Closed::NotFound, Closed::Begun));
    };
    if !month.is_known {
        return Ok(Closed::NotFound);
    }
    let is_over = month.until_ms <= now_ms;
    if !is_over && (!ask.early || now_ms < ask.period.starts_ms(&books.zone)) {
        return Ok(Closed::NotOver);
    }
    if let Some(first) = open::first(tx, &ask.organizer, &books.zone).await?.filter(|first| *first < ask.period) {
        return Ok(Closed::After(first));
    }
    let fact = SettlementFact {
        organizer: ask.organizer.clone(),
        period: ask.period.to_string(),
        state: SettlementState::Closing,
        currency: books.currency.clone(),
        early: !is_over,
        until_ms: month.until_ms.min(now_ms),
        entries: 0,
        payable: Payable::default(),
        closed_ms: None,
        paid_ms: None,
        reference: None,
    };
    let row: Vec<Value> = vec![
        id(&ask.organizer, ask.period).as_str().into(),
        fact.organizer.as_str().into(),
        fact.period.as_str().into(),
        fact.state.as_str().into(),
        fact.currency.as_str().into(),
        i64::from(fact.early).into(),
        month.from_ms.into(),
        fact.until_ms.into(),
    ];
    let columns = ["id", "organizer", "period", "state", "currency", "early", "reached_ms", "until_ms"];
    sql::insert(tx, "settlement", &columns, &[row]).await?;
    Ok(Closed::Begun(fact))
}

async fn step(tx: &mut Conn, organizer: &str, period: Period, now_ms: Millis) -> Result<bool> {
    let id = id(organizer, period);
    // Takes the row's lock: of two who close the same month, the second goes on where the first has stopped.
    let lock = sqlx::query("UPDATE settlement SET version = version + 1 WHERE id = ? AND state = 'closing'");
    if lock.bind(id.clone()).execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(true);
    }
    let row = sqlx::query("SELECT reached_ms, until_ms FROM settlement WHERE id = ?").bind(id.clone());
    let row = row.fetch_one(&mut *tx).await?;
    let (reached_ms, until_ms): (Millis, Millis) = (row.try_get(0)?, row.try_get(1)?);
    let text = format!(
        "SELECT j.transaction_id, j.at_ms FROM {UNSETTLED} AND j.account = ? AND j.at_ms >= ? AND j.at_ms < ? \
         ORDER BY j.at_ms, j.transaction_id LIMIT ?"
    );
    let query = sqlx::query(AssertSqlSafe(text)).bind(tickets(organizer)).bind(reached_ms).bind(until_ms).bind(STEP);
    let mut entries: Vec<(String, Millis)> = Vec::new();
    for row in query.fetch_all(&mut *tx).await? {
        entries.push((row.try_get(0)?, row.try_get(1)?));
    }
    let keys: Vec<Value> = entries.iter().map(|(transaction, _)| transaction.as_str().into()).collect();
    let payable = owed(tx, &keys).await?;
    let rows = entries
        .iter()
        .map(|(transaction, at_ms)| vec![transaction.as_str().into(), id.as_str().into(), (*at_ms).into()]);
    sql::insert(tx, "settlement_entry", &["transaction_id", "settlement", "at_ms"], &rows.collect::<Vec<_>>()).await?;
    let is_last = (entries.len() as i64) < STEP;
    let state = if is_last { SettlementState::Closed } else { SettlementState::Closing };
    sqlx::query(
        "UPDATE settlement SET state = ?, reached_ms = ?, closed_ms = ?, entries = entries + ?, tickets = tickets + ?, \
         coupons = coupons + ?, platform_fee = platform_fee + ?, cancellation_fees = cancellation_fees + ? WHERE id = ?",
    )
    .bind(state.as_str())
    .bind(entries.last().map_or(reached_ms, |(_, at_ms)| *at_ms))
    .bind(is_last.then_some(now_ms))
    .bind(entries.len() as i64)
    .bind(payable.tickets)
    .bind(payable.coupons)
    .bind(payable.platform_fee)
    .bind(payable.cancellation_fees)
    .bind(id)
    .execute(&mut *tx)
    .await?;
    if is_last {
        tell(tx, organizer, period, NoticeKind::SettlementClosed, now_ms).await?;
    }
    Ok(is_last)
}

/// What these transactions owe their organizer: each is about one.
async fn owed(tx: &mut Conn, transactions: &[Value]) -> Result<Payable> {
    let tail = "AND account LIKE 'organizer_payable:%' GROUP BY account";
    let text = "SELECT account, CAST(SUM(amount) AS SIGNED) AS amount FROM journal_entry WHERE transaction_id IN";
    let mut payable = Payable::default();
    for row in fetch_in(tx, text, transactions, tail).await? {
        owe(&mut payable, &row.try_get::<String, _>("account")?, row.try_get("amount")?);
    }
    Ok(payable)
}

pub(super) async fn tell(
    tx: &mut Conn,
    organizer: &str,
    period: Period,
    kind: NoticeKind,
    now_ms: Millis,
) -> Result<()> {
    let settlement = stored(tx, organizer, period).await?.expect("the caller has stored it");
    let notices = vec![Notice::Settlement { kind, settlement: Box::new(settlement) }];
    outbox::tell(tx, LaneId::OF_THE_HOUSE, now_ms, &[Told { order: None, notices }]).await
}
