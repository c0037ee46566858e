//! All answers of a history, and whether they fit together. The auditor reads no store. It believes what the house told
//! its visitors, and checks every later answer against that. INV-n are the invariants of `src/docs/invariants.md`.

mod books;
mod campaigns;
pub mod fields;
mod hall;
mod hold;
mod line;
pub mod offer;
mod order;
mod purse;
mod refund;
mod told;

use std::collections::BTreeSet;

use serde_json::Value;

pub use campaigns::Campaigns;
pub use hall::Hall;
pub use line::Line;
pub use line::Shown;
pub use purse::Purse;

use self::books::Books;
use self::fields::is_kept;
use self::told::Notices;
use super::bank::Bank;

/// How far two clocks of the house may be apart, with some margin, ms.
const SKEW_MS: i64 = 2_000;
/// How old a page may be when it is shown, including the difference of clocks, ms.
const STALE_MS: i64 = 4_000;
/// Most contradictions that are reported. More would not help.
const TOLD_MAX: usize = 20;

/// When a request was sent and answered, and by which process.
#[derive(Debug, Clone, Copy)]
pub struct When {
    pub process: u64,
    pub asked_ms: i64,
    pub at_ms: i64,
}

/// The contradictions found so far, in plain words.
#[derive(Debug, Default)]
pub struct Found(Vec<String>);

impl Found {
    pub fn says(&mut self, what: String) {
        if self.0.len() < TOLD_MAX && !self.0.contains(&what) {
            self.0.push(what);
        }
    }
}

/// What is known from all answers so far.
#[derive(Default)]
pub struct Auditor {
    found: Found,
    line: Line,
    hall: Hall,
    purse: Purse,
    campaigns: Campaigns,
    books: Books,
    users: BTreeSet<String>,
    /// When a lane was last lost.
    lost_ms: i64,
    losses: u64,
}

impl Auditor {
    pub fn finds(&mut self, what: String) {
        self.found.says(what);
    }

    pub fn found(&self) -> &[String] {
        &self.found.0
    }

    /// A lane was lost. Its line comes back as it was a moment before; holds that were not ordered do not come back.
    pub fn lane_lost(&mut self, now_ms: i64) {
        self.line.lost(now_ms);
        self.hall.lost();
        self.lost_ms = now_ms;
        self.losses += 1;
    }

    /// All lanes were set back to an older file. A lane whose log ends as before is not rebuilt: it does again what its log
    /// still has, and shows orders and refunds as they were before for as long.
    pub fn lanes_set_back(&mut self, now_ms: i64) {
        self.lane_lost(now_ms);
        self.hall.set_back();
    }

    /// How often lanes were lost so far.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// Whether an answer may be from before the last loss of a lane.
    fn is_of_before(&self, when: When) -> bool {
        when.asked_ms <= self.lost_ms + STALE_MS
    }

    /// An operator asked for this event. Whether it was put may be unknown.
    pub fn event_may_be(&mut self, event: &str, spec: &Value) {
        self.line.event_may_be(event, spec);
    }

    /// An operator asked for these settings of a room. Whether they were applied may be unknown.
    pub fn room_may_be(&mut self, event: &str, room: &Value) {
        self.line.may_be(event, room);
    }

    /// A visitor was shown their place.
    pub fn placed(&mut self, event: &str, when: When, place: &Value, how: Shown) {
        self.line.came(event, when, place, how);
        if !self.is_of_before(when) {
            self.line.placed(event, when, place, &mut self.found);
        }
    }

    /// A request for a place is sent.
    pub fn place_asked(&mut self, event: &str) {
        self.line.asked(event);
    }

    /// A request for a place was refused.
    pub fn place_refused(&mut self, event: &str) {
        self.line.refused(event);
    }

    /// A request for a place had no answer.
    pub fn place_unknown(&mut self, event: &str) {
        self.line.unanswered(event);
    }

    /// A visitor may be inside until then, because they hold seats or pay.
    pub fn may_stay(&mut self, visitor: &str, until_ms: i64) {
        self.line.may_stay(visitor, until_ms);
    }

    /// A visitor's place may end from now on.
    pub fn may_be_gone(&mut self, visitor: &str) {
        self.line.may_be_gone(visitor);
    }

    /// A visitor was told that they have left the line.
    pub fn left(&mut self, visitor: &str, when: When) {
        if !self.is_of_before(when) {
            self.line.left(visitor, when.at_ms);
        }
    }

    /// A room's public counts were shown.
    pub fn counted(&mut self, event: &str, when: When, room: &Value) {
        if !self.is_of_before(when) {
            self.line.counted(event, when, room, &mut self.found);
        }
    }

    pub fn held(&mut self, user: &str, when: When, hold: &Value) {
        if !self.is_of_before(when) {
            self.hall.held(user, when, hold, &mut self.found);
        }
    }

    /// The seats of a hold are given back, or may be: nobody has to keep them for this hold.
    pub fn given_back(&mut self, hold: &str) {
        self.hall.given_back(hold);
    }

    /// An order was accepted, or shown.
    pub fn order(&mut self, user: &str, when: When, order: &Value) {
        self.users.insert(user.to_owned());
        self.hall.order(user, when, order, &mut self.found);
    }

    /// The buyer agreed to this price: the order costs this much or is rejected.
    pub fn expects(&mut self, order: &str, cash: i64) {
        self.hall.expects(order, cash);
    }

    /// The event may be cancelled: from some moment on anybody may have its seats.
    pub fn event_may_end(&mut self, event: &str) {
        self.hall.may_end(event);
    }

    /// The event was cancelled.
    pub fn event_ended(&mut self, event: &str) {
        self.hall.ended(event);
    }

    /// Whether an order in this status waits for the refund that its event's cancellation brings.
    pub fn waits_for_its_refund(&self, event: &str, status: &str) -> bool {
        self.hall.has_ended(event) && ["confirmed", "partially_refunded"].contains(&status)
    }

    /// The buyer chose ticket types: each seat with its type, sorted.
    pub fn chose(&mut self, order: &str, types: offer::SeatTypes) {
        self.hall.chose(order, types);
    }

    /// A refund of the order was asked for: from some moment on anybody may have its seats.
    pub fn refunding(&mut self, order: &str) {
        self.hall.refunding(order);
    }

    /// The order may be paid by deposit: the bank may take the money back.
    pub fn by_deposit(&mut self, order: &str) {
        self.hall.by_deposit(order);
    }

    /// The refunds of an order were shown.
    pub fn refunds(&mut self, order: &str, refunds: &Value) {
        self.hall.refunds(order, refunds, &mut self.found);
    }

    /// An accepted order was not found.
    pub fn order_missing(&mut self, order: &str) {
        self.finds(format!("INV-4: order {order} was accepted, and nobody knows it"));
    }

    /// A seat map was shown.
    pub fn seats(&mut self, event: &str, when: When, seats: &Value) {
        if !self.is_of_before(when) {
            self.hall.seats(event, when, seats, &mut self.found);
        }
    }

    pub fn granted(&mut self, user: &str, amount: i64) {
        self.users.insert(user.to_owned());
        self.purse.granted(user, amount);
    }

    /// A request to grant points had no clear answer.
    pub fn grant_unknown(&mut self, user: &str, amount: i64) {
        self.purse.unknown(user, amount);
    }

    pub fn campaign_may_be(&mut self, campaign: &str, spec: &Value) {
        self.campaigns.may_be(campaign, spec);
    }

    pub fn claimed(&mut self, user: &str, claim: &Value) {
        self.users.insert(user.to_owned());
        self.campaigns.claimed(user, claim, &mut self.found);
    }

    /// The house's own audit has reported, under traffic or at rest.
    pub fn audited(&mut self, report: &Value) {
        if report["ok"] != true {
            self.finds(format!("the house's audit: {report}"));
        }
    }

    /// The office closed a month, early on purpose or not, or said that it was paid.
    pub fn settled(&mut self, early: bool, settlement: &Value) {
        self.books.settled(early, settlement, &mut self.found);
    }

    /// Checks the organizer's settlements at the end.
    pub fn close_books(&mut self, settlements: &[Value], notices: &[Value]) {
        let undone = Notices::of(notices).undone();
        self.books.close(settlements, &self.hall, &self.campaigns, undone, &mut self.found);
    }

    /// The orders that were accepted, with their users.
    pub fn accepted(&self) -> Vec<(String, String)> {
        self.hall.accepted()
    }

    pub fn users(&self) -> Vec<String> {
        self.users.iter().cloned().collect()
    }

    /// Checks at the end that the notices tell what the orders came to.
    pub fn told(&mut self, orders: &[Value], notices: &[Value]) {
        Notices::of(notices).check(orders, &mut self.found);
    }

    /// Checks what is shown of a user at the end.
    pub fn close_user(&mut self, user: &str, points: &Value, coupons: &Value) {
        self.purse.close(user, points, self.hall.points_of(user), &mut self.found);
        self.campaigns.close(user, coupons, &self.hall, &mut self.found);
    }

    /// Checks what is shown of an event at the end.
    pub fn close_event(&mut self, event: &str, seats: &Value, room: &Value) {
        self.hall.close_event(event, seats, &mut self.found);
        if is_kept(room) {
            self.finds(format!("places of {event} are kept for nothing: {room}"));
        }
    }

    /// Checks at the end that every order is final and that the bank agrees.
    pub fn close(&mut self, bank: &Bank) {
        self.hall.close(bank, &mut self.found);
        self.campaigns.close_all(&mut self.found);
    }
}
