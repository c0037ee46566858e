//! The names of all keys, in one place.
//!
//! Every key of a lane begins with its tag in braces, so the lane lies in one hash slot.

use fred::util::redis_keyslot;

use crate::facts::ids::{CampaignId, EventId, LaneId};

/// Slots of a Redis Cluster.
const SLOTS: u32 = 16_384;

/// The order in which lanes take the six equal parts of the slots: any number of lanes spreads evenly
/// over six primaries and over three (each having two neighbouring parts).
const PARTS: [u32; 6] = [0, 2, 4, 1, 3, 5];

/// What a key belongs to; part of its name.
#[derive(Debug, Clone, Copy)]
pub enum KeyOwner<'a> {
    Lane,
    Event(&'a EventId),
    Campaign(&'a CampaignId),
}

/// The same, kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnerId {
    Lane,
    Event(EventId),
    Campaign(CampaignId),
}

impl OwnerId {
    pub fn of(owner: KeyOwner<'_>) -> Self {
        match owner {
            KeyOwner::Lane => OwnerId::Lane,
            KeyOwner::Event(event) => OwnerId::Event(event.clone()),
            KeyOwner::Campaign(campaign) => OwnerId::Campaign(campaign.clone()),
        }
    }

    pub fn owner(&self) -> KeyOwner<'_> {
        match self {
            OwnerId::Lane => KeyOwner::Lane,
            OwnerId::Event(event) => KeyOwner::Event(event),
            OwnerId::Campaign(campaign) => KeyOwner::Campaign(campaign),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Lane,
    Event,
    Campaign,
}

macro_rules! keys {
    ($($level:ident { $($key:ident = $name:literal),+ $(,)? })+) => {
        /// A key's role. Its type and shape stand in the header of each script that uses it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum KeyRole {
            $($($key,)+)+
        }

        impl KeyRole {
            /// As the scripts' headers call it, and the last part of its name.
            pub fn name(self) -> &'static str {
                match self {
                    $($(KeyRole::$key => $name,)+)+
                }
            }

            /// The inverse of [`Self::name`]; `None`: no key is called so.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($($name => Some(KeyRole::$key),)+)+
                    _ => None,
                }
            }

            fn level(self) -> Level {
                match self {
                    $($(KeyRole::$key => Level::$level,)+)+
                }
            }
        }
    };
}

keys! {
    Lane {
        Meta = "meta", Lease = "lease", Log = "log", LogIds = "log_ids", Events = "events", Campaigns = "campaigns",
        Orders = "orders", Pending = "pending", Attempts = "attempts", Refunds = "refunds",
        OrderRefunds = "order_refunds", OrderDigests = "order_digests",
    }
    Event {
        Room = "room", Waiting = "waiting", Seen = "seen", Inside = "inside", Called = "called", Late = "late",
        Back = "back", Scores = "scores", Spent = "spent", SpentDraws = "spent_draws", DrawsLog = "draws_log",
        Drawn = "drawn", Bound = "bound", Open = "open", Seats = "seats",
        Owners = "owners", Taken = "taken", Holds = "holds", HoldStates = "hold_states", Expiry = "expiry", Ended = "ended",
        Placed = "placed", Drops = "drops", RecentHolds = "recent_holds", HoldDigests = "hold_digests",
        RecentOrders = "recent_orders",
    }
    Campaign {
        Campaign = "campaign", Claims = "claims", Numbers = "numbers", Claimants = "claimants",
    }
}

/// The tag of a lane: the first `l<lane>-<n>` whose slot lies in the part that `PARTS` gives this lane in turn.
pub fn tag(lane: LaneId) -> String {
    let part = PARTS[usize::from(lane.0) % PARTS.len()];
    (0u32..)
        .map(|n| format!("l{lane}-{n}"))
        .find(|tag| u32::from(redis_keyslot(tag.as_bytes())) * 6 / SLOTS == part)
        .expect("CRC16 meets every part of the slots")
}

/// The slot all keys of a tag lie in.
pub fn slot(tag: &str) -> u16 {
    redis_keyslot(tag.as_bytes())
}

/// A key's whole name: `{tag}:role`, `{tag}:e:<event>:role` or `{tag}:c:<campaign>:role`.
pub fn name(tag: &str, about: KeyOwner<'_>, key: KeyRole) -> String {
    let role = key.name();
    match (key.level(), about) {
        (Level::Lane, _) => format!("{{{tag}}}:{role}"),
        (Level::Event, KeyOwner::Event(event)) => format!("{{{tag}}}:e:{event}:{role}"),
        (Level::Campaign, KeyOwner::Campaign(campaign)) => format!("{{{tag}}}:c:{campaign}:{role}"),
        (Level::Event | Level::Campaign, _) => {
            unreachable!("a script about an event is called about an event, one about a campaign about that")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the first `lanes` lanes each of `primaries` equal ranges gets.
    fn spread(lanes: u16, primaries: u32) -> Vec<u32> {
        let mut counts = vec![0; primaries as usize];
        for lane in 0..lanes {
            let slot = u32::from(slot(&tag(LaneId(lane))));
            counts[(slot * primaries / SLOTS) as usize] += 1;
        }
        counts
    }

    #[test]
    fn lanes_spread_evenly_over_three_and_six_primaries() {
        for lanes in [1, 2, 3, 6, 7, 16, 32, 100, 256] {
            for primaries in [3, 6] {
                let counts = spread(lanes, primaries);
                let (least, most) = (counts.iter().min(), counts.iter().max());
                assert!(most <= least.map(|least| least + 1).as_ref(), "{lanes} lanes over {primaries}: {counts:?}");
            }
        }
    }

    #[test]
    fn tags_never_change() {
        // Data lies under them. A change here orphans every lane in production.
        let tags: Vec<String> = (0..8).map(|lane| tag(LaneId(lane))).collect();
        assert_eq!(tags, ["l00-13", "l01-1", "l02-2", "l03-3", "l04-0", "l05-2", "l06-11", "l07-2"]);
    }

    #[test]
    fn a_key_carries_its_lane_and_what_it_is_about() {
        let (event, campaign) = (EventId::from("hall"), CampaignId::from("gift"));
        assert_eq!(name("l00-1", KeyOwner::Event(&event), KeyRole::Meta), "{l00-1}:meta");
        assert_eq!(name("l00-1", KeyOwner::Event(&event), KeyRole::Seats), "{l00-1}:e:hall:seats");
        assert_eq!(name("l00-1", KeyOwner::Campaign(&campaign), KeyRole::Claims), "{l00-1}:c:gift:claims");
        assert_eq!(redis_keyslot(b"{l00-1}:e:hall:seats"), slot("l00-1"));
    }
}
