//! Counts, parts and lists in words, the same wherever they are told.

/// What is less reads as nothing with one digit after the point.
const TENTHS_MIN: f64 = 0.0005;

/// `1 pool`, `2 pools`.
pub fn count(number: usize, thing: &str) -> String {
    format!("{number} {}", if number == 1 { thing.to_owned() } else { plural(thing) })
}

/// More than one of a thing.
pub fn plural(thing: &str) -> String {
    format!("{thing}s")
}

/// A part of one as a percentage, for a sentence: `75 %`. What is more than nothing and less than all never reads as
/// nothing or all.
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if percent > 0.0 && percent < 1.0 => "less than 1 %".to_owned(),
        percent if percent > 99.0 && percent < 100.0 => "more than 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// The same where small parts are to be compared: `3.7 %`, and `<0.1 %` for what is hardly anything.
pub fn percent_tenths(part: f64) -> String {
    if part > 0.0 && part < TENTHS_MIN {
        "<0.1 %".to_owned()
    } else {
        format!("{:.1} %", part * 100.0)
    }
}

/// The names, `max` of them at most, and how many more there are: `a, b and 3 more`. Nothing for none.
pub fn listed(names: &[impl AsRef<str>], max: usize) -> String {
    let shown: Vec<&str> = names.iter().take(max).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(max) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_counted() {
        let check = |names: &[&str], expected| assert_eq!(listed(names, 2), expected);
        check(&[], "");
        check(&["a"], "a");
        check(&["a", "b"], "a, b");
        check(&["a", "b", "c", "d"], "a, b and 2 more");
        assert_eq!([0, 1, 2].map(|number| count(number, "pool")), ["0 pools", "1 pool", "2 pools"]);
    }

    #[test]
    fn parts_are_neither_nothing_nor_all() {
        let check = |part, whole, tenths| {
            assert_eq!((&*percent(part), &*percent_tenths(part)), (whole, tenths), "{part}");
        };
        check(0.0, "0 %", "0.0 %");
        check(0.0004, "less than 1 %", "<0.1 %");
        check(0.0005, "less than 1 %", "0.1 %");
        check(0.01, "1 %", "1.0 %");
        check(0.254, "25 %", "25.4 %");
        check(0.995, "more than 99 %", "99.5 %");
        check(1.0, "100 %", "100.0 %");
    }
}
