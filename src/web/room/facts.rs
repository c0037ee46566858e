//! The facts of a place that the page shows, and the words that follow from them.

use super::texts::{Texts, number, span};

/// How long before a visit's end the page warns of it, s.
pub const WARN_S: i64 = 60;

/// Where the visitor stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The visitor has no place yet.
    Door,
    /// The visitor has no place, and this line takes only signed-in users.
    SignIn,
    Scheduled,
    Waiting,
    Admitted,
    Done,
    Closed,
}

/// The state of the room.
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
    /// The visitor left, by their own wish.
    Left,
    /// The gateway could not take the request just then.
    Busy,
    /// The request was refused.
    Again,
    /// This browser had a place and has lost it.
    Gone,
    /// The browser keeps no cookies.
    Cookies,
    /// A proof of work was wanted, and a form cannot make one.
    Script,
}

/// How long a closed room stays closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shut {
    /// Nobody has said.
    #[default]
    ForNow,
    /// The opening is announced.
    Until,
    /// The sale's end has passed.
    ForGood,
}

/// Seconds until one's turn, a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EtaFacts {
    pub low_s: i64,
    pub high_s: i64,
}

/// Times as people write them, in the event's time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    pub now: String,
    pub opens_at: Option<String>,
    pub closes_at: Option<String>,
    /// When the visitor was called.
    pub called_at: Option<String>,
}

/// A room's draw, as far as it has come. Lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawFacts {
    pub commitment: String,
    pub list_digest: Option<String>,
    pub seed: Option<String>,
    /// `None`: at the door.
    pub visitor: Option<String>,
    pub rank: Rank,
}

/// What a visitor drew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// The draw has not happened yet: it happens at the opening.
    Before,
    /// The draw is being published.
    Soon,
    /// From 1.
    Drawn { rank: i64, of: i64 },
    /// The visitor came after the draw.
    After,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub stage: Stage,
    pub mood: Mood,
    /// At the door only.
    pub trouble: Option<Trouble>,
    pub ahead: Option<i64>,
    pub behind: Option<i64>,
    pub eta: Option<EtaFacts>,
    /// `None` in rooms without seats.
    pub seats_left: Option<i64>,
    /// How many wait in all.
    pub waiting: Option<i64>,
    /// Even if nobody waits, a visitor would not be let in at once. At the door only.
    pub full: bool,
    /// The visitor was away when called, and is back.
    pub late: bool,
    pub lottery: bool,
    /// A place is a person's, not a browser's.
    pub person: bool,
    pub draw: Option<DrawFacts>,
    pub shut: Shut,
    pub times: Times,
    /// Until the room opens, s.
    pub opens_in_s: Option<i64>,
    /// Until the visit ends, s.
    pub left_s: Option<i64>,
    /// How late a visitor who was away when called may come back, s.
    pub grace_s: i64,
    /// The visitor was let in, but wants to stay on this page.
    pub stays: bool,
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
    /// The facts when nothing but the stage is known.
    pub fn bare(stage: Stage) -> Self {
        Self {
            stage,
            mood: Mood::Open,
            trouble: None,
            ahead: None,
            behind: None,
            eta: None,
            seats_left: None,
            waiting: None,
            full: false,
            late: false,
            lottery: false,
            person: false,
            draw: None,
            shut: Shut::ForNow,
            times: Times::default(),
            opens_in_s: None,
            left_s: None,
            grace_s: 0,
            stays: false,
            poll_after_ms: 0,
            needs_script: false,
        }
    }

    fn is_shut(&self) -> bool {
        matches!(self.mood, Mood::Closed | Mood::Drain)
    }

    pub fn may_enter(&self) -> bool {
        matches!(self.stage, Stage::Door | Stage::Done) && !self.is_shut()
    }

    /// A visitor who comes for the first time need not press a button; one who has left must.
    pub fn enters_by_itself(&self) -> bool {
        self.stage == Stage::Door && self.trouble.is_none() && self.may_enter()
    }

    /// Nobody can enter now, and perhaps later.
    pub fn may_open(&self) -> bool {
        self.stage == Stage::Door && self.is_shut() && self.shut != Shut::ForGood
    }

    /// No seat is free.
    fn is_held(&self) -> bool {
        self.seats_left == Some(0)
    }

    /// The keys of the headline and of the sentence below it.
    pub fn words(&self) -> (&'static str, &'static str) {
        let called = self.times.called_at.is_some();
        match self.stage {
            Stage::SignIn => ("door_head", "door_sign_in"),
            Stage::Door => self.words_at_door(),
            Stage::Scheduled if self.lottery => ("lottery_head", "lottery_text"),
            Stage::Scheduled => ("scheduled_head", "scheduled_text"),
            Stage::Waiting => self.words_in_line(called),
            Stage::Admitted => ("admitted_head", if called { "admitted_called" } else { "admitted_text" }),
            Stage::Done => ("done_head", if called { "done_called" } else { "done_text" }),
            Stage::Closed => self.words_of_closed(),
        }
    }

    fn words_at_door(&self) -> (&'static str, &'static str) {
        let text = match (self.mood, self.trouble) {
            (Mood::Closed, _) => return self.words_of_closed(),
            (Mood::Drain, Some(Trouble::Left)) => return ("drain_head", "drain_left"),
            (Mood::Drain, _) => return ("drain_head", "drain_door"),
            (_, Some(Trouble::Gone)) => return ("gone_head", "gone_text"),
            (_, Some(Trouble::Cookies)) => return ("cookies_head", "cookies_text"),
            (_, Some(Trouble::Left)) => "door_left",
            (_, Some(Trouble::Busy)) => "door_busy",
            (_, Some(Trouble::Script)) => "door_script",
            (Mood::Recovering, _) => "door_recovering",
            (Mood::Scheduled, _) if self.times.opens_at.is_none() => "door_soon",
            (Mood::Scheduled, _) if self.lottery => "door_lottery",
            (Mood::Scheduled, _) => "door_scheduled",
            (Mood::SoldOut, _) => return ("sold_out_head", "door_sold_out"),
            (Mood::Paused, _) => "door_paused",
            (Mood::Open, _) if self.is_held() => return ("held_head", "door_held"),
            (Mood::Open, _) => match self.waiting {
                Some(0) if self.full => "door_full",
                Some(0) => "door_calm",
                Some(_) => "door_text",
                None => "door_unknown",
            },
        };
        ("door_head", text)
    }

    fn words_in_line(&self, called: bool) -> (&'static str, &'static str) {
        match self.mood {
            Mood::Recovering => ("recovering_head", "recovering_text"),
            _ if self.late => ("late_head", if called { "late_text" } else { "late_unknown" }),
            Mood::Paused => ("paused_head", "paused_text"),
            Mood::SoldOut => ("sold_out_head", "sold_out_text"),
            _ if self.is_held() => ("held_head", "held_text"),
            _ if self.ahead == Some(0) => ("next_head", "next_text"),
            Mood::Drain => ("waiting_head", "drain_text"),
            _ if self.lottery => ("waiting_head", "waiting_lottery"),
            Mood::Scheduled | Mood::Open | Mood::Closed => ("waiting_head", "waiting_text"),
        }
    }

    fn words_of_closed(&self) -> (&'static str, &'static str) {
        match self.shut {
            Shut::ForNow => ("closed_head", "closed_text"),
            Shut::Until => ("closed_head", "closed_until"),
            Shut::ForGood => ("over_head", "over_text"),
        }
    }

    pub fn sentence(&self, texts: &Texts) -> String {
        let Times { opens_at, closes_at, called_at, .. } = &self.times;
        let (_, key) = self.words();
        let time = match key {
            "over_text" => closes_at,
            "late_text" | "admitted_called" | "done_called" => called_at,
            _ => opens_at,
        };
        let time = time.as_deref().unwrap_or("");
        texts.fill(key, &[("time", time), ("n", &self.waiting.map(number).unwrap_or_default())])
    }

    /// The key of an additional note, if there is one.
    pub fn note(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Admitted if self.left_s.is_some_and(|left_s| left_s < WARN_S) => Some("note_ending"),
            Stage::Done if self.may_enter() => Some("note_again"),
            Stage::Done if self.mood == Mood::Drain => Some("drain_door"),
            Stage::Door
            | Stage::SignIn
            | Stage::Scheduled
            | Stage::Waiting
            | Stage::Admitted
            | Stage::Done
            | Stage::Closed => None,
        }
    }

    /// The key of what is counted down, and the seconds that are left.
    pub fn countdown(&self) -> Option<(&'static str, i64)> {
        match self.stage {
            Stage::Scheduled => Some(("clock_opens", self.opens_in_s?)),
            Stage::Admitted => Some(("clock_left", self.left_s?)),
            Stage::Door | Stage::SignIn | Stage::Waiting | Stage::Done | Stage::Closed => None,
        }
    }

    /// What a visitor in line has to know about going away.
    pub fn keep(&self, texts: &Texts) -> String {
        match self.grace_s {
            ..=0 => texts.get("keep_strict").to_owned(),
            grace_s => texts.fill("keep", &[("grace", &length(grace_s, texts))]),
        }
    }

    /// The estimate, in whole minutes or hours: it is not good to the second.
    pub fn wait(&self, texts: &Texts) -> String {
        let Some(EtaFacts { low_s, high_s }) = self.eta else { return texts.get("not_known").to_owned() };
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

/// A length of time in one unit, rounded down.
fn length(s: i64, texts: &Texts) -> String {
    let (key, n) = if s < 120 { ("length_s", s) } else { ("length_min", s / 60) };
    texts.fill(key, &[("n", &number(n))])
}

/// What a countdown shows.
pub fn remaining(s: i64, texts: &Texts) -> String {
    let (days, rest) = (s.max(0) / 86_400, span(s.max(0) % 86_400));
    if days > 0 { texts.fill("days", &[("n", &number(days)), ("rest", &rest)]) } else { rest }
}

/// `a / b`, rounded up; `a` not negative.
fn up(a: i64, b: i64) -> i64 {
    a.div_euclid(b) + i64::from(a.rem_euclid(b) > 0)
}
