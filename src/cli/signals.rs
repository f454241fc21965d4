//! What the system asks of a running server, and doing it until the end.

use std::io;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP: read everything again.
    Reload,
    /// SIGTERM or SIGINT: answer what has been asked, then end.
    Stop,
}

/// The signals of this process. From its making on, none of them ends the process by itself.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct Signals {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over. Needs a Tokio runtime.
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hangup.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop,
            _ = self.interrupt.recv() => Signal::Stop,
        }
    }
}

/// The signals of this process: elsewhere than on Unix there is only Ctrl-C.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Takes the signals over. Needs a Tokio runtime.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Stop,
            // Without signals the process is ended from outside.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn signals_are_told_apart() {
        let mut signals = Signals::new().expect("signals");
        let own = std::process::id().to_string();
        for (signal, expected) in
            [("-HUP", Signal::Reload), ("-TERM", Signal::Stop), ("-INT", Signal::Stop)]
        {
            let sent = Command::new("kill").args([signal, &own]).status().expect("kill(1)");
            assert!(sent.success());
            assert_eq!(signals.next().await, expected, "{signal}");
        }
    }
}
