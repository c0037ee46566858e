//! The waiting room's page: what a visitor sees at each state of their place, written whole by the server
//! so that it needs no script; the script then keeps it up to date. Knows no requests and no store.

mod facts;
mod template;
mod texts;

pub use facts::{Eta, Facts, Mood, Stage, Trouble};
pub use template::{Template, TemplateError};
pub use texts::Lang;

use texts::{Texts, number};

/// A page asks again no sooner than this without a script, seconds: each time it is loaded whole.
const REFRESH_S_MIN: i64 = 3;

/// What the page may load: nothing but what carries this answer's nonce, and pictures of an operator's
/// template. It talks to its own origin only.
pub fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' https: data:; \
         connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}

/// One visitor's page.
pub struct Page<'a> {
    /// Slug.
    pub event: &'a str,
    pub name: &'a str,
    /// Where an admitted visitor goes on to. Empty: nowhere to go from here.
    pub onward: &'a str,
    /// What the page's own addresses keep as a query, escaped: `return=…`, or empty.
    pub kept: &'a str,
    pub lang: Lang,
    pub nonce: &'a str,
    pub facts: Facts,
}

impl Page<'_> {
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
            "style" => include_str!("room.css").to_owned(),
            "room" => self.room(&texts),
            "script" => include_str!("room.js").to_owned(),
            other => unreachable!("{other}: templates were checked when they were read"),
        })
    }

    /// For browsers without a script only: with one it would interrupt whoever reads.
    fn refresh(&self) -> String {
        match self.facts.stage {
            Stage::Waiting | Stage::Scheduled => {
                let seconds = self.facts.poll_after_ms.div_euclid(1000).saturating_add(1).max(REFRESH_S_MIN);
                format!("<noscript><meta http-equiv=\"refresh\" content=\"{seconds}\"></noscript>")
            }
            Stage::Door | Stage::SignIn | Stage::Admitted | Stage::Done | Stage::Closed => String::new(),
        }
    }

    fn room(&self, texts: &Texts) -> String {
        let Self { event, name, onward, kept, lang, facts, .. } = self;
        let query = if kept.is_empty() { String::new() } else { format!("?{kept}") };
        let stage = facts.stage;
        let waits = stage == Stage::Waiting;
        let in_line = waits || stage == Stage::Scheduled;
        let polls = in_line || stage == Stage::Admitted;
        let text = |key: &str| escape(texts.get(key));
        let count = |n: Option<i64>| n.map_or_else(|| text("unknown"), number);
        let hidden = |seen: bool| if seen { "" } else { " hidden" };
        let note = facts.note().map_or("", |key| texts.get(key));
        let auto = if facts.enters_by_itself() { " data-auto" } else { "" };
        let poll = if polls { " data-poll" } else { "" };
        let leave = if stage == Stage::Admitted { "give_back" } else { "leave" };
        // Not twice: it may be what brought them back here.
        let told = facts.trouble == Some(Trouble::Script);
        let script = match facts.needs_script && facts.may_enter() && !told {
            true => format!("<noscript><p class=\"note\">{}</p></noscript>\n", text("door_script")),
            false => String::new(),
        };
        // The facts are hidden rather than left out: the script shows them when they come to be.
        format!(
            r#"<main id="room" data-event="{event}" data-name="{name}" data-onward="{onward}" data-kept="{kept}" data-lang="{lang}" data-state="{state}" data-room="{mood}"{auto}{poll}>
<p class="event">{name}</p>
<h1 id="headline" tabindex="-1">{headline}</h1>
<p id="sentence">{sentence}</p>
<p id="place" class="place"{place_hidden}><span>{place}</span> <b id="position">{position}</b></p>
<div id="rope" class="rope" hidden><progress id="bar" max="1" value="0" aria-label="{place}"></progress></div>
<dl id="facts"{place_hidden}>
<div><dt>{ahead_name}</dt><dd id="ahead">{ahead}</dd></div>
<div><dt>{behind_name}</dt><dd id="behind">{behind}</dd></div>
<div><dt>{wait_name}</dt><dd id="wait">{wait}</dd></div>
<div id="left-fact"{left_hidden}><dt>{left_name}</dt><dd id="left">{left}</dd></div>
</dl>
<p id="note" class="note"{note_hidden}>{note}</p>
{script}<p id="network" class="note" role="status" hidden>{network}</p>
<div class="do">
<a id="go" class="button main" href="{onward}"{go_hidden}>{go}</a>
<form id="enter" method="post" action="/room/{event}{query}"{enter_hidden}><button class="main">{join}</button></form>
<button id="tell" type="button" aria-pressed="false" hidden>{tell}</button>
<form id="leave" method="post" action="/room/{event}/leave{query}"{leave_hidden}><button id="leave-button">{leave}</button></form>
</div>
<p id="keep" class="keep"{keep_hidden}>{keep}</p>
<p id="status" class="heard" role="status"></p>
</main>
<script type="application/json" id="texts">{json}</script>"#,
            name = escape(name),
            onward = escape(onward),
            kept = escape(kept),
            query = escape(&query),
            lang = lang.code(),
            state = stage.text(),
            mood = facts.mood.text(),
            headline = text(facts.headline()),
            sentence = escape(&facts.sentence(texts)),
            place = text("place"),
            place_hidden = hidden(waits),
            position = count(facts.ahead.map(|ahead| ahead + 1)),
            ahead_name = text("ahead"),
            ahead = count(facts.ahead),
            behind_name = text("behind"),
            behind = count(facts.behind),
            wait_name = text("wait"),
            wait = escape(&facts.wait(texts)),
            left_name = text("left"),
            left = count(facts.seats_left),
            left_hidden = hidden(facts.seats_left.is_some()),
            note = escape(note),
            note_hidden = hidden(!note.is_empty()),
            script = script,
            network = text("note_network"),
            go = text("shop"),
            go_hidden = hidden(stage == Stage::Admitted && !onward.is_empty()),
            join = text("join"),
            enter_hidden = hidden(facts.may_enter()),
            tell = text("tell"),
            leave_hidden = hidden(polls),
            leave = text(leave),
            keep = text("keep"),
            keep_hidden = hidden(in_line),
            json = texts.json(),
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
