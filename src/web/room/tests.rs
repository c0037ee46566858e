//! The page's text at each state, its colours, its size.

use std::collections::BTreeMap;

use super::*;

fn facts(stage: Stage) -> Facts {
    Facts {
        stage,
        mood: Mood::Open,
        trouble: None,
        ahead: None,
        behind: None,
        eta: None,
        seats_left: None,
        waiting: None,
        opens_at: None,
        until: None,
        poll_after_ms: 2_000,
        needs_script: false,
    }
}

fn waiting() -> Facts {
    Facts {
        ahead: Some(1_233),
        behind: Some(45),
        eta: Some(Eta { low_s: 190, high_s: 290 }),
        seats_left: Some(12),
        ..facts(Stage::Waiting)
    }
}

fn page(lang: Lang, facts: Facts) -> String {
    let page =
        Page { event: "hall", name: "Me & <you>", onward: "/shop?a=1&b=2", kept: "", lang, nonce: "n0nce", facts };
    page.write(&Template::own())
}

#[test]
fn a_waiting_visitor_sees_the_whole_place_without_a_script() {
    let text = page(Lang::English, waiting());
    for part in [
        "<html lang=\"en\">",
        "<title>1,233 ahead · Me &amp; &lt;you&gt;</title>",
        "<noscript><meta http-equiv=\"refresh\" content=\"3\"></noscript>",
        "<b id=\"position\">1,234</b>",
        "<dd id=\"ahead\">1,233</dd>",
        "<dd id=\"behind\">45</dd>",
        "<dd id=\"wait\">3 to 5 min</dd>",
        "<dd id=\"left\">12</dd>",
        "<form id=\"leave\" method=\"post\" action=\"/room/hall/leave\"><button",
        "<form id=\"enter\" method=\"post\" action=\"/room/hall\" hidden>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<you>") && !text.contains("data-auto"));
}

#[test]
fn every_state_of_every_room_has_its_words_in_every_language() {
    let stages =
        [Stage::Door, Stage::SignIn, Stage::Scheduled, Stage::Waiting, Stage::Admitted, Stage::Done, Stage::Closed];
    let moods = [Mood::Scheduled, Mood::Open, Mood::Paused, Mood::Drain, Mood::Closed, Mood::Recovering, Mood::SoldOut];
    for lang in Lang::ALL {
        for stage in stages {
            for mood in moods {
                for trouble in
                    [None, Some(Trouble::Left), Some(Trouble::Busy), Some(Trouble::Again), Some(Trouble::Script)]
                {
                    let text = page(lang, Facts { mood, trouble, needs_script: true, ..facts(stage) });
                    assert!(
                        !text.contains("{n}") || text.find("{n}") > text.find("id=\"texts\""),
                        "{stage:?} {mood:?}"
                    );
                    assert!(text.len() < 50_000, "{} bytes", text.len());
                }
            }
        }
    }
}

#[test]
fn who_has_no_script_is_told_when_one_is_needed() {
    let told = |facts: Facts| {
        let text = page(Lang::English, facts);
        text.contains(
            "<noscript><p class=\"note\">So many people are arriving that this sale needs JavaScript just now",
        )
    };
    assert!(told(Facts { needs_script: true, ..facts(Stage::Door) }));
    assert!(told(Facts { needs_script: true, ..facts(Stage::Done) }));
    assert!(!told(facts(Stage::Door)));
    assert!(!told(Facts { needs_script: true, ..waiting() }), "who has a place is asked for nothing");
}

#[test]
fn what_is_unusual_is_said_plainly() {
    let note = |mood, seats_left, stage| Facts { mood, seats_left, ..facts(stage) }.note();
    assert_eq!(note(Mood::Paused, Some(3), Stage::Waiting), Some("note_paused"));
    assert_eq!(note(Mood::SoldOut, Some(0), Stage::Waiting), Some("note_sold_out"));
    assert_eq!(note(Mood::Open, Some(0), Stage::Waiting), Some("note_held"));
    assert_eq!(note(Mood::Open, None, Stage::Waiting), None);
    assert_eq!(note(Mood::Recovering, None, Stage::Admitted), Some("note_recovering"));
    assert_eq!(note(Mood::Paused, None, Stage::Admitted), None);
}

#[test]
fn estimates_are_ranges_in_whole_minutes() {
    let texts = Lang::English.texts();
    let wait = |low_s, high_s| Facts { eta: Some(Eta { low_s, high_s }), ..waiting() }.wait(&texts);
    for (low, high, text) in [
        (0, 0, "Less than a minute"),
        (20, 60, "Less than a minute"),
        (20, 61, "Up to 2 min"),
        (120, 120, "Up to 2 min"),
        (119, 121, "1 to 3 min"),
        (3_000, 7_140, "50 to 119 min"),
        (3_000, 7_141, "50 to 120 min"),
        (7_200, 10_801, "2 to 4 hours"),
    ] {
        assert_eq!(wait(low, high), text, "{low} {high}");
    }
    assert_eq!(Facts { eta: None, ..waiting() }.wait(&texts), "Not known yet");
}

#[test]
fn only_a_first_visit_enters_by_itself() {
    let enters = |mood, trouble, stage| Facts { mood, trouble, ..facts(stage) }.enters_by_itself();
    assert!(enters(Mood::Open, None, Stage::Door));
    assert!(enters(Mood::SoldOut, None, Stage::Door));
    assert!(!enters(Mood::Open, Some(Trouble::Left), Stage::Door));
    assert!(!enters(Mood::Open, Some(Trouble::Again), Stage::Door));
    assert!(!enters(Mood::Closed, None, Stage::Door));
    assert!(!enters(Mood::Drain, None, Stage::Door));
    assert!(!enters(Mood::Open, None, Stage::Done));
    assert!(!enters(Mood::Open, None, Stage::SignIn));
}

// --- Contrast, by WCAG 2.2's definition of relative luminance ---

/// The custom properties of the `n`th `:root`, `#rrggbb` each.
fn colours(n: usize) -> BTreeMap<&'static str, [u8; 3]> {
    let root = include_str!("room.css").split(":root {").nth(n + 1).and_then(|rest| rest.split('}').next());
    let lines = root.expect("a block of colours").lines();
    let pairs = lines.filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"));
    let channel = |hex: &str, i: usize| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex");
    pairs.map(|(name, hex)| (name, [0, 2, 4].map(|i| channel(hex, i)))).collect()
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [r, g, b] = colour.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn light_and_dark_are_readable() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    for (n, name) in ["light", "dark"].into_iter().enumerate() {
        let colours = colours(n);
        assert_eq!(colours.len(), 9, "{name}");
        // Text 4.5 (AA); what is no text but tells something (borders of buttons, focus, progress) 3.
        for (a, b, least) in [
            ("ink", "card", 4.5),
            ("ink", "paper", 4.5),
            ("soft", "card", 4.5),
            ("on-accent", "accent", 4.5),
            ("accent", "card", 3.0),
            ("accent", "rope", 3.0),
            ("brass", "card", 3.0),
        ] {
            let found = contrast(colours[a], colours[b]);
            assert!(found >= least, "{name}: {a} on {b} is {found:.2}, wanted {least}");
        }
    }
}
