//! What a feed may say at most, and numbers held against it. Whatever lies beyond is not read as an odd truth: a feed
//! that says such things is broken, and own probes are the better witness.

use crate::director::fault::Fault;
use std::fmt::Display;
use std::time::Duration;

/// An answer, in bytes: HAProxy's statistics take some 350 bytes a server, the agent's table some 110.
pub const BODY_BYTES_MAX: usize = 4 << 20;

/// Servers in an answer: more than any that fits in the bytes above and is meant for people to run.
pub const REALS_MAX: usize = 16_384;

/// Services in the table of a host.
pub const SERVICES_MAX: usize = 4_096;

/// The largest weight that IPVS takes; HAProxy's end at 256.
pub const WEIGHT_MAX: u32 = 65_535;

/// Sessions, of one server or of all: 2^40 are some thousand times what one host could hold in memory.
pub const SESSIONS_MAX: u64 = 1 << 40;

/// A response that takes an hour is a mistake in the unit.
pub const RESPONSE_MS_MAX: f64 = 3_600_000.0;

/// A server's name, in characters.
pub const NAME_CHARS_MAX: usize = 255;

/// How far an agent's clock may be off, or its answer be old, if the feed is not stale later than that anyway. Without
/// NTP clocks drift by a second a day; an answer that some proxy keeps is soon older.
pub const CLOCK_OFF_MAX: Duration = Duration::from_secs(30);

/// The first line of a file with a token or a password, in bytes.
pub const AUTH_BYTES_MAX: usize = 4_096;

/// A whole number as written, if it is none beyond `max`.
pub(super) fn whole(
    what: impl Display,
    of: impl Display,
    text: &str,
    max: u64,
) -> Result<u64, Fault> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { text.parse().ok() } else { None };
    number.filter(|number| *number <= max).ok_or_else(|| {
        Fault::impossible(format!(
            "the {what} of {of} is {text:?}, which is no whole number from 0 to {max}"
        ))
    })
}

/// A weight as written.
pub(super) fn weight(of: impl Display, text: &str) -> Result<u32, Fault> {
    let weight = whole("weight", of, text, WEIGHT_MAX.into())?;
    Ok(u32::try_from(weight).unwrap_or(WEIGHT_MAX))
}

/// A number of sessions as written.
pub(super) fn sessions(of: impl Display, text: &str) -> Result<u64, Fault> {
    whole("number of sessions", of, text, SESSIONS_MAX)
}

/// A time in milliseconds as written.
pub(super) fn response_ms(of: impl Display, text: &str) -> Result<f64, Fault> {
    let number: Option<f64> = text.parse().ok();
    // What is not a number is in no range.
    number.filter(|number| (0.0..=RESPONSE_MS_MAX).contains(number)).ok_or_else(|| {
        Fault::impossible(format!(
            "the response time of {of} is {text:?}, which is none from 0 to {RESPONSE_MS_MAX} ms"
        ))
    })
}

/// A name that can be shown.
pub(super) fn name(text: &str) -> Result<(), Fault> {
    if text.is_empty()
        || text.chars().count() > NAME_CHARS_MAX
        || text.chars().any(char::is_control)
    {
        return Err(Fault::impossible(format!(
            "{:?} is no name of a server",
            text.chars().take(NAME_CHARS_MAX).collect::<String>()
        )));
    }
    Ok(())
}

/// That no more servers are told than may be.
pub(super) fn count(reals: usize) -> Result<(), Fault> {
    if reals > REALS_MAX {
        return Err(Fault::impossible(format!("it lists more than {REALS_MAX} servers")));
    }
    Ok(())
}

/// The first that comes twice.
pub(super) fn duplicate<T: Ord>(items: impl IntoIterator<Item = T>) -> Option<T> {
    let mut seen = std::collections::BTreeSet::new();
    items.into_iter().find_map(|item| seen.replace(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let check = |text: &str, expected: Option<u32>| {
            assert_eq!(weight("web1", text).ok(), expected, "{text}");
        };
        check("0", Some(0));
        check("65535", Some(65_535));
        for wrong in ["65536", "-1", "+1", "1.0", "", " 1", "NaN", "18446744073709551616"] {
            check(wrong, None);
        }
        assert_eq!(sessions("web1", "1099511627776"), Ok(SESSIONS_MAX));
        assert_eq!(
            sessions("web1", "1099511627777").unwrap_err().why,
            "the number of sessions of web1 is \"1099511627777\", which is no whole number from 0 to 1099511627776"
        );
        assert_eq!(response_ms("web1", "4.25"), Ok(4.25));
        for wrong in ["NaN", "inf", "-0.1", "1e9", "", "4 ms"] {
            assert!(response_ms("web1", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn duplicates_are_found() {
        assert_eq!(duplicate([3, 1, 2]), None);
        assert_eq!(duplicate([3, 1, 2, 1, 3]), Some(1));
    }
}
