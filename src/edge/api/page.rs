//! Cursor pages.

use serde::Serialize;
use utoipa::ToSchema;

use crate::edge::{Problem, Request};
use crate::ledger::read as reads;
use crate::ledger::read::Cursor;

/// A page of a list; `next` is the `after` of the next page, `null` on the last.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    #[schema(example = "MTI6bzAzZTVi")]
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// A page of the ledger's rows, each as its view.
    pub fn of<R>(rows: reads::ListPart<R>, view: impl Fn(R) -> T) -> Self {
        Self { items: rows.items.into_iter().map(view).collect(), next: rows.next.map(|next| next.to_string()) }
    }
}

/// Which part of a list of the ledger was asked for.
pub struct Wanted {
    pub after: Option<Cursor>,
    pub limit: u32,
}

impl Wanted {
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let limit = u32::try_from(request.query.limit()?).expect("at most 200");
        let malformed = || Problem::field("?after", "not the next of a page of this list");
        let after = request.query.after().map(|text| Cursor::parse(text).ok_or_else(malformed)).transpose()?;
        Ok(Self { after, limit })
    }
}
