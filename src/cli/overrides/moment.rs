//! A moment as one types it: a time of day, a date and time as clocks here have it, or the same with an offset.

use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, ToSpan, Zoned};

/// The moment, from now on and in the zone of this machine.
pub(super) fn parse_moment(text: &str) -> Result<Timestamp, String> {
    parse_from(text, &Zoned::now())
}

/// A time of day is the next that comes; a time that clocks skip or repeat is as the zone's rules have it.
fn parse_from(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let form =
        || format!("{text:?} is no moment; write 18:00, 2030-01-31T18:00 or 2030-01-31T18:00:00Z");
    let here = |civil: DateTime| civil.to_zoned(now.time_zone().clone());
    // A date alone may mean its beginning or its end.
    if text.contains('-') && text.contains(':') {
        let civil: DateTime = text.parse().map_err(|_| form())?;
        return here(civil).map(|moment| moment.timestamp()).map_err(|_| form());
    }
    let time: Time = text.parse().map_err(|_| form())?;
    let today = here(now.date().to_datetime(time)).map_err(|_| form())?;
    if today > *now {
        return Ok(today.timestamp());
    }
    let tomorrow = now.date().checked_add(1.day()).map_err(|_| form())?;
    here(tomorrow.to_datetime(time)).map(|moment| moment.timestamp()).map_err(|_| form())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_as_they_are_typed() {
        let now: Zoned = "2026-03-28T12:00:00+01:00[+01:00]".parse().expect("a moment");
        let check = |text: &str, expected: Option<&str>| {
            let moment = parse_from(text, &now).ok().map(|moment| moment.to_string());
            assert_eq!(moment.as_deref(), expected, "{text}");
        };
        check("18:00", Some("2026-03-28T17:00:00Z"));
        check("12:00", Some("2026-03-29T11:00:00Z"));
        check("09:30:15", Some("2026-03-29T08:30:15Z"));
        check("2026-04-01T18:00", Some("2026-04-01T17:00:00Z"));
        check("2026-04-01 18:00", Some("2026-04-01T17:00:00Z"));
        check("2026-04-01T18:00:00Z", Some("2026-04-01T18:00:00Z"));
        check("2026-04-01T18:00:00+02:00", Some("2026-04-01T16:00:00Z"));
        for wrong in ["", "2026-04-01", "tomorrow", "25:00", "2h"] {
            check(wrong, None);
        }
    }
}
