//! What strikes processes and lanes, second by second, until the weather is calm.

use std::sync::Arc;
use std::time::Duration;

use super::history::History;
use super::weather::Kind;

/// How far a clock may be stepped, ms. Beyond two seconds the lanes refuse a gateway's calls.
const STEP_MAX_MS: i64 = 1_500;

/// A process that was chosen to die dies within this many steps.
const STEPS_MAX: usize = 60;

pub async fn befall(history: Arc<History>) {
    let (house, weather) = (&history.house, &history.house.weather);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if weather.strikes(Kind::Killed) {
            let number = weather.pick(house.parts());
            let steps = weather.pick(STEPS_MAX) as u64;
            history.say(format!("process {number} dies after {steps} steps"));
            house.doom(number, steps);
            tokio::time::sleep(weather.delay(500, 8_000)).await;
            house.kill(number);
            house.start(number).await;
            history.say(format!("process {number} begins again"));
        }
        if weather.strikes(Kind::Frozen) {
            let (number, time) = (weather.pick(house.parts()), weather.delay(500, 12_000));
            history.say(format!("process {number} is frozen for {time:?}"));
            house.freeze(number, time);
        }
        if weather.strikes(Kind::ClockStepped) {
            let number = weather.pick(house.parts());
            let by_ms = weather.pick(2 * STEP_MAX_MS as usize) as i64 - STEP_MAX_MS;
            history.say(format!("the clock of process {number} is {by_ms} ms off"));
            house.step_clock(number, by_ms);
        }
        if weather.strikes(Kind::LaneLost) {
            let number = weather.pick(usize::from(super::lanes::LANES));
            if house.lanes.lose(number) {
                history.auditor.lock().lane_lost(house.now_ms());
                history.say(format!("lane {number} is lost"));
            } else {
                weather.did_not(Kind::LaneLost);
            }
        }
        if weather.strikes(Kind::LaneSetBack) && !set_back(&history).await {
            weather.did_not(Kind::LaneSetBack);
        }
    }
}

/// Copies the lanes' file. Some time later kills all processes, puts the copy in place, and starts them again. Returns
/// false when this was not possible.
async fn set_back(history: &History) -> bool {
    let house = &history.house;
    if !house.lanes.keep_copy() {
        return false;
    }
    let copied = house.lanes.log_ends();
    history.say("the lanes are copied".to_owned());
    tokio::time::sleep(house.weather.delay(1_000, 20_000)).await;
    // Waits until records that only the lanes have are written.
    for _ in 0..20 {
        if house.would_miss(&copied).await {
            (0..house.parts()).for_each(|number| house.kill(number));
            house.lanes.set_back();
            history.auditor.lock().lanes_set_back(house.now_ms());
            history.say("the lanes are set back to their copy".to_owned());
            for number in 0..house.parts() {
                house.start(number).await;
            }
            return true;
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    false
}
