//! What the verdict and the operator's pin together mean for handing out.

use super::overrides::Pin;
use super::state::Verdict;
use std::fmt;

/// Where an address stands; only [`Standing::Up`] is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Handed out.
    Up,
    /// Dead, by its probes or by the operator.
    Down,
    /// To be probed, but never heard of: not up, since nothing is served as up that was never checked.
    Unknown,
    /// Held back by the operator, though nothing is wrong with it.
    Drained,
    /// Has recovered, and is held back for a while: handed out only where nothing else is up.
    Held,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Drained => "drained",
            Self::Held => "held",
        })
    }
}

/// The standing of an address; the pin wins. `verdict` none: nothing checks it, so it is taken for up.
pub fn standing(verdict: Option<Verdict>, pin: Option<Pin>) -> Standing {
    match (pin, verdict) {
        (Some(Pin::Up), _) => Standing::Up,
        (Some(Pin::Down), _) => Standing::Down,
        (Some(Pin::Drain), _) => Standing::Drained,
        (None, None | Some(Verdict::Up)) => Standing::Up,
        (None, Some(Verdict::Down)) => Standing::Down,
        (None, Some(Verdict::Unknown)) => Standing::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pin_over_verdict() {
        let check = |verdict, pin, expected| {
            assert_eq!(standing(verdict, pin), expected, "{verdict:?} {pin:?}");
        };
        check(None, None, Standing::Up);
        check(Some(Verdict::Up), None, Standing::Up);
        check(Some(Verdict::Down), None, Standing::Down);
        check(Some(Verdict::Unknown), None, Standing::Unknown);
        for verdict in [None, Some(Verdict::Up), Some(Verdict::Down), Some(Verdict::Unknown)] {
            check(verdict, Some(Pin::Up), Standing::Up);
            check(verdict, Some(Pin::Down), Standing::Down);
            check(verdict, Some(Pin::Drain), Standing::Drained);
        }
    }
}
