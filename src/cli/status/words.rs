//! Times, rates and shares in words that a person takes in at a glance. All plain ASCII.

use crate::control::status::{OverrideView, PlanView};
use jiff::Timestamp;

pub(in crate::cli) use crate::control::spans::{span, until};

/// What an override does: `drain`, `weight 40`, `weight 40 (now 22, since 12 m, until 05:30 UTC, in 18 m)`.
pub(in crate::cli) fn action(one: &OverrideView, now: Timestamp) -> String {
    let Some(PlanView { to, now: weighs, begin, end, .. }) = &one.weight else {
        return one.state.clone();
    };
    let (Some(begin), Some(end)) = (*begin, end.filter(|end| now < *end)) else {
        return format!("weight {to}");
    };
    let weighs = weighs.map_or_else(String::new, |weighs| format!("now {}, ", weight(weighs)));
    let begun = match begin > now {
        true => format!("begins in {}", span(now, begin)),
        false => format!("since {}", span(begin, now)),
    };
    format!("weight {to} ({weighs}{begun}, {})", until(now, Some(end)))
}

/// A weight, to two digits after the point.
fn weight(weight: f64) -> String {
    let text = format!("{weight:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number per second, to three digits: `0`, `0.4`, `12.5`, `340`, `1.25 k`.
pub(in crate::cli) fn rate(per_s: f64) -> String {
    match per_s {
        // What is not a number or below it is nothing, too.
        rate if rate.is_nan() || rate < 0.05 => "0".to_owned(),
        rate if rate < 99.95 => format!("{rate:.1}"),
        rate if rate < 999.5 => format!("{rate:.0}"),
        rate if rate < 999_500.0 => format!("{} k", three_digits(rate / 1e3)),
        rate => format!("{} M", three_digits(rate / 1e6)),
    }
}

fn three_digits(number: f64) -> String {
    let decimals = match number {
        number if number < 9.995 => 2,
        number if number < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

/// A part of one as a percentage; never rounded to nothing or to all.
pub(in crate::cli) fn share(part: f64) -> String {
    match part * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "<1%".to_owned(),
        percent if percent > 99.0 && percent < 100.0 => ">99%".to_owned(),
        percent => format!("{percent:.0}%"),
    }
}

/// How long a probe took.
pub(in crate::cli) fn latency(ms: f64) -> String {
    match ms {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(at: i64) -> Timestamp {
        Timestamp::from_second(at).expect("in range")
    }

    #[test]
    fn spans() {
        let check = |seconds: i64, expected: &str| {
            assert_eq!(span(second(1000), second(1000 + seconds)), expected);
        };
        check(-5, "0 s");
        check(0, "0 s");
        check(59, "59 s");
        check(60, "1 m");
        check(3599, "59 m");
        check(3600, "1 h");
        check(7800, "2 h 10 m");
        check(86_399, "23 h 59 m");
        check(86_400, "1 d");
        check(3 * 86_400 + 4 * 3600, "3 d 4 h");
        check(100 * 86_400 + 4 * 3600, "100 d");
    }

    #[test]
    fn ends() {
        let now: Timestamp = "2026-03-01T12:45:00Z".parse().expect("a time");
        let check = |end: Option<&str>, expected: &str| {
            let end = end.map(|end| end.parse().expect("a time"));
            assert_eq!(until(now, end), expected);
        };
        check(None, "without end");
        check(Some("2026-03-01T14:05:00Z"), "until 14:05 UTC, in 1 h 20 m");
        check(Some("2026-03-02T00:45:00Z"), "until 2026-03-02 00:45 UTC, in 12 h");
        check(Some("2026-03-01T12:00:00Z"), "until 12:00 UTC, in 0 s");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let check = |number: f64, expected: &str| assert_eq!(rate(number), expected, "{number}");
        check(0.0, "0");
        check(-1.0, "0");
        check(f64::NAN, "0");
        check(0.04, "0");
        check(0.05, "0.1");
        check(12.34, "12.3");
        check(99.96, "100");
        check(999.6, "1.00 k");
        check(1254.0, "1.25 k");
        check(12_540.0, "12.5 k");
        check(999_600.0, "1.00 M");
        check(123e6, "123 M");
        assert_eq!(
            [0.0, 0.001, 0.254, 0.995, 1.0].map(share),
            ["0%", "<1%", "25%", ">99%", "100%"]
        );
        assert_eq!(
            [0.04, 1.26, 250.0, 1999.0].map(latency),
            ["0.0 ms", "1.3 ms", "250 ms", "2.0 s"]
        );
    }
}
