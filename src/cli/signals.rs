//! What the system asks of a running server, and doing it until the end.

use std::io;
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// SIGHUP: read everything again.
    Reload,
    /// SIGTERM or SIGINT: answer what has been asked, then end.
    Stop,
}

/// Signals as they come in.
#[derive(Debug)]
pub(super) struct Signals {
    received: mpsc::Receiver<Signal>,
}

impl Signals {
    /// Takes the signals of this process over: from now on, none of them ends it by itself. Needs a Tokio runtime.
    pub(super) fn take() -> io::Result<Self> {
        let mut source = Source::new()?;
        let (sender, received) = mpsc::channel(1);
        tokio::spawn(async move {
            while let Some(signal) = source.next().await {
                if sender.send(signal).await.is_err() {
                    return;
                }
            }
        });
        Ok(Self { received })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        match self.received.recv().await {
            Some(signal) => signal,
            // The system has stopped telling; the process is ended from outside then.
            None => std::future::pending().await,
        }
    }

    /// Waits for the next one that is not a wish to reload.
    pub(super) async fn stop_asked(&mut self) {
        while self.next().await == Signal::Reload {}
    }

    /// Signals that a test sends.
    #[cfg(test)]
    pub(super) fn from_channel(received: mpsc::Receiver<Signal>) -> Self {
        Self { received }
    }
}

#[cfg(unix)]
struct Source {
    hangup: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::select! {
            came = self.hangup.recv() => came.map(|()| Signal::Reload),
            came = self.terminate.recv() => came.map(|()| Signal::Stop),
            came = self.interrupt.recv() => came.map(|()| Signal::Stop),
        }
    }
}

/// Elsewhere than on Unix there is only Ctrl-C.
#[cfg(not(unix))]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<Signal> {
        tokio::signal::ctrl_c().await.ok().map(|()| Signal::Stop)
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::Command;

    #[tokio::test]
    async fn signals_are_told_apart() {
        let mut signals = Signals::take().expect("signals");
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
