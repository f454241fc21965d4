//! Why asking a feed came to nothing: in words for people, and by kind for counting.

use std::fmt;

/// An answer that does not count, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Of what kind it is.
    pub kind: FaultKind,
    /// What was wrong, in one line.
    pub why: String,
}

/// Kinds of faults, in the order in which a question can meet them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// On this side: a file with a token or with certificates that cannot be used.
    Local,
    /// Nothing was reached, or it broke off.
    Connection,
    /// No agreement on TLS, mostly since the certificate is not to be trusted.
    Tls,
    /// No answer in time.
    Timeout,
    /// An answer of HTTP other than 200.
    Status,
    /// An answer of another shape than the feed's.
    Unreadable,
    /// An answer that can be read, and cannot be right.
    Impossible,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(kind: FaultKind, why: impl Into<String>) -> Self {
        Self { kind, why: why.into() }
    }

    /// An answer of another shape than the feed's.
    pub(super) fn unreadable(why: impl Into<String>) -> Self {
        Self::new(FaultKind::Unreadable, why)
    }

    /// An answer that cannot be right.
    pub(super) fn impossible(why: impl Into<String>) -> Self {
        Self::new(FaultKind::Impossible, why)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.why)
    }
}

impl FaultKind {
    /// Every kind with its word.
    pub const ALL: [(&str, Self); 7] = [
        ("local", Self::Local),
        ("connection", Self::Connection),
        ("tls", Self::Tls),
        ("timeout", Self::Timeout),
        ("status", Self::Status),
        ("unreadable", Self::Unreadable),
        ("impossible", Self::Impossible),
    ];
}

/// How many faults there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; FaultKind::ALL.len()]);

impl FaultCounts {
    /// Counts one.
    pub fn count(&mut self, kind: FaultKind) {
        self.0[kind as usize] += 1;
    }

    /// Every kind, by its word.
    pub fn by_word(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FaultKind::ALL.into_iter().zip(self.0).map(|((word, _), count)| (word, count))
    }

    /// All of them.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_counted_by_its_own_word() {
        for (word, kind) in FaultKind::ALL {
            let mut counts = FaultCounts::default();
            counts.count(kind);
            counts.count(kind);
            let counted: Vec<_> = counts.by_word().filter(|(_, count)| *count > 0).collect();
            assert_eq!((counted, counts.sum()), (vec![(word, 2)], 2));
        }
    }
}
