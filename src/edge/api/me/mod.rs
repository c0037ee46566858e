//! What is the user's own: coupons, orders, tickets, points.

pub mod points;
pub mod routes;
pub mod ticket;

use http::StatusCode;
use serde::Serialize;

use self::points::{MoveView, PointsView};
use self::ticket::OwnTicketView;
use super::coupons::view::CouponView;
use super::orders;
use super::page::{Page, Wanted};
use crate::edge::{Answer, Outcome, Request};

/// `GET /v1/me/coupons`
pub async fn coupons(request: Request) -> Outcome {
    let user = request.user()?;
    let Wanted { after, limit } = Wanted::of(&request)?;
    let state = &request.state;
    let now_ms = state.clock.now_ms();
    let rows = state.ledger.coupons_of(user, after, limit, now_ms).await?;
    own(&Page::of(rows, |row| CouponView::new(row, state.inventory.coupons(), user, now_ms)))
}

/// `GET /v1/me/orders`: newest first.
pub async fn orders(request: Request) -> Outcome {
    let user = request.user()?;
    let Wanted { after, limit } = Wanted::of(&request)?;
    let rows = request.state.ledger.orders_of(user, after, limit).await?;
    own(&Page::of(rows, |fact| orders::view(&request, &fact)))
}

/// `GET /v1/me/tickets`
pub async fn tickets(request: Request) -> Outcome {
    let user = request.user()?;
    let Wanted { after, limit } = Wanted::of(&request)?;
    let state = &request.state;
    let rows = state.ledger.tickets_of(user, after, limit).await?;
    own(&Page::of(rows, |row| {
        let event = state.catalog.any_event(row.event.as_str());
        OwnTicketView::new(row, event.as_deref())
    }))
}

/// `GET /v1/me/points`
pub async fn points(request: Request) -> Outcome {
    let user = request.user()?;
    let now_ms = request.state.clock.now_ms();
    let points = request.state.ledger.points(user, now_ms).await?;
    own(&PointsView::new(points, now_ms))
}

/// `GET /v1/me/points/moves`: newest first.
pub async fn moves(request: Request) -> Outcome {
    let user = request.user()?;
    let Wanted { after, limit } = Wanted::of(&request)?;
    let rows = request.state.ledger.point_moves(user, after, limit).await?;
    own(&Page::of(rows, MoveView::new))
}

fn own<T: Serialize>(view: &T) -> Outcome {
    Ok(Answer::json(StatusCode::OK, view).no_store())
}
