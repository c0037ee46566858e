//! Which polls the board answers, and which the lane answers. A board is believed for ever here unless a test says
//! otherwise. So when a change in the lane does not show, the lane was not asked.

use std::sync::Arc;

use crate::admission::board::KnownBoard;
use crate::admission::pace::Pace;
use crate::admission::passes::tests::keys;
use crate::admission::passes::{Pass, Passes};
use crate::admission::proof::Proofs;
use crate::admission::tokens::Tokens;
use crate::admission::watch::{PlaceLook, Watching};
use crate::admission::{
    Admission, AdmissionSettings, Along, Entered, Entrance, Newcomer, Polled, Standing, VisitorPlace, presence,
};
use crate::clock::Clock;
use crate::facts::checkpoint::{Checkpoint, DrawsTaken};
use crate::facts::draw::{Birth, DrawKey};
use crate::facts::ids::{LaneId, LogId};
use crate::facts::place::{PlaceState, Token};
use crate::facts::room::{AdmissionOrder, Mode, Room, RoomSettings};
use crate::facts::time::Millis;
use crate::lane::Lane;
use crate::lane::events::{EventPut, PutEvent};
use crate::lane::memory::volatile;
use crate::lane::recovery::EventRestore;
use crate::lane::rooms::Pulse;
use crate::limiter::Limiter;

const FOR_EVER: Millis = Millis::MAX;
const AT_ONCE: Millis = 0;

pub(super) struct House {
    pub(super) admission: Arc<Admission>,
    lane: Arc<dyn Lane>,
    pub(super) clock: Clock,
    pub(super) room: Room,
}

impl House {
    /// A room for one visitor inside; only the gateway knows `absent_ms`.
    pub(super) async fn new(board_ms: Millis, absent_ms: Millis) -> Self {
        let (lanes, clock) = (volatile(1), Clock::fixed(1_000_000));
        let pace = Pace { min_ms: 1_000, max_ms: 15_000 };
        let settings = AdmissionSettings { waiting_max: 10_000, pace, board_ms };
        let passes = Passes::new(&keys().0, &[]).expect("a key");
        let tokens = Tokens::new(&[vec![7; 32]]);
        let lane = lanes.get(LaneId(0)).expect("a lane").clone();
        let room = Room {
            event: "hall".into(),
            lane: LaneId(0),
            patience_ms: 60_000,
            absent_ms,
            grace_ms: 60_000,
            stay_ms: 60_000,
            recover_ms: 75_000,
            draw: None,
            birth: None,
        };
        let entrance = Entrance::new(Proofs::new(None, &[vec![7; 32]]), Limiter::off());
        let admission = Arc::new(Admission::new(lanes, clock.clone(), settings, tokens, passes, entrance));
        let house = Self { admission, lane, clock, room };
        house.lane.begin_restore(0, 1, LogId(0)).await.expect("begun");
        house.lane.end_restore(0, 1).await.expect("ended");
        house.put(1, |_| ()).await;
        house
    }

    pub(super) async fn put(&self, version: i64, change: impl FnOnce(&mut RoomSettings)) {
        let put = Self::put_of(version, change);
        assert_eq!(self.lane.put_event(self.clock.now_ms(), put).await.expect("an answer"), PutEvent::Done);
    }

    fn put_of(version: i64, change: impl FnOnce(&mut RoomSettings)) -> EventPut {
        let mut room = RoomSettings {
            capacity: 1,
            rate_per_min: 6_000,
            pass_ttl_s: 60,
            late_grace_s: 60,
            ..RoomSettings::default()
        };
        change(&mut room);
        EventPut { event: "hall".into(), version, seats: 0, blocked: vec![], room, returned: false }
    }

    /// Loses the lane and rebuilds it, with this version of the event, from what the ledger had of it.
    async fn rebuild(&self, version: i64, checkpoint: Checkpoint, change: impl FnOnce(&mut RoomSettings)) {
        self.rebuild_for(0, version, checkpoint, change).await;
    }

    /// As `rebuild`; then the room recovers for this long.
    async fn rebuild_for(
        &self,
        recover_ms: Millis,
        version: i64,
        checkpoint: Checkpoint,
        change: impl FnOnce(&mut RoomSettings),
    ) {
        let epoch = checkpoint.epoch + 1;
        let restore = EventRestore {
            generation: 2,
            put: Self::put_of(version, change),
            epoch,
            checkpoint: Some(checkpoint),
            spent_draws: vec![],
            recover_ms,
            orders: vec![],
        };
        self.lane.begin_restore(0, 2, LogId(0)).await.expect("begun");
        self.lane.restore_event(self.clock.now_ms(), restore).await.expect("restored");
        self.lane.end_restore(self.clock.now_ms(), 2).await.expect("ended");
    }

    /// What the ledger has of the room.
    async fn checkpoint(&self) -> Checkpoint {
        let told = DrawsTaken { round: 0, changes: 0, max: 1 };
        self.lane.checkpoint(&"hall".into(), told).await.expect("an answer").expect("the event").room
    }

    async fn enter(&self) -> (Token, VisitorPlace) {
        match self.admission.enter(&self.room, Newcomer::Browser).await.expect("an answer") {
            Entered::New(Standing { token, place, .. }) => {
                (self.admission.read_token(&self.room, &token).expect("ours"), place)
            }
            other => panic!("{other:?}"),
        }
    }

    async fn enter_as(&self, user: &str) -> Token {
        match self.admission.enter(&self.room, Newcomer::User(&user.into())).await.expect("an answer") {
            Entered::New(Standing { token, .. }) => self.admission.read_token(&self.room, &token).expect("ours"),
            other => panic!("{other:?}"),
        }
    }

    async fn leave(&self, token: &Token) {
        self.admission.leave(&self.room, token.clone()).await.expect("an answer");
    }

    async fn poll(&self, token: &Token) -> VisitorPlace {
        match self.admission.poll(&self.room, token.clone(), Along::default()).await.expect("an answer") {
            Polled::Standing(standing) => standing.place,
            other => panic!("{other:?}"),
        }
    }

    /// How many stand before a visitor who waits.
    async fn ahead(&self, token: &Token) -> i64 {
        match self.poll(token).await {
            VisitorPlace::Waiting { ahead, .. } => ahead,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_waits_is_answered_from_the_board() {
    let house = House::new(FOR_EVER, 60_000).await;
    let (_first, place) = house.enter().await;
    assert!(matches!(place, VisitorPlace::Admitted { .. }), "{place:?}");
    let (second, _) = house.enter().await;
    let (third, _) = house.enter().await;
    assert_eq!((house.ahead(&second).await, house.ahead(&third).await), (0, 1));
    // Gone from the lane, still on the board.
    assert!(house.lane.leave(0, second.clone()).await.expect("an answer"));
    assert_eq!((house.ahead(&second).await, house.ahead(&third).await), (0, 1), "the lane is not asked");
    // A visitor who came after the board is not on it.
    let (fourth, _) = house.enter().await;
    assert_eq!(house.ahead(&fourth).await, 1, "the lane is asked");
}

#[tokio::test]
async fn whom_this_gateway_has_not_met_is_asked_for() {
    let house = House::new(FOR_EVER, 60_000).await;
    house.enter().await;
    let (second, _) = house.enter().await;
    let (third, _) = house.enter().await;
    house.ahead(&third).await;
    assert!(house.lane.leave(0, second.clone()).await.expect("an answer"));
    house.admission.leave(&house.room, second.clone()).await.expect("an answer");
    assert!(matches!(house.poll(&second).await, VisitorPlace::Done { .. }), "who left here is not known any more");
}

#[tokio::test]
async fn who_leaves_a_recovering_room_does_not_wait_in_it() {
    let house = House::new(AT_ONCE, 60_000).await;
    house.enter().await;
    let (second, _) = house.enter().await;
    let (third, _) = house.enter().await;
    let before = house.checkpoint().await;
    house.rebuild_for(5_000, 1, before, |_| ()).await;
    house.admission.leave(&house.room, second.clone()).await.expect("an answer");
    let place = house.poll(&third).await;
    assert!(matches!(place, VisitorPlace::Recovering), "{place:?}");
    let place = house.poll(&second).await;
    assert!(matches!(place, VisitorPlace::Done { .. }), "{place:?}");
}

#[tokio::test]
async fn a_turn_is_seen_with_the_next_board() {
    let house = House::new(AT_ONCE, 60_000).await;
    let (first, _) = house.enter().await;
    let (second, _) = house.enter().await;
    assert_eq!(house.ahead(&second).await, 0);
    house.admission.leave(&house.room, first).await.expect("an answer");
    house.lane.pulse(house.clock.now_ms(), Pulse { event: "hall".into(), work_max: 9 }).await.expect("an answer");
    let place = house.poll(&second).await;
    assert!(matches!(place, VisitorPlace::Admitted { .. }), "{place:?}");
}

#[tokio::test]
async fn closing_and_a_new_round_are_seen_with_the_next_board() {
    let house = House::new(AT_ONCE, 60_000).await;
    house.put(2, |room| room.mode = Mode::Scheduled).await;
    let (token, place) = house.enter().await;
    assert!(matches!(place, VisitorPlace::Scheduled { .. }), "{place:?}");
    assert!(matches!(house.poll(&token).await, VisitorPlace::Scheduled { .. }));
    house.put(3, |room| room.mode = Mode::Paused).await;
    assert_eq!(house.ahead(&token).await, 0);
    house.put(4, |room| room.mode = Mode::Closed).await;
    assert!(matches!(house.poll(&token).await, VisitorPlace::Closed { .. }));
    house.put(5, |_| ()).await;
    assert!(matches!(house.poll(&token).await, VisitorPlace::Done { .. }));
    house.lane.begin_restore(0, 2, LogId(0)).await.expect("begun");
    assert!(matches!(house.poll(&token).await, VisitorPlace::Recovering));
}

#[tokio::test]
async fn a_later_round_than_the_boards_is_asked_for() {
    let house = House::new(FOR_EVER, 60_000).await;
    let (old, _) = house.enter().await;
    house.poll(&old).await;
    house.put(2, |room| room.mode = Mode::Closed).await;
    house.put(3, |_| ()).await;
    let (new, _) = house.enter().await;
    assert!(matches!(house.poll(&new).await, VisitorPlace::Admitted { .. }), "the board knows round 1 only");
}

#[tokio::test]
async fn the_lane_hears_of_who_polled_and_says_who_is_gone() {
    // With an absence of 0, the lane is told of every poll.
    let house = House::new(FOR_EVER, 0).await;
    house.put(2, |room| room.mode = Mode::Paused).await;
    let (here, _) = house.enter().await;
    let (gone, _) = house.enter().await;
    assert_eq!((house.ahead(&here).await, house.ahead(&gone).await), (0, 1));
    house.clock.set(house.clock.now_ms() + 60_000);
    assert_eq!((house.ahead(&here).await, house.ahead(&gone).await), (0, 1));
    assert!(house.lane.leave(0, gone.clone()).await.expect("an answer"));
    presence::tell_all(&house.admission).await;
    assert!(matches!(house.poll(&gone).await, VisitorPlace::Done { .. }));
    house.put(3, |_| ()).await;
    let pulse = Pulse { event: "hall".into(), work_max: 9 };
    let pulsed = house.lane.pulse(house.clock.now_ms(), pulse).await.expect("an answer").expect("the event");
    assert_eq!((pulsed.admitted, pulsed.absent), (1, 0), "seen, a minute after the lane was last asked");
}

#[tokio::test]
async fn a_lost_place_is_put_back_without_being_asked_for() {
    let house = House::new(FOR_EVER, 0).await;
    house.put(2, |room| room.mode = Mode::Paused).await;
    let (token, _) = house.enter().await;
    assert_eq!(house.ahead(&token).await, 0);
    house.lane.begin_restore(0, 2, LogId(0)).await.expect("begun");
    house.lane.end_restore(0, 2).await.expect("ended");
    house.put(2, |room| room.mode = Mode::Paused).await;
    assert_eq!(house.ahead(&token).await, 0);
    presence::tell_all(&house.admission).await;
    let counts = house.lane.room(house.clock.now_ms(), &"hall".into()).await.expect("an answer").expect("the event");
    assert_eq!(counts.waiting, 1);
}

/// Before the opening of a draw, a visitor who left may come back by the same token. A lane that is rebuilt later is
/// not told that they left.
#[tokio::test]
async fn who_came_back_to_a_draw_stays_when_the_lane_is_rebuilt() {
    for opened in [false, true] {
        let mut house = House::new(AT_ONCE, 60_000).await;
        house.room.draw = Some(DrawKey([7; 32]));
        let drawing = |room: &mut RoomSettings| (room.mode, room.order) = (Mode::Scheduled, AdmissionOrder::Lottery);
        let open =
            |room: &mut RoomSettings| (room.mode, room.order, room.capacity) = (Mode::Open, AdmissionOrder::Lottery, 0);
        house.put(2, |room| room.mode = Mode::Closed).await;
        house.put(3, drawing).await;
        let (kim, lee) = (house.enter_as("kim").await, house.enter_as("lee").await);
        house.leave(&kim).await;
        assert_eq!(house.enter_as("kim").await, kim, "one person, one draw");
        if opened {
            house.put(4, open).await;
            let pulse = Pulse { event: "hall".into(), work_max: 9 };
            house.lane.pulse(house.clock.now_ms(), pulse).await.expect("an answer");
        }
        house.poll(&kim).await;
        let look = house.checkpoint().await;
        house.leave(&lee).await;
        house.rebuild(4, look, |room| if opened { open(room) } else { drawing(room) }).await;

        // The first poll shows that the lane is another one.
        house.poll(&kim).await;
        only_tasks(0).await;
        let place = house.poll(&kim).await;
        assert!(
            matches!(place, VisitorPlace::Scheduled { .. } | VisitorPlace::Waiting { .. }),
            "opened: {opened}: {place:?}"
        );
        if opened {
            let place = house.poll(&lee).await;
            assert!(matches!(place, VisitorPlace::Done { .. }), "left for good, though nobody else knew: {place:?}");
        }
    }
}

/// Waits until no more than `left` tasks are left.
async fn only_tasks(left: usize) {
    while tokio::runtime::Handle::current().metrics().num_alive_tasks() > left {
        tokio::task::yield_now().await;
    }
}

/// When streams alone keep a room's board young, nobody else fetches one.
#[tokio::test]
async fn a_lane_rebuilt_while_only_streams_look_is_told_who_had_left() {
    let house = House::new(FOR_EVER, 60_000).await;
    let paused = |room: &mut RoomSettings| room.mode = Mode::Paused;
    house.put(2, paused).await;
    house.enter().await;
    let (gone, _) = house.enter().await;
    let mut watching = house.admission.watch(&house.room);
    let epoch = epoch_seen(&mut watching).await;
    let look = house.checkpoint().await;
    house.leave(&gone).await;
    house.rebuild(2, look, paused).await;
    house.admission.boards.keep(|_| false);
    while epoch_seen(&mut watching).await == epoch {}
    only_tasks(1).await;
    let place = house.lane.poll(house.clock.now_ms(), gone).await.expect("an answer").expect("the event");
    assert_eq!(place.state, PlaceState::Done, "left for good, though nobody else knew");
}

/// The epoch of the room's next look.
async fn epoch_seen(watching: &mut Watching) -> i64 {
    match watching.next().await {
        Some(KnownBoard::Board(board)) => board.counts.epoch,
        other => panic!("{other:?}"),
    }
}

/// What the next look of a stream says of this place.
async fn glance(house: &House, watching: &mut Watching, token: &Token) -> PlaceLook {
    let view = watching.next().await.expect("somebody looks");
    house.admission.sight(&house.room, token, &view)
}

#[tokio::test]
async fn a_watched_room_is_looked_at_for_all_until_nobody_watches() {
    let house = House::new(FOR_EVER, 60_000).await;
    house.enter().await;
    let (second, _) = house.enter().await;
    let (third, _) = house.enter().await;
    let mut watching: Vec<Watching> = (0..3).map(|_| house.admission.watch(&house.room)).collect();
    for watching in &mut watching {
        assert_eq!(glance(&house, watching, &Token { visitor: "x".into(), ..second.clone() }).await, PlaceLook::Ask);
    }
    let PlaceLook::Waiting(before) = glance(&house, &mut watching[0], &third).await else { panic!("waits") };
    house.admission.leave(&house.room, second).await.expect("an answer");
    // Boards are believed for ever here, but not by watchers. This one is dropped, so that the next look fetches
    // another, however young this one is.
    house.admission.boards.keep(|_| false);
    watching[1].next().await.expect("a look of before");
    let PlaceLook::Waiting(after) = glance(&house, &mut watching[1], &third).await else { panic!("waits") };
    assert_ne!(after, before, "one fewer stands ahead");
    assert!(!after.is_news_after(&before), "a step, no more");
    house.put(2, |room| room.mode = Mode::Paused).await;
    house.admission.boards.keep(|_| false);
    watching[1].next().await.expect("perhaps a look of before");
    let PlaceLook::Waiting(paused) = glance(&house, &mut watching[1], &third).await else { panic!("waits") };
    assert!(paused.is_news_after(&after));
    house.lane.begin_restore(0, 2, LogId(0)).await.expect("begun");
    house.admission.boards.keep(|_| false);
    watching[2].next().await.expect("perhaps a look of before");
    assert_eq!(glance(&house, &mut watching[2], &third).await, PlaceLook::Recovering);
    drop(watching);
    let ended = async {
        while !house.admission.watches.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), ended).await.expect("nobody watches, nobody looks");
}

#[tokio::test]
async fn who_watches_is_there() {
    // With an absence of 0, the lane is told of every look.
    let house = House::new(FOR_EVER, 0).await;
    house.put(2, |room| room.mode = Mode::Paused).await;
    let (token, _) = house.enter().await;
    let mut watching = house.admission.watch(&house.room);
    house.clock.set(house.clock.now_ms() + 60_000);
    assert!(matches!(glance(&house, &mut watching, &token).await, PlaceLook::Waiting(_)));
    presence::tell_all(&house.admission).await;
    house.put(3, |_| ()).await;
    let pulse = Pulse { event: "hall".into(), work_max: 9 };
    let pulsed = house.lane.pulse(house.clock.now_ms(), pulse).await.expect("an answer").expect("the event");
    assert_eq!((pulsed.admitted, pulsed.absent), (1, 0));
}

/// Joins that overlap share calls. Each gets a place of its own, and a visitor who is answered before another one asks
/// stands before that one.
#[tokio::test]
async fn joins_share_calls_and_nobody_is_overtaken() {
    let house = House::new(FOR_EVER, 60_000).await;
    house.put(2, |room| room.capacity = 0).await;
    let mut last = 0;
    for _ in 0..5 {
        let entered = futures_util::future::join_all((0..700).map(|_| house.enter())).await;
        let mut scores: Vec<i64> = entered.iter().map(|(token, _)| token.score).collect();
        scores.sort_unstable();
        scores.dedup();
        assert_eq!(scores.len(), 700, "a place each");
        assert!(scores[0] > last, "behind all who were answered before");
        last = scores[699];
    }
    let counts = house.lane.room(0, &"hall".into()).await.expect("an answer").expect("the room");
    assert_eq!(counts.waiting, 3_500);
    // All calls are over, so the next join begins one.
    house.enter().await;
}

/// The pass of a rehearsal, which had the same secrets, while the real sale recovers.
#[tokio::test]
async fn a_pass_of_another_creation_brings_nobody_back_inside() {
    let mut house = House::new(AT_ONCE, 60_000).await;
    let [rehearsal, sale] = [[1; 8], [2; 8]].map(Birth::new);
    house.room.birth = Some(sale);
    house.lane.begin_restore(0, 2, LogId(0)).await.expect("begun");
    let restore = EventRestore {
        generation: 2,
        put: House::put_of(2, |_| ()),
        epoch: 2,
        checkpoint: None,
        spent_draws: vec![],
        recover_ms: 60_000,
        orders: vec![],
    };
    house.lane.restore_event(house.clock.now_ms(), restore).await.expect("restored");
    house.lane.end_restore(house.clock.now_ms(), 2).await.expect("ended");
    let pass = |visitor: &str, birth| {
        let expires_ms = house.clock.now_ms() + 50_000;
        let pass = Pass { event: "hall".into(), visitor: visitor.into(), round: 1, score: 7, birth, expires_ms };
        house.admission.passes().sign(house.clock.now_ms(), &pass)
    };
    let verify = async |pass: String| house.admission.verify_pass(&house.room, &pass).await.expect("an answer");
    assert_eq!(verify(pass("old", Some(rehearsal))).await, None);
    assert_eq!(verify(pass("new", Some(sale))).await, Some("new".into()));
}
