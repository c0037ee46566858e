//! A settlement's sales and refunds, for a spreadsheet.

use bytes::Bytes;
use csv::Writer;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Body, Frame};

use crate::edge::answer::BoxError;
use crate::facts::period::{Period, wall_time};
use crate::facts::settlement::Bookkeeping;
use crate::ledger::Reader;
use crate::ledger::read::Cursor;
use crate::ledger::settlement::{EntryKind, SettlementEntry};

pub const TYPE: &str = "text/csv";

/// Entries that are read at once.
const PAGE: u32 = 1_000;

const HEADINGS: [&str; 12] = [
    "at",
    "month",
    "kind",
    "event",
    "order",
    "refund",
    "currency",
    "tickets",
    "coupons",
    "platform_fee",
    "cancellation_fees",
    "amount",
];

/// A list that is being sent, with one page of it in memory at a time.
struct EntryList {
    ledger: Reader,
    organizer: String,
    period: Period,
    books: Bookkeeping,
    next: NextPart,
}

enum NextPart {
    Headings,
    Page(Option<Cursor>),
    End,
}

pub fn body(
    ledger: Reader,
    organizer: String,
    period: Period,
    books: Bookkeeping,
) -> impl Body<Data = Bytes, Error = BoxError> + Send {
    let list = EntryList { ledger, organizer, period, books, next: NextPart::Headings };
    StreamBody::new(stream::try_unfold(list, EntryList::next))
}

impl EntryList {
    async fn next(mut self) -> Result<Option<(Frame<Bytes>, Self)>, BoxError> {
        let mut csv = Writer::from_writer(Vec::new());
        match std::mem::replace(&mut self.next, NextPart::End) {
            NextPart::End => return Ok(None),
            NextPart::Headings => {
                csv.write_record(HEADINGS)?;
                self.next = NextPart::Page(None);
            }
            NextPart::Page(after) => {
                let Self { ledger, organizer, period, books, .. } = &self;
                let part = ledger.settlement_entries(organizer, *period, books, after, PAGE).await;
                // The connection breaks off, so that nobody takes a part of the list for the whole.
                let part = part.inspect_err(|error| {
                    tracing::warn!(organizer, %period, error = error as &dyn std::error::Error, "a settlement's list breaks off");
                })?;
                for entry in &part.items {
                    csv.write_record(row(entry, books))?;
                }
                self.next = part.next.map_or(NextPart::End, |next| NextPart::Page(Some(next)));
            }
        }
        let bytes = csv.into_inner().map_err(|error| error.into_error())?;
        Ok(Some((Frame::data(bytes.into()), self)))
    }
}

fn row(entry: &SettlementEntry, books: &Bookkeeping) -> [String; 12] {
    let (kind, refund) = match &entry.kind {
        EntryKind::Sale => ("sale", String::new()),
        EntryKind::Undone => ("undone", String::new()),
        EntryKind::Refund(refund) => ("refund", refund.to_string()),
    };
    [
        wall_time(entry.at_ms, &books.zone),
        Period::of(entry.at_ms, &books.zone).to_string(),
        kind.to_owned(),
        entry.event.to_string(),
        entry.order.to_string(),
        refund,
        books.currency.clone(),
        entry.payable.tickets.to_string(),
        entry.payable.coupons.to_string(),
        entry.payable.platform_fee.to_string(),
        entry.payable.cancellation_fees.to_string(),
        entry.payable.amount().to_string(),
    ]
}
