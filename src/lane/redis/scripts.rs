//! The scripts: their text, keys, arguments and return codes. Knows nothing of what calls them.
//!
//! A line `-- include lib/x.lua` is replaced by that file when the gateway starts, so pieces that several
//! scripts share stand once. What a header in `lua/` says and what stands here is held equal by a test.

use super::keys::Key;
use crate::lane::Keep;

/// How many arguments a script takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    Exactly(usize),
    /// And then as many as its header says.
    AtLeast(usize),
}

impl Arity {
    pub fn fits(self, args: usize) -> bool {
        match self {
            Arity::Exactly(n) => args == n,
            Arity::AtLeast(n) => args >= n,
        }
    }
}

/// What scripts are told for good.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// Where a script changes something it refuses a caller whose time is further than so many ms from the server's;
    /// 0: no caller.
    pub skew_max_ms: i64,
    pub keep: Keep,
}

#[derive(Debug)]
pub struct Script {
    /// File under `lua/`, without its ending.
    pub path: &'static str,
    text: &'static str,
    pub keys: &'static [Key],
    pub arity: Arity,
    pub codes: &'static [(i64, &'static str)],
}

impl Script {
    /// The operation, as the metrics name it.
    pub fn operation(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// The name of a return code; `None`: the script never returns it.
    pub fn code(&self, code: i64) -> Option<&'static str> {
        self.codes.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
    }

    /// The text Redis gets: header left out, libraries put in.
    pub fn source(&self) -> String {
        self.source_with(Limits::default())
    }

    pub fn source_with(&self, Limits { skew_max_ms, keep }: Limits) -> String {
        let source = expand(self.text, LIBRARY);
        let (first, rest) = source.split_once('\n').expect("a script has more than one line");
        let skew_max_ms = if first.contains("no-writes") { 0 } else { skew_max_ms };
        format!("{first}\nlocal SKEW_MAX, KEEP = {skew_max_ms}, {}\n{rest}", keep.0)
    }
}

macro_rules! library {
    ($($name:literal),+ $(,)?) => {
        const LIBRARY: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../lua/", $name))),)+];
    };
}

library! {
    "lib/args.lua", "lib/bucket.lua", "lib/hold_marks.lua", "lib/holds.lua", "lib/inside.lua", "lib/layout.lua", "lib/line.lua",
    "lib/log.lua", "lib/lost.lua", "lib/marks.lua", "lib/open.lua", "lib/orders.lua", "lib/past_orders.lua", "lib/places.lua",
    "lib/recent.lua", "lib/restoring.lua",
    "lib/room.lua", "lib/seats.lua", "lib/settings.lua", "lib/stand.lua", "lib/whole.lua",
}

fn expand(text: &str, library: &[(&str, &str)]) -> String {
    let mut source = String::with_capacity(text.len());
    for line in text.lines() {
        match line.strip_prefix("-- include ") {
            Some(wanted) => {
                let (_, piece) = library.iter().find(|(name, _)| *name == wanted).expect("a test expands every script");
                source.push_str(piece);
            }
            // Comments are for us; the first line is Redis'.
            None if line.starts_with("--") => {}
            None => {
                source.push_str(line);
                source.push('\n');
            }
        }
    }
    source
}

macro_rules! scripts {
    ($($name:ident = $path:literal, [$($key:ident),+], $arity:ident($args:literal), [$($code:expr),+ $(,)?];)+) => {
        $(pub static $name: Script = Script {
            path: $path,
            text: include_str!(concat!("../../../lua/", $path, ".lua")),
            keys: &[$(Key::$key),+],
            arity: Arity::$arity($args),
            codes: &[$($code),+],
        };)+

        pub static ALL: &[&Script] = &[$(&$name),+];
    };
}

scripts! {
    PUT_EVENT = "queue/put_event", [Meta, Events, Seats, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Owners, Bound], AtLeast(19), [(1, "DONE"), (-1, "STALE"), (-2, "SEATS_TAKEN"), (-3, "MISSING"), (-100, "RECOVERING")];
    RETIRE_EVENT = "queue/retire_event", [Meta, Events, Orders, Pending, Attempts, Refunds, OrderRefunds, OrderDigests, Placed, Drops, Room, Waiting, Inside, Late, Back, Seen, Called, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, RecentHolds, HoldDigests, RecentOrders], Exactly(5), [(1, "DONE"), (2, "MORE"), (-1, "STALE"), (-2, "BUSY"), (-100, "RECOVERING")];
    ENTER = "queue/enter", [Meta, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound], Exactly(6), [(1, "PLACES"), (-1, "NO_EVENT"), (-2, "CLOSED"), (-3, "OTHER_ROUND"), (-100, "RECOVERING")];
    POLL = "queue/poll", [Meta, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound], Exactly(6), [(1, "PLACE"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    BOARD = "queue/board", [Meta, Room, Waiting, Inside, Late, Back], Exactly(4), [(1, "BOARD"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    PRESENCE = "queue/presence", [Meta, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, Drawn], Exactly(4), [(1, "SEEN"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    LEAVE = "queue/leave", [Meta, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound], Exactly(6), [(1, "LEFT"), (-1, "NO_PLACE"), (-100, "RECOVERING")];
    PULSE = "queue/pulse", [Meta, Log, LogIds, Orders, Pending, Attempts, Refunds, OrderRefunds, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, Placed, Drops, RecentHolds, HoldDigests, RecentOrders, OrderDigests, Bound], Exactly(4), [(1, "PULSED"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    ROOM = "queue/room", [Meta, Room, Waiting, Inside, Late, Back], Exactly(3), [(1, "ROOM"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    INSIDE = "queue/inside", [Meta, Inside], Exactly(4), [(1, "INSIDE"), (-1, "OUTSIDE"), (-100, "RECOVERING")];
    READMIT = "queue/readmit", [Meta, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws], Exactly(7), [(1, "INSIDE"), (-1, "OUTSIDE"), (-100, "RECOVERING")];
    DRAWN = "queue/drawn", [Meta, Room, Drawn], Exactly(5), [(1, "DRAWN"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    CHECKPOINT = "queue/checkpoint", [Meta, Room, Inside, Called, Scores, Spent, SpentDraws, DrawsLog], Exactly(6), [(1, "CHECKPOINT"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    SEATS = "seats/seats", [Meta, Room, Seats], Exactly(3), [(1, "SEATS"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    HOLD = "seats/hold", [Meta, Room, Inside, Scores, Bound, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, RecentHolds, HoldDigests], Exactly(14), [(1, "HELD"), (2, "REPEATED"), (3, "AGAIN"), (-1, "KEY_REUSED"), (-2, "NO_EVENT"), (-3, "NOT_OPEN"), (-4, "NOT_INSIDE"), (-5, "NOT_OWNER"), (-6, "LIMIT_EXCEEDED"), (-7, "TAKEN"), (-8, "SOLD_OUT"), (-9, "NO_BLOCK"), (-10, "PLACE_OVER"), (-11, "ENDED"), (-100, "RECOVERING")];
    GET_HOLD = "seats/get_hold", [Meta, Holds, Marks], Exactly(4), [(1, "HOLD"), (-1, "NOT_FOUND"), (-100, "RECOVERING")];
    RELEASE = "seats/release", [Meta, Room, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, RecentHolds, HoldDigests], Exactly(5), [(1, "RELEASED"), (2, "ENDED"), (-1, "ORDERED"), (-2, "NOT_OWNER"), (-3, "NOT_FOUND"), (-100, "RECOVERING")];
    CHECKOUT = "orders/checkout", [Meta, Log, LogIds, Orders, Pending, Placed, Room, Inside, Scores, Seats, Owners, Holds, Marks, Expiry, OrderDigests], Exactly(12), [(1, "PLACED"), (2, "REPEATED"), (-1, "KEY_REUSED"), (-2, "NOT_FOUND"), (-3, "NOT_OWNER"), (-4, "ALREADY_ORDERED"), (-5, "EXPIRED"), (-6, "RELEASED"), (-7, "PAST"), (-9, "FULL"), (-100, "RECOVERING")];
    PAY = "orders/pay", [Meta, Log, LogIds, Orders, Pending, Attempts], Exactly(12), [(1, "ACCEPTED"), (2, "REPEATED"), (-1, "KEY_REUSED"), (-2, "NOT_FOUND"), (-3, "NOT_OWNER"), (-4, "IN_PROGRESS"), (-5, "NOT_PAYABLE"), (-6, "AMOUNT_MISMATCH"), (-7, "TOO_MANY"), (-9, "FULL"), (-100, "RECOVERING")];
    CANCEL = "orders/cancel", [Meta, Log, LogIds, Orders, Pending], Exactly(7), [(1, "ACCEPTED"), (-1, "NOT_FOUND"), (-2, "NOT_OWNER"), (-3, "IN_PROGRESS"), (-4, "NOT_CANCELLABLE"), (-100, "RECOVERING")];
    REFUND = "orders/refund", [Meta, Log, LogIds, Orders, Pending, Refunds, OrderRefunds], AtLeast(12), [(1, "ACCEPTED"), (2, "REPEATED"), (-1, "KEY_REUSED"), (-2, "NOT_FOUND"), (-3, "NOT_OWNER"), (-4, "NOT_REFUNDABLE"), (-5, "OVER_REFUND"), (-6, "LINE_NOT_FOUND"), (-7, "CLOSED"), (-9, "FULL"), (-100, "RECOVERING")];
    ORDERS = "orders/orders", [Meta, Orders, Pending], AtLeast(3), [(1, "ORDERS"), (-100, "RECOVERING")];
    GET_REFUND = "orders/get_refund", [Meta, Refunds], Exactly(4), [(1, "REFUND"), (-1, "NOT_FOUND"), (-100, "RECOVERING")];
    SETTLE = "orders/settle", [Meta, Log, LogIds, Orders, Pending, Refunds, OrderRefunds, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, Placed, Drops, Attempts, RecentHolds, HoldDigests, RecentOrders, OrderDigests, Bound], AtLeast(5), [(1, "DONE"), (-100, "RECOVERING")];
    PUT_CAMPAIGN = "coupons/put_campaign", [Meta, Campaigns, Campaign, Numbers], Exactly(10), [(1, "DONE"), (-1, "STALE"), (-2, "STOCK_CLAIMED"), (-100, "RECOVERING")];
    CLAIM = "coupons/claim", [Meta, Log, LogIds, Campaign, Claims, Numbers, Claimants], Exactly(10), [(1, "CLAIMED"), (2, "REPEATED"), (-1, "KEY_REUSED"), (-2, "NO_CAMPAIGN"), (-3, "NOT_OPEN"), (-4, "ALREADY_CLAIMED"), (-5, "SOLD_OUT"), (-9, "FULL"), (-100, "RECOVERING")];
    READ_LOG = "log/read_log", [Meta, Log], Exactly(5), [(1, "RECORDS"), (-100, "RECOVERING")];
    APPEND = "log/append", [Meta, Log, LogIds], AtLeast(3), [(1, "DONE"), (-100, "RECOVERING")];
    TRIM = "log/trim", [Meta, Log, LogIds], Exactly(4), [(1, "DONE"), (-100, "RECOVERING")];
    LEASE = "log/lease", [Meta, Lease], Exactly(5), [(1, "LEASED"), (-1, "HELD")];
    UNLEASE = "log/unlease", [Meta, Lease], Exactly(4), [(1, "DONE")];
    META = "log/meta", [Meta, Log], Exactly(3), [(1, "META")];
    SEAL = "recovery/seal", [Meta], Exactly(4), [(1, "DONE")];
    BEGIN_RESTORE = "recovery/begin_restore", [Meta, Events, Campaigns, Log, LogIds, Orders, Pending, Attempts, Refunds, OrderRefunds, OrderDigests], Exactly(5), [(1, "BEGUN"), (-1, "OLD_GENERATION")];
    DROP_EVENT = "recovery/drop_event", [Meta, Events, Campaigns, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, Placed, Drops, RecentHolds, HoldDigests, RecentOrders], Exactly(5), [(1, "DONE"), (-101, "NOT_RESTORING")];
    DROP_CAMPAIGN = "recovery/drop_campaign", [Meta, Events, Campaigns, Campaign, Claims, Numbers, Claimants], Exactly(5), [(1, "DONE"), (-101, "NOT_RESTORING")];
    RESTORE_EVENT = "recovery/restore_event", [Meta, Events, Seats, Room, Waiting, Seen, Inside, Called, Late, Back, Scores, Spent, SpentDraws, DrawsLog, Drawn, Bound, Open, Owners, Taken, Holds, Marks, Expiry, Ended, RecentHolds, HoldDigests, RecentOrders], AtLeast(26), [(1, "DONE"), (-101, "NOT_RESTORING")];
    RESTORE_PLACES = "recovery/restore_places", [Meta, Inside, Called, Scores, Spent, SpentDraws, Drawn], AtLeast(7), [(1, "DONE"), (-101, "NOT_RESTORING")];
    RESTORE_ORDER = "recovery/restore_order", [Meta, Orders, Pending, Attempts, OrderRefunds, Room, Open, Seats, Owners, Taken, Holds, Marks, Expiry, Ended, Placed, Drops, Refunds, RecentHolds, HoldDigests, RecentOrders, OrderDigests], AtLeast(15), [(1, "DONE"), (-101, "NOT_RESTORING")];
    RESTORE_CAMPAIGN = "recovery/restore_campaign", [Meta, Campaigns, Campaign, Claims, Numbers, Claimants], Exactly(11), [(1, "DONE"), (-101, "NOT_RESTORING")];
    RESTORE_CLAIMS = "recovery/restore_claims", [Meta, Campaign, Claims, Numbers, Claimants], AtLeast(4), [(1, "DONE"), (-101, "NOT_RESTORING")];
    END_RESTORE = "recovery/end_restore", [Meta], Exactly(4), [(1, "DONE"), (-1, "OTHER_GENERATION")];
    DUMP_EVENT = "audit/dump_event", [Meta, Room, Waiting, Inside, Late, Back, Seats], Exactly(3), [(1, "EVENT"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    DUMP_SEATS = "audit/dump_seats", [Meta, Room, Seats, Owners], Exactly(5), [(1, "SEATS"), (-1, "NO_EVENT"), (-100, "RECOVERING")];
    DUMP_HOLDS = "audit/dump_holds", [Meta, Holds, Marks], Exactly(5), [(1, "HOLDS"), (-100, "RECOVERING")];
    DUMP_ORDERS = "audit/dump_orders", [Meta, Orders, Pending, Placed], Exactly(5), [(1, "ORDERS"), (-100, "RECOVERING")];
    DUMP_TAKEN = "audit/dump_taken", [Meta, Room, Taken], Exactly(5), [(1, "TAKEN"), (-100, "RECOVERING")];
    DUMP_CAMPAIGN = "audit/dump_campaign", [Meta, Campaign, Numbers], Exactly(3), [(1, "CAMPAIGN"), (-1, "NO_CAMPAIGN"), (-100, "RECOVERING")];
    DUMP_CLAIMS = "audit/dump_claims", [Meta, Numbers], Exactly(5), [(1, "CLAIMS"), (-100, "RECOVERING")];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names in a header's lines that begin with `prefix`, in their order.
    fn named<'a>(header: &[&'a str], prefix: &str) -> Vec<&'a str> {
        let lines = header.iter().filter_map(|line| line.strip_prefix("-- ")?.strip_prefix(prefix));
        lines.map(|rest| rest.split_whitespace().nth(1).expect("a name after the number")).collect()
    }

    fn codes_of<'a>(header: &[&'a str]) -> Vec<(i64, &'a str)> {
        let after = header.iter().skip_while(|line| !line.starts_with("-- Returns {")).skip(1);
        let lines = after.take_while(|line| !line.starts_with("-- Errors: ARITY, RANGE"));
        let words = lines.map(|line| line.trim_start_matches("--").split_whitespace().collect::<Vec<_>>());
        words.map(|words| (words[0].parse().expect("a code"), words[1])).collect()
    }

    #[test]
    fn headers_say_what_the_callers_do() {
        for script in ALL {
            let path = script.path;
            let lines: Vec<&str> = script.text.lines().collect();
            assert!(lines[0].starts_with("#!lua"), "{path}: the shebang is the very first line");
            let header: Vec<&str> = lines.iter().copied().skip(1).take_while(|line| line.starts_with("--")).collect();
            assert!(header.iter().any(|line| line.starts_with("-- Caller:  lane::redis::")), "{path}: its caller");
            assert!(header.iter().any(|line| line.starts_with("-- Cost:    ")), "{path}: its cost");

            let keys: Vec<&str> = script.keys.iter().map(|key| key.name()).collect();
            assert_eq!(named(&header, "KEYS["), keys, "{path}: keys");
            let args = named(&header, "ARGV[");
            assert_eq!(args[..3], ["now_ms", "generation", "log"], "{path}: what every script is told");
            let more = header.iter().any(|line| line.starts_with("-- then "));
            let arity = if more { Arity::AtLeast(args.len()) } else { Arity::Exactly(args.len()) };
            assert_eq!(arity, script.arity, "{path}: arguments");
            assert_eq!(codes_of(&header), script.codes, "{path}: codes");
        }
    }

    #[test]
    fn scripts_check_the_numbers_their_headers_state_and_use_all_their_codes() {
        for script in ALL {
            let (path, source) = (script.path, script.source());
            let check = match script.arity {
                Arity::Exactly(n) => format!("arity({}, {n})", script.keys.len()),
                Arity::AtLeast(n) => format!("arity_from({}, {n})", script.keys.len()),
            };
            assert!(source.contains(&check), "{path}: {check}");
            for (code, name) in script.codes {
                assert!(source.contains(&format!("{name} = {code}")), "{path}: {name}");
                let used = [format!("\"{name}\""), format!("code.{name}")].iter().any(|use_| source.contains(use_));
                assert!(used, "{path}: {name} is never returned");
            }
        }
    }

    #[test]
    fn libraries_are_put_in() {
        let library = [("lib/a.lua", "local a = 1\n")];
        let text = "#!lua\n-- A header.\n-- include lib/a.lua\nreturn a\n";
        assert_eq!(expand(text, &library), "#!lua\nlocal a = 1\nreturn a\n");
        for script in ALL {
            assert!(!script.source().contains("-- include"), "{}", script.path);
        }
    }

    #[test]
    fn every_file_is_used() {
        let lua = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("lua");
        let readme = std::fs::read_to_string(lua.join("README.md")).expect("lua/README.md");
        for folder in std::fs::read_dir(&lua).expect("lua/").flatten().filter(|entry| entry.path().is_dir()) {
            for file in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
                let path = file.path();
                let path = path.strip_prefix(&lua).expect("under lua/").to_str().expect("ASCII").to_owned();
                let known = LIBRARY.iter().any(|(name, _)| *name == path)
                    || ALL.iter().any(|script| format!("{}.lua", script.path) == path);
                assert!(known, "{path} is in no table");
                assert!(readme.contains(&format!("`{path}`")), "{path} is not in lua/README.md");
            }
        }
    }
}
