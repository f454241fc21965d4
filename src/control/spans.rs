//! Times as a person takes them in at a glance: how long ago, and in how long. All plain ASCII.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// From an instant until a later one: `45 s`, `3 m`, `2 h 10 m`, `3 d 4 h`. Clocks that disagree make it 0 s.
pub fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.as_second().saturating_sub(from.as_second()).max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} m"),
        () if days == 0 => two(hours, "h", minutes % 60, "m"),
        () if days < 10 => two(days, "d", hours % 24, "h"),
        () => format!("{days} d"),
    }
}

fn two(large: i64, large_unit: &str, small: i64, small_unit: &str) -> String {
    if small == 0 {
        return format!("{large} {large_unit}");
    }
    format!("{large} {large_unit} {small} {small_unit}")
}

/// The end of something that holds now: `until 14:05 UTC, in 1 h 20 m`, with the date if that is another day.
pub fn until(now: Timestamp, end: Option<Timestamp>) -> String {
    end.map_or_else(|| "without end".to_owned(), |end| format!("until {}", coming(now, end)))
}

/// A moment to come: `14:05 UTC, in 1 h 20 m`, with the date if that is another day.
pub fn coming(now: Timestamp, then: Timestamp) -> String {
    let left = span(now, then);
    let [today, then] = [now, then].map(|at| at.to_zoned(TimeZone::UTC));
    let format = if today.date() == then.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    format!("{} UTC, in {left}", then.strftime(format))
}
