//! Errors into words: short, for people, one line; and whose fault they are.

use crate::health::state::Outcome;
use std::error::Error;
use std::io;

/// The longest reason, in characters; part of it may come from the target.
const REASON_CHARS_MAX: usize = 200;

/// What a target told.
pub(super) struct Told {
    /// What it amounts to.
    pub(super) outcome: Outcome,
    /// Days until the certificate ends that was shown.
    pub(super) certificate_days_left: Option<i64>,
}

impl Told {
    /// An outcome without a certificate.
    pub(super) fn new(outcome: Outcome) -> Self {
        Self { outcome, certificate_days_left: None }
    }

    /// A failure without a certificate.
    pub(super) fn failure(reason: impl AsRef<str>) -> Self {
        Self::new(Outcome::Failure(one_line(reason.as_ref())))
    }
}

/// The reason that an error gives, whoever is to blame.
pub(crate) fn in_words(error: &(dyn Error + 'static)) -> String {
    match of(error).outcome {
        Outcome::Failure(reason) | Outcome::Inconclusive(reason) => reason,
        Outcome::Success => String::new(),
    }
}

/// What an error amounts to: that of the innermost cause that says something.
pub(super) fn of(error: &(dyn Error + 'static)) -> Told {
    let mut at = error;
    loop {
        if let Some(error) = at.downcast_ref::<io::Error>() {
            match error.get_ref() {
                // An io::Error that wraps another does not name it as its source, but that one's source.
                Some(inner) => {
                    at = inner;
                    continue;
                }
                None => return of_system(error),
            }
        }
        match at.source() {
            Some(source) => at = source,
            None => return Told::failure(at.to_string()),
        }
    }
}

fn of_system(error: &io::Error) -> Told {
    let ours = [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EADDRINUSE];
    if error.raw_os_error().is_some_and(|code| ours.contains(&code)) {
        return Told::new(Outcome::Inconclusive(one_line(&error.to_string())));
    }
    match error.kind() {
        io::ErrorKind::AddrNotAvailable => Told::failure(
            "address not available here (is the source address this host's? is IPv6 on?)",
        ),
        io::ErrorKind::UnexpectedEof => Told::failure("connection closed in the middle"),
        kind @ (io::ErrorKind::ConnectionRefused
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::PermissionDenied) => Told::failure(kind.to_string()),
        _ => Told::failure(error.to_string()),
    }
}

/// Without control characters, and not too long.
pub(crate) fn one_line(text: &str) -> String {
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = text.chars().take(REASON_CHARS_MAX).map(clean).collect();
    if text.chars().nth(REASON_CHARS_MAX).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_words() {
        let system = io::Error::from_raw_os_error;
        let check = |error: io::Error, expected: Outcome| {
            let wrapped = io::Error::other(io::Error::other(error));
            assert_eq!(of(&wrapped).outcome, expected);
        };
        let failure = |reason: &str| Outcome::Failure(reason.into());
        check(system(libc::ECONNREFUSED), failure("connection refused"));
        check(system(libc::ENETUNREACH), failure("network unreachable"));
        check(io::Error::other("odd\r\n\x1b[31mthing"), failure("odd   [31mthing"));
        check(
            io::Error::from(io::ErrorKind::UnexpectedEof),
            failure("connection closed in the middle"),
        );
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::EADDRINUSE] {
            let outcome = of(&system(code)).outcome;
            assert!(matches!(outcome, Outcome::Inconclusive(_)), "{outcome:?}");
        }
    }

    #[test]
    fn reasons_are_short() {
        let Outcome::Failure(reason) = Told::failure("ß".repeat(500)).outcome else { panic!() };
        assert_eq!(reason.chars().count(), REASON_CHARS_MAX + 1);
    }
}
