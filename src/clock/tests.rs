use super::*;

#[test]
fn a_fixed_clock_moves_only_by_hand() {
    let clock = Clock::fixed(1_000);
    assert_eq!(clock.now_ms(), 1_000);
    clock.advance(Duration::from_secs(2));
    assert_eq!(clock.clone().now_ms(), 3_000);
}

#[test]
fn ticks_follow_the_time_only_where_it_is_stopped() {
    let (fixed, stopped) = (Clock::fixed(1_000), Clock::stopped(1_000));
    let before = (fixed.tick(), stopped.tick());
    for clock in [&fixed, &stopped] {
        clock.advance(Duration::from_secs(3_600));
    }
    assert_eq!(stopped.tick().since(before.1), 3_600_000);
    assert!((0..3_600_000).contains(&fixed.tick().since(before.0)), "an hour has not passed");
}

const DAY_MS: i64 = 86_400_000;

/// A server whose time is the clock's own, `off_ms` away.
fn told(clock: &Clock, off_ms: i64) -> Followed {
    clock.follow(clock.unmoved_ms() + off_ms, Duration::ZERO)
}

fn off_ms(clock: &Clock) -> i64 {
    clock.now_ms() - clock.unmoved_ms()
}

fn near(a: i64, b: i64) -> bool {
    (a - b).abs() < 500
}

#[test]
fn the_first_measure_is_taken_and_small_ones_after_it() {
    let clock = Clock::system();
    assert_eq!(clock.follow(clock.unmoved_ms() + DAY_MS, Duration::from_millis(10)), Followed::Taken);
    assert!(near(off_ms(&clock), DAY_MS + 5));
    assert_eq!(told(&clock, DAY_MS + 400), Followed::Taken);
    assert!(near(off_ms(&clock), DAY_MS + 400));
}

#[test]
fn a_servers_time_that_jumps_a_day_is_not_believed_at_once() {
    for day_ms in [DAY_MS, -DAY_MS] {
        let clock = Clock::system();
        assert_eq!(told(&clock, 0), Followed::Taken);
        for _ in 1..CONFIRMATIONS {
            assert!(matches!(told(&clock, day_ms), Followed::Doubted { off_ms } if near(off_ms, day_ms)));
            assert!(near(off_ms(&clock), 0), "nothing has moved yet");
        }
        assert!(matches!(told(&clock, day_ms), Followed::Believed { off_ms } if near(off_ms, day_ms)));
        assert!(near(off_ms(&clock), day_ms));
    }
}

#[test]
fn doubts_that_contradict_each_other_or_pass_confirm_nothing() {
    let clock = Clock::system();
    assert_eq!(told(&clock, 0), Followed::Taken);
    for n in 1..=i64::from(CONFIRMATIONS) * 3 {
        assert!(matches!(told(&clock, n * DAY_MS), Followed::Doubted { .. }));
    }
    for _ in 1..CONFIRMATIONS {
        told(&clock, DAY_MS);
    }
    assert_eq!(told(&clock, 0), Followed::Taken);
    assert!(matches!(told(&clock, DAY_MS), Followed::Doubted { .. }));
    assert!(near(off_ms(&clock), 0));
}
