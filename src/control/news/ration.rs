//! How often something may be told of one thing: what flaps is told as it is then, and not each time.

use crate::health::ramp::after;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// So much may be told of one thing at once: twice the whole way back of an endpoint.
const BURST: u32 = 6;
/// And after that once in this time: what flaps for a day then has as many lines as the events that are kept.
const INTERVAL: Duration = Duration::from_secs(60);

/// What may still be told of one thing (the generic cell rate algorithm, as ITU-T I.371 has it).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ration {
    /// When all of the burst may be told again.
    spent_until: Option<Timestamp>,
}

impl Ration {
    /// Takes the right to tell something now; else when there is one.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), Timestamp> {
        let burst = INTERVAL * BURST;
        // A clock that was set back would put off everything by as much.
        let spent = self.spent_until.map_or(now, |spent| spent.clamp(now, after(now, burst)));
        let next = after(spent, INTERVAL);
        let late = next.duration_since(after(now, burst));
        if late > SignedDuration::ZERO {
            return Err(after(now, late.unsigned_abs()));
        }
        self.spent_until = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::testing::at;

    #[test]
    fn a_burst_and_then_one_in_a_while() {
        let mut ration = Ration::default();
        let told = |ration: &mut Ration, from: i64, to: i64| {
            (from..to).filter(|second| ration.take(at(*second)).is_ok()).collect::<Vec<_>>()
        };
        assert_eq!(told(&mut ration, 100, 300), [100, 101, 102, 103, 104, 105, 160, 220, 280]);
        assert_eq!(ration.take(at(300)), Err(at(340)));
        assert_eq!(ration.take(at(340)), Ok(()));
        // Quiet for long: all of it again. The clock is set back: no longer than one from then.
        assert_eq!(told(&mut ration, 9000, 9100).len(), 7);
        assert_eq!(ration.take(at(50)), Err(at(110)));
    }
}
