//! What was answered, and whether it fits together. The auditor knows no store: it believes what the house told its
//! visitors, and holds every later answer against that. INV-n are the invariants of the design.

mod campaigns;
mod hall;
mod line;
mod order;
mod purse;
mod refund;

use std::collections::BTreeSet;

use serde_json::Value;

pub use campaigns::Campaigns;
pub use hall::Hall;
pub use line::Line;
pub use purse::Purse;

use super::bank::Bank;

/// How far two clocks of the house may be apart, and a little more, ms.
const SKEW_MS: i64 = 2_000;
/// A page may be so old when it is shown, clocks apart included, ms.
const STALE_MS: i64 = 4_000;
/// Contradictions that are told; of more than these nobody learns anything.
const TOLD_MAX: usize = 20;

/// When something was asked and answered, and by which process.
#[derive(Debug, Clone, Copy)]
pub struct When {
    pub process: u64,
    pub asked_ms: i64,
    pub at_ms: i64,
}

/// Contradictions, in plain words.
#[derive(Debug, Default)]
pub struct Found(Vec<String>);

impl Found {
    pub fn says(&mut self, what: String) {
        if self.0.len() < TOLD_MAX && !self.0.contains(&what) {
            self.0.push(what);
        }
    }
}

/// All that was answered so far.
#[derive(Default)]
pub struct Auditor {
    found: Found,
    line: Line,
    hall: Hall,
    purse: Purse,
    campaigns: Campaigns,
    users: BTreeSet<String>,
    /// When a lane was lost last, and how often one was.
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

    /// A line comes back as it was a moment before, and a hold that was not ordered does not.
    pub fn lane_lost(&mut self, now_ms: i64) {
        self.line.lost(now_ms);
        self.hall.lost();
        self.lost_ms = now_ms;
        self.losses += 1;
    }

    /// How often a lane was lost so far.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    /// An answer that may be of the time before a lane was lost.
    fn is_of_before(&self, when: When) -> bool {
        when.asked_ms <= self.lost_ms + STALE_MS
    }

    /// An operator asked for an event to be so.
    pub fn event_may_be(&mut self, event: &str, spec: &Value) {
        self.line.event_may_be(event, spec);
    }

    /// An operator asked for these settings of a room; whether they came to be nobody may know.
    pub fn room_may_be(&mut self, event: &str, room: &Value) {
        self.line.may_be(event, room);
    }

    /// A visitor was told where they stand; `is_new`: in a place that they have just taken.
    pub fn placed(&mut self, event: &str, when: When, place: &Value, is_new: bool) {
        self.line.came(event, when, place, is_new);
        if !self.is_of_before(when) {
            self.line.placed(event, when, place, &mut self.found);
        }
    }

    /// Somebody asked for a place and has no answer.
    pub fn place_unknown(&mut self, event: &str) {
        self.line.unanswered(event);
    }

    /// A visitor may be inside until then: they hold seats or pay.
    pub fn may_stay(&mut self, visitor: &str, until_ms: i64) {
        self.line.may_stay(visitor, until_ms);
    }

    /// A visitor's place may be given back from now on.
    pub fn may_be_gone(&mut self, visitor: &str) {
        self.line.may_be_gone(visitor);
    }

    /// A visitor was told that they have left.
    pub fn left(&mut self, visitor: &str, when: When) {
        if !self.is_of_before(when) {
            self.line.left(visitor, when.at_ms);
        }
    }

    /// A room's public counts.
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

    /// The seats are given back, or may be: nobody has to keep them for this hold.
    pub fn given_back(&mut self, hold: &str) {
        self.hall.given_back(hold);
    }

    /// An order was accepted, or seen.
    pub fn order(&mut self, user: &str, when: When, order: &Value) {
        self.users.insert(user.to_owned());
        self.hall.order(user, when, order, &mut self.found);
    }

    /// The order is to cost this much, or not to be.
    pub fn expects(&mut self, order: &str, cash: i64) {
        self.hall.expects(order, cash);
    }

    /// Its buyer asked for money back: the seats are anybody's from some moment on.
    pub fn refunding(&mut self, order: &str) {
        self.hall.refunding(order);
    }

    /// The refunds of an order were shown.
    pub fn refunds(&mut self, order: &str, refunds: &Value) {
        self.hall.refunds(order, refunds, &mut self.found);
    }

    /// An order that was accepted is not there.
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

    /// Somebody asked for points to be granted and has no answer.
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

    /// The house's own audit, under traffic or at rest.
    pub fn audited(&mut self, report: &Value) {
        if report["ok"] != true {
            self.finds(format!("the house's audit: {report}"));
        }
    }

    /// Orders that were accepted, with their users.
    pub fn accepted(&self) -> Vec<(String, String)> {
        self.hall.accepted()
    }

    pub fn users(&self) -> Vec<String> {
        self.users.iter().cloned().collect()
    }

    /// What is shown of a user when all is over.
    pub fn close_user(&mut self, user: &str, points: &Value, coupons: &Value) {
        self.purse.close(user, points, self.hall.points_of(user), &mut self.found);
        self.campaigns.close(user, coupons, &self.hall, &mut self.found);
    }

    /// What is shown of an event when all is over.
    pub fn close_event(&mut self, event: &str, seats: &Value, room: &Value) {
        self.hall.close_event(event, seats, &mut self.found);
        if is_kept(room) {
            self.finds(format!("places of {event} are kept for nothing: {room}"));
        }
    }

    /// When all is over: every order at its end, and the bank of the same mind.
    pub fn close(&mut self, bank: &Bank) {
        self.hall.close(bank, &mut self.found);
        self.campaigns.close_all(&mut self.found);
    }
}

/// Whether a room has places when nobody comes any more. In front of a sold-out hall a line stands for as long as it is
/// shown; nobody is called, so nobody is missed.
pub fn is_kept(room: &Value) -> bool {
    room["inside"] != 0 || room["waiting"] != 0 && room["room"] != "sold_out"
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or(0)
}

/// A time as it is shown; 0: none.
fn moment(value: &Value, field: &str) -> i64 {
    value[field].as_str().and_then(stanchion::clock::parse_rfc3339).unwrap_or(0)
}
