//! Cursor pages.

use serde::Serialize;
use utoipa::ToSchema;

/// A page of a list; `next` is the `after` of the page behind it, `null` on the last.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}
