//! Stories of what fails and recovers, and what holds of all of them.

use super::*;
use proptest::prelude::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn settings(slow_start: u64, failback_delay: u64, hold_down_max: u64) -> Comeback {
    let [slow_start, failback_delay, hold_down_max] =
        [slow_start, failback_delay, hold_down_max].map(Duration::from_secs);
    Comeback { slow_start, failback_delay, hold_down_max }
}

/// `down`, `held SINCE-UNTIL xDOUBLINGS`, `SHARE since SINCE-UNTIL`, `whole`
fn shown(phase: Phase) -> String {
    let second = Timestamp::as_second;
    match phase {
        Phase::Down => "down".to_owned(),
        Phase::Held { since, until, doublings } => {
            format!("held {}-{} x{doublings}", second(since), second(until))
        }
        Phase::Ramping { since, until, share } => {
            format!("{share:.3} since {}-{}", second(since), second(until))
        }
        Phase::Whole => "whole".to_owned(),
    }
}

/// Each line: the second; `+` alive, `-` dead or `?` nothing heard; the phase; when it changes next.
fn check(settings: &Comeback, story: &[(i64, char, &str, Option<i64>)]) {
    let mut state = Return::default();
    for &(second, heard, phase, next) in story {
        if heard != '?' {
            state = state.step(heard == '+', settings, at(second));
        }
        let found = state.phase(settings, at(second));
        assert_eq!(shown(found), phase, "{second}: {state:?}");
        assert_eq!(state.next_change(settings, at(second)), next.map(at), "{second}");
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<Return>(&text).unwrap(), state, "{text}");
    }
}

#[test]
fn what_fails_and_recovers_is_held_and_then_grows() {
    check(
        &settings(100, 30, 0),
        &[
            (0, '?', "down", None),
            (0, '+', "whole", None),
            (10, '-', "down", None),
            (20, '+', "held 20-50 x0", Some(50)),
            (49, '+', "held 20-50 x0", Some(50)),
            (50, '?', "0.050 since 50-150", Some(55)),
            (55, '+', "0.098 since 50-150", Some(60)),
            (149, '?', "0.953 since 50-150", Some(150)),
            (150, '?', "whole", None),
            // Holds are not doubled without a longest.
            (160, '-', "down", None),
            (170, '+', "held 170-200 x0", Some(200)),
            (180, '-', "down", None),
            (190, '+', "held 190-220 x0", Some(220)),
        ],
    );
    check(&settings(0, 0, 0), &[(0, '-', "down", None), (1, '+', "whole", None)]);
    check(
        &settings(0, 7, 0),
        &[(0, '-', "down", None), (1, '+', "held 1-8 x0", Some(8)), (8, '+', "whole", None)],
    );
    check(
        &settings(1, 0, 0),
        &[(0, '-', "down", None), (1, '+', "0.050 since 1-2", Some(2)), (2, '+', "whole", None)],
    );
}

#[test]
fn what_flaps_is_held_for_longer() {
    check(
        &settings(20, 10, 35),
        &[
            (0, '-', "down", None),
            (1, '+', "held 1-11 x0", Some(11)),
            // While it is held.
            (5, '-', "down", None),
            (6, '+', "held 6-26 x1", Some(26)),
            // While it grows; the hold has its longest now.
            (30, '-', "down", None),
            (31, '+', "held 31-66 x2", Some(66)),
            // Soon after it is whole: no longer than that.
            (90, '-', "down", None),
            (91, '+', "held 91-126 x2", Some(126)),
            (725, '-', "down", None),
            (726, '+', "held 726-761 x2", Some(761)),
            // Ten minutes after its return it is forgotten.
            (1361, '-', "down", None),
            (1362, '+', "held 1362-1372 x0", Some(1372)),
        ],
    );
    // Quiet for long, though dead.
    check(
        &settings(0, 10, 1000),
        &[
            (0, '-', "down", None),
            (1, '+', "held 1-11 x0", Some(11)),
            (2, '-', "down", None),
            (602, '+', "held 602-622 x1", Some(622)),
            (603, '-', "down", None),
            (1204, '+', "held 1204-1214 x0", Some(1214)),
        ],
    );
    // Five times its last hold, where that is longer.
    check(
        &settings(0, 200, 10_000),
        &[
            (0, '-', "down", None),
            (1, '+', "held 1-201 x0", Some(201)),
            (1200, '-', "down", None),
            (1300, '+', "held 1300-1700 x1", Some(1700)),
            (3700, '-', "down", None),
            (3701, '+', "held 3701-3901 x0", Some(3901)),
        ],
    );
}

#[test]
fn a_clock_that_jumps_breaks_nothing() {
    let begun = [(1000, '-', "down", None), (1010, '+', "held 1010-1040 x0", Some(1040))];
    let story = |more: &[(i64, char, &'static str, Option<i64>)]| {
        check(&settings(100, 30, 0), &[&begun, more].concat());
    };
    story(&[(5, '+', "held 5-35 x0", Some(35)), (35, '+', "0.050 since 35-135", Some(40))]);
    // Nobody stepped it: still no longer than a hold from now.
    story(&[(5, '?', "held 5-35 x0", Some(35))]);
    story(&[(99_999, '+', "whole", None), (5, '+', "whole", None), (6, '-', "down", None)]);
    story(&[
        (1100, '+', "0.620 since 1040-1140", Some(1105)),
        (7, '+', "0.050 since 7-107", Some(12)),
    ]);
    let last = Timestamp::MAX;
    let held = Return(Stage::Held { since: last, doublings: 0 });
    assert_eq!(
        held.next_change(&settings(1, 1, 0), last),
        None,
        "{held:?} is over at the end of time"
    );
}

fn any_settings() -> impl Strategy<Value = Comeback> {
    let time = || prop_oneof![Just(0_u64), 1..2000_u64];
    (time(), time(), time()).prop_map(|(slow, delay, max)| settings(slow, delay, max))
}

proptest! {
    /// Whatever was heard before: after a failure it is whole no sooner than hold and ramp are over, its share
    /// never sinks while it is alive, it is whole in the end, and the hold is within its bounds.
    #[test]
    fn a_return_is_gentle_and_ends(
        settings in any_settings(),
        past in proptest::collection::vec((0..500_i64, any::<bool>()), 0..20),
    ) {
        let (mut state, mut now) = (Return::default(), 1_000_000);
        for (seconds, is_alive) in past {
            now += seconds;
            state = state.step(is_alive, &settings, at(now));
            if !is_alive {
                prop_assert_eq!(state.phase(&settings, at(now)), Phase::Down);
            }
        }
        state = state.step(false, &settings, at(now)).step(true, &settings, at(now + 1));
        let began = at(now + 1);
        let longest = settings.failback_delay.max(settings.hold_down_max);
        let mut hold = Duration::ZERO;
        let (mut moment, mut share) = (began, 0.0);
        loop {
            let phase = state.phase(&settings, moment);
            let elapsed = moment.duration_since(began).unsigned_abs();
            let grown = match phase {
                Phase::Down => return Err(TestCaseError::fail("down though alive")),
                Phase::Held { since, until, .. } => {
                    hold = until.duration_since(since).unsigned_abs();
                    prop_assert!(hold >= settings.failback_delay.min(longest) || hold == settings.hold_down_max);
                    prop_assert!(hold <= longest && elapsed < hold);
                    0.0
                }
                Phase::Ramping { share, .. } => {
                    prop_assert!(share >= FLOOR && elapsed >= hold && elapsed < hold + settings.slow_start);
                    share
                }
                Phase::Whole => {
                    prop_assert_eq!(elapsed, hold + settings.slow_start);
                    break;
                }
            };
            prop_assert!(grown >= share && grown < 1.0);
            share = grown;
            moment = state.next_change(&settings, moment).expect("more to come");
            if moment.as_second() % 2 == 0 {
                state = state.step(true, &settings, moment);
            }
        }
    }

    /// However the clock is moved, a hold ends within its length once the clock goes on evenly.
    #[test]
    fn a_hold_ends(settings in any_settings(), jumps in proptest::collection::vec(-10_000..10_000_i64, 1..10)) {
        let mut now = 1_000_000;
        let mut state = Return::default().step(false, &settings, at(now)).step(true, &settings, at(now));
        for jump in jumps {
            now += jump;
            state = state.step(true, &settings, at(now));
        }
        let end = after(after(at(now), settings.hold(0)), settings.slow_start);
        prop_assert_eq!(state.phase(&settings, end), Phase::Whole);
    }
}
