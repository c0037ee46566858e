//! What the page is told of a place, and which words that makes. Knows no HTML.

use super::texts::{Texts, number};

/// Where the visitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Has no place yet.
    Door,
    /// Has no place, and this line takes only who is signed in.
    SignIn,
    Scheduled,
    Waiting,
    Admitted,
    Done,
    Closed,
}

/// How the room is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Scheduled,
    Open,
    Paused,
    Drain,
    Closed,
    Recovering,
    SoldOut,
}

/// Why a visitor is at the door again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Left, by their own wish.
    Left,
    /// The gateway had no room for the request.
    Busy,
    /// There was no such place.
    Again,
    /// A proof of work was wanted, and a form cannot make one.
    Script,
}

/// Seconds until one's turn, a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Eta {
    pub low_s: i64,
    pub high_s: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub stage: Stage,
    pub mood: Mood,
    /// At the door only.
    pub trouble: Option<Trouble>,
    pub ahead: Option<i64>,
    pub behind: Option<i64>,
    pub eta: Option<Eta>,
    /// `None` in rooms without seats.
    pub seats_left: Option<i64>,
    /// How many wait, as told at the door.
    pub waiting: Option<i64>,
    /// When the room opens, as people write it.
    pub opens_at: Option<String>,
    /// When the visit ends, as people write it.
    pub until: Option<String>,
    pub poll_after_ms: i64,
    /// Entering takes a script just now: a proof of work is wanted.
    pub needs_script: bool,
}

impl Stage {
    /// As the API and the style sheet call it.
    pub fn text(self) -> &'static str {
        match self {
            Stage::Door | Stage::SignIn => "door",
            Stage::Scheduled => "scheduled",
            Stage::Waiting => "waiting",
            Stage::Admitted => "admitted",
            Stage::Done => "done",
            Stage::Closed => "closed",
        }
    }
}

impl Mood {
    pub fn text(self) -> &'static str {
        match self {
            Mood::Scheduled => "scheduled",
            Mood::Open => "open",
            Mood::Paused => "paused",
            Mood::Drain => "drain",
            Mood::Closed => "closed",
            Mood::Recovering => "recovering",
            Mood::SoldOut => "sold_out",
        }
    }
}

impl Facts {
    fn shut(&self) -> bool {
        matches!(self.mood, Mood::Closed | Mood::Drain)
    }

    pub fn may_enter(&self) -> bool {
        matches!(self.stage, Stage::Door | Stage::Done) && !self.shut()
    }

    /// Whoever comes for the first time is not asked to press a button as well; whoever left is.
    pub fn enters_by_itself(&self) -> bool {
        self.stage == Stage::Door && self.trouble.is_none() && self.may_enter()
    }

    /// The key of the headline.
    pub fn headline(&self) -> &'static str {
        match self.stage {
            Stage::Door if self.shut() => "closed_head",
            Stage::Door | Stage::SignIn => "door_head",
            Stage::Scheduled => "scheduled_head",
            Stage::Waiting => "waiting_head",
            Stage::Admitted => "admitted_head",
            Stage::Done => "done_head",
            Stage::Closed => "closed_head",
        }
    }

    pub fn sentence(&self, texts: &Texts) -> String {
        let plain = |key: &str| texts.get(key).to_owned();
        match self.stage {
            Stage::SignIn => plain("door_sign_in"),
            Stage::Door if self.shut() => plain("closed_text"),
            Stage::Door => match (self.trouble, self.mood, self.waiting, &self.opens_at) {
                (Some(Trouble::Left), ..) => plain("door_left"),
                (Some(Trouble::Busy), ..) => plain("door_busy"),
                (Some(Trouble::Script), ..) => plain("door_script"),
                (_, Mood::Scheduled, _, Some(time)) => texts.fill("door_scheduled", &[("time", time)]),
                (_, Mood::Open, Some(0), _) => plain("door_calm"),
                (_, _, Some(n), _) => texts.fill("door_text", &[("n", &number(n))]),
                (_, _, None, _) => plain("door_unknown"),
            },
            Stage::Scheduled => match &self.opens_at {
                Some(time) => texts.fill("scheduled_text", &[("time", time)]),
                None => plain("scheduled_soon"),
            },
            Stage::Waiting => plain("waiting_text"),
            Stage::Admitted => texts.fill("admitted_text", &[("time", self.until.as_deref().unwrap_or("–"))]),
            Stage::Done => plain("done_text"),
            Stage::Closed => plain("closed_text"),
        }
    }

    /// The key of the plain word on what is unusual.
    pub fn note(&self) -> Option<&'static str> {
        let waits = matches!(self.stage, Stage::Waiting | Stage::Scheduled);
        match self.mood {
            Mood::Recovering => Some("note_recovering"),
            _ if !waits => None,
            Mood::Paused => Some("note_paused"),
            Mood::SoldOut => Some("note_sold_out"),
            _ if self.seats_left == Some(0) => Some("note_held"),
            Mood::Drain => Some("note_drain"),
            Mood::Scheduled | Mood::Open | Mood::Closed => None,
        }
    }

    /// The estimate, in whole minutes or hours: a promise to the second would be none.
    pub fn wait(&self, texts: &Texts) -> String {
        let Some(Eta { low_s, high_s }) = self.eta else { return texts.get("not_known").to_owned() };
        let (low, high) = (low_s.div_euclid(60), up(high_s, 60));
        let range =
            |key: &str, low: i64, high: i64| texts.fill(key, &[("low", &low.to_string()), ("high", &high.to_string())]);
        match (low, high) {
            (_, ..=1) => texts.get("under_minute").to_owned(),
            (60.., 120..) => range("hours", low.div_euclid(60), up(high, 60)),
            (low, high) if low == 0 || low == high => range("up_to_minutes", low, high),
            (low, high) => range("minutes", low, high),
        }
    }
}

/// `a / b`, rounded up; `a` not negative.
fn up(a: i64, b: i64) -> i64 {
    a.div_euclid(b) + i64::from(a.rem_euclid(b) > 0)
}
