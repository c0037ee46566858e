//! The waiting room's page, and the page of an error. The server writes the room's page whole, for each state of a
//! place, so that it needs no script; the script then keeps it up to date.

mod error;
mod facts;
mod template;
mod texts;

pub use error::{Again, ErrorCause, ErrorPage};
pub use facts::{DrawFacts, EtaFacts, Facts, Mood, Rank, Shut, Stage, Times, Trouble, WARN_S};
pub use template::{Template, TemplateError};
pub use texts::Lang;

use facts::remaining;
use texts::{Texts, number};

/// Without a script, a page asks again no sooner than after this, seconds: each time it is loaded whole.
const REFRESH_S_MIN: i64 = 3;

/// How long the page of a closed room waits before it asks again, seconds: the room may open.
const REFRESH_S_CLOSED: i64 = 60;

/// An admitted visitor is sent on to the shop after this, seconds.
const GO_ON_S: i64 = 10;

/// What the page may load: nothing but what carries this answer's nonce, and pictures, which an operator's template may
/// have. Its script talks to its own origin only.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' https: data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// One visitor's page.
pub struct RoomPage<'a> {
    /// Slug.
    pub event: &'a str,
    pub name: &'a str,
    /// IANA name of the event's time zone.
    pub zone: &'a str,
    /// Where an admitted visitor goes on to. Empty: no target is known.
    pub onward: &'a str,
    /// The query that the page's own addresses keep, escaped: `return=…`, or empty.
    pub kept: &'a str,
    pub lang: Lang,
    pub nonce: &'a str,
    pub facts: Facts,
}

impl RoomPage<'_> {
    /// The page by this template.
    pub fn write(&self, template: &Template) -> String {
        let texts = self.lang.texts();
        let title = match (self.facts.stage, self.facts.ahead) {
            (Stage::Waiting, Some(n)) => {
                format!("{} · {}", texts.fill("title_waiting", &[("n", &number(n))]), self.name)
            }
            (Stage::Admitted, _) => format!("{} {}", texts.get("title_admitted"), self.name),
            _ => self.name.to_owned(),
        };
        template.write(|placeholder| match placeholder {
            "lang" => self.lang.code().to_owned(),
            "title" => escape(&title),
            "nonce" => self.nonce.to_owned(),
            "refresh" => self.refresh(),
            "style" => template.style.clone(),
            "room" => self.room(&texts),
            "script" => template.script.clone(),
            other => unreachable!("{other}: templates were checked when they were read"),
        })
    }

    /// The query of one of the page's own addresses: `said`, and the part in `kept`.
    fn query(&self, said: &str) -> String {
        let parts: Vec<&str> = [said, self.kept].into_iter().filter(|part| !part.is_empty()).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }

    /// Whether a visitor without a script is sent on to the shop.
    fn sends_on(&self) -> bool {
        self.facts.stage == Stage::Admitted && !self.onward.is_empty() && !self.facts.stays
    }

    /// The refresh, for browsers without a script only: with a script it would interrupt the reader. The page has one
    /// for as long as anything may change.
    fn refresh(&self) -> String {
        let Facts { stage, trouble, left_s, poll_after_ms, .. } = &self.facts;
        let (seconds, url) = match stage {
            Stage::Waiting | Stage::Scheduled => {
                (poll_after_ms.div_euclid(1000).saturating_add(1).max(REFRESH_S_MIN), String::new())
            }
            Stage::Closed => (REFRESH_S_CLOSED, String::new()),
            Stage::Admitted if self.sends_on() => (GO_ON_S, self.onward.to_owned()),
            // The page is loaded again when the warning is due, and then when the visit ends.
            Stage::Admitted => {
                let left_s = left_s.unwrap_or(0);
                let due_s = if left_s >= WARN_S { left_s - WARN_S } else { left_s };
                (due_s.saturating_add(1).max(REFRESH_S_MIN), String::new())
            }
            // Whether the visitor has a place is unknown: the page's plain address shows it.
            Stage::Door if *trouble == Some(Trouble::Busy) => {
                (REFRESH_S_MIN.max(poll_after_ms / 1000), format!("/room/{}{}", self.event, self.query("")))
            }
            Stage::Door if self.facts.may_open() => {
                (REFRESH_S_CLOSED, format!("/room/{}{}", self.event, self.query("")))
            }
            Stage::Door | Stage::SignIn | Stage::Done => return String::new(),
        };
        let url = if url.is_empty() { url } else { format!("; url={}", escape(&url)) };
        format!("<noscript><meta http-equiv=\"refresh\" content=\"{seconds}{url}\"></noscript>")
    }

    fn room(&self, texts: &Texts) -> String {
        let Self { event, name, zone, onward, kept, lang, facts, .. } = self;
        let query = self.query("");
        let stage = facts.stage;
        let waits = stage == Stage::Waiting;
        let early = stage == Stage::Scheduled;
        let in_line = waits || early;
        let inside = stage == Stage::Admitted;
        let polls = in_line || inside || stage == Stage::Closed;
        let text = |key: &str| escape(texts.get(key));
        let count = |n: Option<i64>| n.map_or_else(|| text("unknown"), number);
        let hidden = |seen: bool| if seen { "" } else { " hidden" };
        let flag = |name: &str, set: bool| if set { format!(" data-{name}") } else { String::new() };
        let note = facts.note().map_or("", |key| texts.get(key));
        let (headline, _) = facts.words();
        let (clock_name, clock) = match facts.countdown() {
            Some((key, s)) => (text(key), escape(&remaining(s, texts))),
            None => (String::new(), String::new()),
        };
        let [leave, leave_sure, leave_yes] = match (inside, facts.mood == Mood::Drain) {
            (true, false) => ["give_back", "give_back_sure", "give_back_yes"],
            (true, true) => ["give_back", "give_back_sure_drain", "give_back_yes"],
            (false, false) => ["leave", "leave_sure", "leave_yes"],
            (false, true) => ["leave", "leave_sure_drain", "leave_yes"],
        };
        // The note is not shown twice. After a form without a script was refused, the sentence says the same.
        let told = facts.trouble == Some(Trouble::Script);
        let script = match facts.needs_script && facts.may_enter() && !told {
            true => format!("<noscript><p class=\"note\">{}</p></noscript>\n", text("door_script")),
            false => String::new(),
        };
        let going = match self.sends_on() {
            true => format!(
                "<noscript><p class=\"going\">{} <a href=\"/room/{event}{}\">{}</a></p></noscript>\n",
                escape(&texts.fill("going_noscript", &[("n", &GO_ON_S.to_string())])),
                escape(&self.query("stay")),
                text("stay"),
            ),
            false => String::new(),
        };
        // Facts are hidden, not left out: the script shows them when they become known.
        format!(
            r#"<main id="room" data-event="{event}" data-name="{name}" data-zone="{zone}" data-onward="{onward}" data-kept="{kept}" data-lang="{lang}" data-state="{state}" data-room="{mood}"{flags}>
<p class="event" dir="auto">{name}</p>
<div id="words">
<h1 id="headline" tabindex="-1">{headline}</h1>
<p id="sentence">{sentence}</p>
</div>
<p id="clock" class="big"{clock_hidden}><span id="clock-name">{clock_name}</span> <b id="clock-left" role="timer">{clock}</b></p>
<p id="place" class="big"{place_hidden}><span>{place}</span> <b id="position">{position}</b></p>
<div id="rope" class="rope" hidden><progress id="bar" max="1" value="0" aria-label="{place}"></progress></div>
<dl id="facts"{facts_hidden}>
<div id="ahead-fact"{place_hidden}><dt>{ahead_name}</dt><dd id="ahead">{ahead}</dd></div>
<div id="behind-fact"{place_hidden}><dt>{behind_name}</dt><dd id="behind">{behind}</dd></div>
<div id="wait-fact"{place_hidden}><dt>{wait_name}</dt><dd id="wait">{wait}</dd></div>
<div id="waiting-fact"{waiting_hidden}><dt>{waiting_name}</dt><dd id="waiting">{waiting}</dd></div>
<div id="left-fact"{left_hidden}><dt>{left_name}</dt><dd id="left">{left}</dd></div>
<div id="opens-fact"{opens_hidden}><dt>{opens_name}</dt><dd id="opens">{opens}</dd></div>
<div id="own-fact" hidden><dt>{own_name}</dt><dd id="own"></dd></div>
</dl>
<p id="going" class="going" hidden></p>
{going}<div class="do">
<a id="go" class="button main" href="{onward}"{go_hidden}>{go}</a>
<p id="nowhere"{nowhere_hidden}>{nowhere}</p>
<button id="stay" type="button" hidden>{stay}</button>
<form id="enter" method="post" action="/room/{event}{query}"{enter_hidden}><button class="main">{join}</button></form>
<button id="tell" type="button" aria-pressed="false" hidden>{tell}</button>
</div>
<details id="out"{leave_hidden}>
<summary id="leave-name">{leave}</summary>
<p id="leave-sure">{leave_sure}</p>
<form id="leave" method="post" action="/room/{event}/leave{query}"><button id="leave-button">{leave_yes}</button></form>
</details>
<p id="note" class="note"{note_hidden}>{note}</p>
{script}<p id="network" class="note" hidden>{network}</p>
<p id="keep" class="small"{keep_hidden}>{keep}</p>
{draw}<p id="updated" class="small">{updated}</p>
<p id="status" class="heard" role="status"></p>
</main>
<script type="application/json" id="texts">{json}</script>"#,
            name = escape(name),
            zone = escape(zone),
            onward = escape(onward),
            kept = escape(kept),
            query = escape(&query),
            lang = lang.code(),
            state = stage.text(),
            mood = facts.mood.text(),
            flags = [
                flag("auto", facts.enters_by_itself()),
                flag("poll", polls),
                flag("lottery", facts.lottery),
                flag("person", facts.person),
                flag("stays", facts.stays),
                flag("left", facts.trouble == Some(Trouble::Left)),
                flag("shut", facts.may_open()),
            ]
            .concat(),
            headline = text(headline),
            sentence = escape(&facts.sentence(texts)),
            clock_hidden = hidden(!clock.is_empty()),
            place = text("place"),
            place_hidden = hidden(waits),
            position = count(facts.ahead.map(|ahead| ahead + 1)),
            facts_hidden = hidden(in_line),
            ahead_name = text("ahead"),
            ahead = count(facts.ahead),
            behind_name = text("behind"),
            behind = count(facts.behind),
            wait_name = text("wait"),
            wait = escape(&facts.wait(texts)),
            waiting_name = text("waiting"),
            waiting = count(facts.waiting),
            waiting_hidden = hidden(early),
            left_name = text("left"),
            left = count(facts.seats_left),
            left_hidden = hidden(facts.seats_left.is_some()),
            opens_name = text("opens"),
            opens = escape(facts.times.opens_at.as_deref().unwrap_or("")),
            opens_hidden = hidden(early && facts.times.opens_at.is_some()),
            own_name = text("opens_own"),
            note = escape(note),
            note_hidden = hidden(!note.is_empty()),
            network = text("note_network"),
            go = text("shop"),
            go_hidden = hidden((inside || stage == Stage::SignIn) && !onward.is_empty()),
            nowhere = text("nowhere"),
            nowhere_hidden = hidden(inside && onward.is_empty()),
            stay = text("stay"),
            join = text("join"),
            enter_hidden = hidden(facts.may_enter()),
            tell = text("tell"),
            leave = text(leave),
            leave_sure = text(leave_sure),
            leave_yes = text(leave_yes),
            leave_hidden = hidden(in_line || inside),
            keep = escape(&facts.keep(texts)),
            keep_hidden = hidden(in_line && !facts.late),
            draw = facts.draw.as_ref().map_or_else(String::new, |draw| self.draw(draw, texts)),
            updated = escape(&texts.fill("updated", &[("time", &facts.times.now)])),
            json = texts.json(),
        )
    }

    /// The draw of the room: what anyone needs to check it.
    fn draw(&self, draw: &DrawFacts, texts: &Texts) -> String {
        let text = |key: &str| escape(texts.get(key));
        let row = |key: &str, id: &str, value: &Option<String>| match value {
            Some(value) => {
                format!("<div><dt>{}</dt><dd id=\"{id}\" class=\"hex\">{}</dd></div>\n", text(key), escape(value))
            }
            None => String::new(),
        };
        let rank = match draw.rank {
            Rank::Before => texts.get("draw_rank_before").to_owned(),
            Rank::Soon => texts.get("draw_rank_soon").to_owned(),
            Rank::Drawn { rank, of } => texts.fill("draw_rank_of", &[("n", &number(rank)), ("of", &number(of))]),
            Rank::After => texts.get("draw_rank_after").to_owned(),
        };
        let rank = match draw.visitor {
            Some(_) => format!("<div><dt>{}</dt><dd id=\"rank\">{}</dd></div>\n", text("draw_rank"), escape(&rank)),
            None => String::new(),
        };
        let how = match draw.seed {
            Some(_) => format!(
                "<p>{}</p>\n<p><a href=\"/v1/events/{}/room/draw\" download>{}</a></p>\n\
                 <p class=\"hex\">commitment = SHA-256(seed)<br>\
                 drawn = HMAC-SHA256(seed, id) &gt;&gt; 210, 0 … 2<sup>46</sup> − 1 ↑</p>\n",
                text("draw_how_after"),
                self.event,
                text("draw_download"),
            ),
            None => format!("<p>{}</p>\n", text("draw_how_before")),
        };
        format!(
            "<section id=\"draw\">\n<h2>{}</h2>\n<dl>\n{rank}{}{}{}{}</dl>\n{how}</section>\n",
            text("draw_head"),
            row("draw_visitor", "draw-visitor", &draw.visitor),
            row("draw_commitment", "draw-commitment", &Some(draw.commitment.clone())),
            row("draw_list", "draw-list", &draw.list_digest),
            row("draw_seed", "draw-seed", &draw.seed),
        )
    }
}

/// Text as HTML, also within a quoted attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
