//! The state machine of one probe: `(state, outcome, thresholds, now) -> state`, pure.
//!
//! An unknown target becomes up or down with its first conclusive result, so that one full round gives everything a
//! verdict. From then on a verdict turns only when enough results *in a row* contradict it: `fall` failures for up,
//! `rise` successes for down; one result that agrees starts the count anew. A result that says nothing about the
//! target (the prober itself was out of sockets) is inconclusive and changes nothing. The clock is the caller's;
//! time is only noted, never reckoned with, so that a clock that is set cannot turn a verdict.

use jiff::Timestamp;
use std::fmt;

/// What a probe's results add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Never heard of; not up.
    #[default]
    Unknown,
    /// Alive.
    Up,
    /// Not alive.
    Down,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        })
    }
}

/// What one probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The target did as expected.
    Success,
    /// It did not; why, in short, for people.
    Failure(String),
    /// Nothing was learnt about the target, the fault being on our side; why, in short.
    Inconclusive(String),
}

/// How many results in a row turn a verdict; 0 is taken for 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Successes that turn down into up.
    pub rise: u32,
    /// Failures that turn up into down.
    pub fall: u32,
}

/// Where one probe stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict was taken over from a check that asked something else: the first conclusive result decides.
    pub provisional: bool,
    /// Results in a row that contradict the verdict, fewer than would turn it.
    pub against: u32,
    /// When the verdict became what it is; none while unknown.
    pub since: Option<Timestamp>,
    /// How often the verdict turned between up and down.
    pub flaps: u64,
}

impl State {
    /// The state after one more outcome. Whether the verdict turned is seen by comparing.
    #[must_use]
    pub fn step(self, outcome: &Outcome, thresholds: Thresholds, now: Timestamp) -> State {
        let heard = match outcome {
            Outcome::Success => Verdict::Up,
            Outcome::Failure(_) => Verdict::Down,
            Outcome::Inconclusive(_) => return self,
        };
        if heard == self.verdict {
            return State { against: 0, provisional: false, ..self };
        }
        let against = self.against.saturating_add(1);
        if against < self.needed(thresholds) {
            return State { against, ..self };
        }
        State {
            verdict: heard,
            provisional: false,
            against: 0,
            since: Some(now),
            flaps: self.flaps + u64::from(self.verdict != Verdict::Unknown),
        }
    }

    /// How many contradicting results in a row turn the verdict.
    fn needed(self, thresholds: Thresholds) -> u32 {
        match self.verdict {
            Verdict::Unknown => 1,
            _ if self.provisional => 1,
            Verdict::Up => thresholds.fall,
            Verdict::Down => thresholds.rise,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// `+` success, `-` failure, `?` inconclusive.
    fn outcome(letter: char) -> Outcome {
        match letter {
            '+' => Outcome::Success,
            '-' => Outcome::Failure("no".into()),
            _ => Outcome::Inconclusive("out of sockets".into()),
        }
    }

    /// The states after each letter, one second apart.
    fn run(start: State, letters: &str, thresholds: Thresholds) -> Vec<State> {
        let mut state = start;
        letters
            .chars()
            .zip(0..)
            .map(|(letter, second)| {
                state = state.step(&outcome(letter), thresholds, at(second));
                state
            })
            .collect()
    }

    #[test]
    fn verdicts() {
        let check = |letters: &str, expected: &str| {
            let states = run(State::default(), letters, Thresholds { rise: 2, fall: 3 });
            let seen: String = states
                .iter()
                .map(|state| match state.verdict {
                    Verdict::Unknown => '.',
                    Verdict::Up => 'U',
                    Verdict::Down => 'd',
                })
                .collect();
            assert_eq!(seen, expected, "{letters}");
        };
        check("+", "U");
        check("-", "d");
        check("?", ".");
        check("??-", "..d");
        check("+--+--", "UUUUUU");
        check("+---", "UUUd");
        check("+--?-", "UUUUd");
        check("-+-+-", "ddddd");
        check("-++", "ddU");
        check("+---++---", "UUUddUUUd");
    }

    #[test]
    fn since_and_flaps() {
        let states = run(State::default(), "++---++", Thresholds { rise: 2, fall: 3 });
        let seen: Vec<_> = states.iter().map(|state| (state.since, state.flaps)).collect();
        let (up, down, again) = ((Some(at(0)), 0), (Some(at(4)), 1), (Some(at(6)), 2));
        assert_eq!(seen, [up, up, up, up, down, down, again]);
    }

    #[test]
    fn a_provisional_verdict_yields_to_the_first_result() {
        let thresholds = Thresholds { rise: 5, fall: 5 };
        let start = State { verdict: Verdict::Up, provisional: true, ..State::default() };
        let check = |letters: &str, expected: Verdict| {
            let last = *run(start, letters, thresholds).last().unwrap();
            assert_eq!((last.verdict, last.provisional), (expected, letters == "?"), "{letters}");
        };
        check("-", Verdict::Down);
        check("+", Verdict::Up);
        check("?", Verdict::Up);
        check("+-", Verdict::Up);
    }

    /// The definition in words: the verdict turns when the last `needed` conclusive results all contradict it.
    fn naive(letters: &[char], rise: usize, fall: usize) -> Verdict {
        let conclusive: Vec<char> =
            letters.iter().copied().filter(|&letter| letter != '?').collect();
        let mut verdict = Verdict::Unknown;
        for end in 1..=conclusive.len() {
            let all_last = |count: usize, letter| {
                end >= count && conclusive[end - count..end].iter().all(|&seen| seen == letter)
            };
            verdict = match verdict {
                Verdict::Unknown if conclusive[0] == '+' => Verdict::Up,
                Verdict::Unknown => Verdict::Down,
                Verdict::Up if all_last(fall, '-') => Verdict::Down,
                Verdict::Down if all_last(rise, '+') => Verdict::Up,
                same => same,
            };
        }
        verdict
    }

    proptest! {
        #[test]
        fn equals_a_replay_of_the_whole_history(
            letters in prop::collection::vec(prop::sample::select(vec!['+', '-', '+', '-', '?']), 0..60),
            rise in 1_u32..6,
            fall in 1_u32..6,
        ) {
            let thresholds = Thresholds { rise, fall };
            let text: String = letters.iter().collect();
            let mut before = State::default();
            for (count, state) in run(before, &text, thresholds).into_iter().enumerate() {
                let expected = naive(&letters[..=count], rise as usize, fall as usize);
                prop_assert_eq!(state.verdict, expected);
                let turned = state.verdict != before.verdict;
                prop_assert_eq!(state.since != before.since, turned);
                prop_assert_eq!(state.flaps > before.flaps, turned && before.verdict != Verdict::Unknown);
                prop_assert!(state.against < rise.max(fall));
                before = state;
            }
        }

        #[test]
        fn zero_thresholds_are_one(letters in "[+-]{1,20}") {
            let zero = run(State::default(), &letters, Thresholds { rise: 0, fall: 0 });
            prop_assert_eq!(zero, run(State::default(), &letters, Thresholds { rise: 1, fall: 1 }));
        }
    }
}
