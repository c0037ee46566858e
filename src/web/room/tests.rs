//! The page's text at each state, its colours, its size.

use std::collections::BTreeMap;

use super::*;

fn facts(stage: Stage) -> Facts {
    Facts { poll_after_ms: 2_000, ..Facts::bare(stage) }
}

fn waiting() -> Facts {
    Facts {
        ahead: Some(1_233),
        behind: Some(45),
        eta: Some(EtaFacts { low_s: 190, high_s: 290 }),
        seats_left: Some(12),
        ..facts(Stage::Waiting)
    }
}

fn page(lang: Lang, facts: Facts) -> String {
    page_to("/shop?a=1&b=2", lang, facts)
}

fn page_to(onward: &str, lang: Lang, facts: Facts) -> String {
    let page = RoomPage {
        event: "hall",
        name: "Me & <you>",
        zone: "Asia/Seoul",
        onward,
        kept: "return=%2Fa",
        lang,
        nonce: "n0nce",
        facts,
    };
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
        "<form id=\"leave\" method=\"post\" action=\"/room/hall/leave?return=%2Fa\"><button",
        "<form id=\"enter\" method=\"post\" action=\"/room/hall?return=%2Fa\" hidden>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("<you>") && !text.contains("data-auto"));
}

const STAGES: [Stage; 7] =
    [Stage::Door, Stage::SignIn, Stage::Scheduled, Stage::Waiting, Stage::Admitted, Stage::Done, Stage::Closed];
const MOODS: [Mood; 7] =
    [Mood::Scheduled, Mood::Open, Mood::Paused, Mood::Drain, Mood::Closed, Mood::Recovering, Mood::SoldOut];

#[test]
fn every_state_of_every_room_has_its_words_in_every_language() {
    let troubles = [
        None,
        Some(Trouble::Left),
        Some(Trouble::Busy),
        Some(Trouble::Again),
        Some(Trouble::Gone),
        Some(Trouble::Cookies),
        Some(Trouble::Script),
    ];
    let times = Times {
        now: "10:41:07 KST".into(),
        opens_at: Some("2026-12-01 10:00 KST".into()),
        closes_at: Some("2026-12-02 10:00 KST".into()),
        called_at: Some("10:41 KST".into()),
    };
    for lang in Lang::ALL {
        for stage in STAGES {
            for mood in MOODS {
                for (i, trouble) in troubles.into_iter().enumerate() {
                    let shut = [Shut::ForNow, Shut::Until, Shut::ForGood][i % 3];
                    let times = if i % 2 == 0 { times.clone() } else { Times::default() };
                    let (late, lottery) = (i % 2 == 0, i % 3 == 0);
                    let needs_script = true;
                    let facts = Facts { mood, trouble, shut, times, late, lottery, needs_script, ..facts(stage) };
                    let text = page(lang, facts);
                    let (seen, _) = text.split_once("id=\"texts\"").expect("texts for the script");
                    assert!(!seen.contains(['{', '}']) || seen.contains("<style"), "{stage:?} {mood:?}");
                    let (_, room) = seen.split_once("<main").expect("a room");
                    assert!(!room.contains(['{', '}']), "a blank is left: {stage:?} {mood:?} {room}");
                    assert!(text.len() < 50_000, "{} bytes", text.len());
                }
            }
        }
    }
}

/// Headline and sentence, by their keys.
#[test]
fn what_is_unusual_has_words_of_its_own() {
    let words = |facts: Facts| facts.words();
    let at = |mood, stage| Facts { mood, ..facts(stage) };
    let held = |stage| Facts { seats_left: Some(0), ..facts(stage) };
    assert_eq!(words(waiting()), ("waiting_head", "waiting_text"));
    assert_eq!(words(at(Mood::SoldOut, Stage::Waiting)), ("sold_out_head", "sold_out_text"));
    assert_eq!(words(held(Stage::Waiting)), ("held_head", "held_text"));
    assert_eq!(words(at(Mood::Paused, Stage::Waiting)), ("paused_head", "paused_text"));
    assert_eq!(words(Facts { mood: Mood::Drain, ..waiting() }), ("waiting_head", "drain_text"));
    assert_eq!(words(at(Mood::Recovering, Stage::Waiting)), ("recovering_head", "recovering_text"));
    assert_eq!(words(Facts { ahead: Some(0), ..waiting() }), ("next_head", "next_text"));
    assert_eq!(words(Facts { lottery: true, ..waiting() }), ("waiting_head", "waiting_lottery"));
    let called = Times { called_at: Some("10:41".into()), ..Times::default() };
    let late = Facts { late: true, ahead: Some(0), ..waiting() };
    assert_eq!(words(late.clone()), ("late_head", "late_unknown"));
    assert_eq!(words(Facts { times: called.clone(), ..late }), ("late_head", "late_text"));
    assert_eq!(words(Facts { times: called, ..facts(Stage::Done) }), ("done_head", "done_called"));
    assert_eq!(words(facts(Stage::Scheduled)), ("scheduled_head", "scheduled_text"));
    assert_eq!(words(Facts { lottery: true, ..facts(Stage::Scheduled) }), ("lottery_head", "lottery_text"));

    let left = Facts { mood: Mood::Drain, trouble: Some(Trouble::Left), ..facts(Stage::Door) };
    assert_eq!(words(left), ("drain_head", "drain_left"), "they left, and cannot join again");

    for (shut, words) in [
        (Shut::ForNow, ("closed_head", "closed_text")),
        (Shut::Until, ("closed_head", "closed_until")),
        (Shut::ForGood, ("over_head", "over_text")),
    ] {
        assert_eq!(Facts { mood: Mood::Closed, shut, ..facts(Stage::Door) }.words(), words);
        assert_eq!(Facts { mood: Mood::Closed, shut, ..facts(Stage::Closed) }.words(), words);
    }
}

#[test]
fn the_door_promises_nothing_that_the_room_does_not_keep() {
    let words = |facts: Facts| facts.words();
    let door = |mood| Facts { mood, waiting: Some(0), ..facts(Stage::Door) };
    assert_eq!(words(door(Mood::Open)).1, "door_calm");
    assert_eq!(words(Facts { full: true, ..door(Mood::Open) }).1, "door_full");
    assert_eq!(words(Facts { waiting: Some(7), ..door(Mood::Open) }).1, "door_text");
    assert_eq!(words(door(Mood::Paused)).1, "door_paused");
    assert_eq!(words(door(Mood::SoldOut)), ("sold_out_head", "door_sold_out"));
    assert_eq!(words(Facts { seats_left: Some(0), ..door(Mood::Open) }), ("held_head", "door_held"));
    assert_eq!(words(door(Mood::Drain)), ("drain_head", "drain_door"));
    assert_eq!(words(door(Mood::Recovering)).1, "door_recovering");
    let early = Facts { times: Times { opens_at: Some("10:00".into()), ..Times::default() }, ..door(Mood::Scheduled) };
    assert_eq!(words(early.clone()).1, "door_scheduled");
    assert_eq!(words(Facts { lottery: true, ..early }).1, "door_lottery");
    for (trouble, key) in [(Trouble::Gone, "gone_text"), (Trouble::Cookies, "cookies_text")] {
        assert_eq!(words(Facts { trouble: Some(trouble), ..door(Mood::Open) }).1, key);
    }
}

#[test]
fn who_is_in_line_is_told_what_being_away_costs() {
    let keep = |grace_s| Facts { grace_s, ..waiting() }.keep(&Lang::English.texts());
    assert!(keep(0).ends_with("who is away then loses the place."));
    assert!(keep(90).contains("called once more if back within 90 seconds"), "{}", keep(90));
    assert!(keep(359).contains("back within 5 minutes"), "{}", keep(359));
    assert!(
        page(Lang::English, Facts { grace_s: 300, ..waiting() }).contains("<p id=\"keep\" class=\"small\">You may")
    );
}

#[test]
fn the_refresh_goes_on_for_as_long_as_anything_may_change() {
    let refresh = |onward: &str, facts: Facts| {
        let text = page_to(onward, Lang::English, facts);
        let (_, rest) = text.split_once("<noscript><meta http-equiv=\"refresh\" content=\"")?;
        rest.split_once('"').map(|(content, _)| content.to_owned())
    };
    let inside = |left_s| Facts { left_s: Some(left_s), ..facts(Stage::Admitted) };
    assert_eq!(refresh("", waiting()).as_deref(), Some("3"));
    assert_eq!(refresh("", Facts { poll_after_ms: 15_000, ..facts(Stage::Scheduled) }).as_deref(), Some("16"));
    assert_eq!(refresh("", facts(Stage::Closed)).as_deref(), Some("60"));
    assert_eq!(refresh("/shop?a=1&b=2", inside(600)).as_deref(), Some("10; url=/shop?a=1&amp;b=2"));
    assert_eq!(
        refresh("/shop", Facts { stays: true, ..inside(600) }).as_deref(),
        Some("541"),
        "when the warning is due"
    );
    assert_eq!(refresh("", inside(59)).as_deref(), Some("60"), "when it ends");
    let busy = Facts { trouble: Some(Trouble::Busy), poll_after_ms: 5_000, ..facts(Stage::Door) };
    assert_eq!(refresh("", busy).as_deref(), Some("5; url=/room/hall?return=%2Fa"));
    let shut = Facts { mood: Mood::Closed, trouble: Some(Trouble::Left), ..facts(Stage::Door) };
    assert_eq!(refresh("", shut.clone()).as_deref(), Some("60; url=/room/hall?return=%2Fa"), "it may open");
    assert!(page(Lang::English, shut).contains(" data-shut"), "and the script looks again, too");
    for still in [Stage::Door, Stage::SignIn, Stage::Done] {
        assert_eq!(refresh("/shop", facts(still)), None, "{still:?}");
        assert!(!page(Lang::English, facts(still)).contains(" data-shut"), "{still:?}");
    }
}

#[test]
fn the_end_of_a_visit_is_counted_down_and_warned_of() {
    let inside = |left_s| Facts { left_s: Some(left_s), ..facts(Stage::Admitted) };
    let text = page(Lang::English, inside(252));
    assert!(
        text.contains("<span id=\"clock-name\">Time left for you</span> <b id=\"clock-left\" role=\"timer\">4:12</b>")
    );
    assert_eq!((inside(60).note(), inside(59).note()), (None, Some("note_ending")));
    let early = Facts { opens_in_s: Some(90_061), ..facts(Stage::Scheduled) };
    assert!(page(Lang::English, early).contains("<b id=\"clock-left\" role=\"timer\">1 d 1:01:01</b>"));
}

#[test]
fn a_draw_can_be_checked_by_what_the_page_shows() {
    let draw = DrawFacts {
        commitment: "c0ffee".into(),
        list_digest: None,
        seed: None,
        visitor: Some("v<1>".into()),
        rank: Rank::Before,
    };
    let text = |draw: DrawFacts| page(Lang::English, Facts { draw: Some(draw), ..facts(Stage::Scheduled) });
    let before = text(draw.clone());
    for part in
        ["class=\"hex\">c0ffee</dd>", "class=\"hex\">v&lt;1&gt;</dd>", "<dd id=\"rank\">Drawn at the opening</dd>"]
    {
        assert!(before.contains(part), "{part} in {before}");
    }
    assert!(!before.contains("room/draw"), "there is no list yet");
    let (list_digest, seed) = (Some("d1ce".into()), Some("5eed".into()));
    let after = text(DrawFacts { list_digest, seed, rank: Rank::Drawn { rank: 1_234, of: 50_000 }, ..draw.clone() });
    for part in ["1,234 of 50,000", ">d1ce<", ">5eed<", "href=\"/v1/events/hall/room/draw\"", "verify-draw"] {
        assert!(after.contains(part), "{part} in {after}");
    }
    assert!(!text(DrawFacts { visitor: None, ..draw }).contains("id=\"rank\""), "nobody's rank at the door");
}

#[test]
fn an_error_is_a_page_in_its_readers_language() {
    let page = |lang, fault, again| {
        let page = ErrorPage { fault, lang, nonce: "n0nce", code: "SOME_CODE", request_id: "<r>", again };
        page.write(&Template::own())
    };
    let text = page(Lang::English, ErrorCause::Many, Some(Again { after_s: 7, path: "/room/hall" }));
    for part in [
        "<html lang=\"en\">",
        "<title>Too many requests</title>",
        "This page tries again by itself in 7 s. <a href=\"/room/hall\">Try now</a>",
        "SOME_CODE · &lt;r&gt;",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for lang in Lang::ALL {
        for fault in [
            ErrorCause::Event,
            ErrorCause::Missing,
            ErrorCause::Many,
            ErrorCause::Busy,
            ErrorCause::Ours,
            ErrorCause::Refused,
        ] {
            assert!(!page(lang, fault, None).contains("id=\"again\""), "never: {fault:?}");
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
fn estimates_are_ranges_in_whole_minutes() {
    let texts = Lang::English.texts();
    let wait = |low_s, high_s| Facts { eta: Some(EtaFacts { low_s, high_s }), ..waiting() }.wait(&texts);
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
        // Text needs 4.5 (AA). Graphics that carry meaning (borders of buttons, focus, progress) need 3.
        for (a, b, least) in [
            ("ink", "card", 4.5),
            ("ink", "paper", 4.5),
            ("soft", "card", 4.5),
            ("on-accent", "accent", 4.5),
            ("accent", "card", 4.5),
            ("accent", "rope", 3.0),
            ("brass", "card", 3.0),
        ] {
            let found = contrast(colours[a], colours[b]);
            assert!(found >= least, "{name}: {a} on {b} is {found:.2}, wanted {least}");
        }
    }
}

/// Without a new look, a visitor at a shut door would not learn that the room has opened.
#[test]
fn a_shut_door_is_looked_at_again_unless_it_is_shut_for_good() {
    let at = |mood, shut, stage| Facts { mood, shut, ..facts(stage) }.may_open();
    assert!(at(Mood::Closed, Shut::ForNow, Stage::Door) && at(Mood::Closed, Shut::Until, Stage::Door));
    assert!(at(Mood::Drain, Shut::ForNow, Stage::Door));
    assert!(!at(Mood::Closed, Shut::ForGood, Stage::Door) && !at(Mood::Open, Shut::ForNow, Stage::Door));
    assert!(!at(Mood::Closed, Shut::ForNow, Stage::Closed), "a visitor with a place asks for it anyway");
}
