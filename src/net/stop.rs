//! The word to stop, and knowing when everyone has.
//!
//! Every task of the listeners holds a [`Stop`]. The one who gives the word also sees when the last task has
//! dropped its own; so a task that ends needs to report to nobody.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Gives the word to stop; dropping it gives it too.
pub(super) struct StopSender(watch::Sender<bool>);

/// Hears the word to stop.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

/// A pair that belongs together.
pub(super) fn channel() -> (StopSender, Stop) {
    let (sender, receiver) = watch::channel(false);
    (StopSender(sender), Stop(receiver))
}

impl StopSender {
    /// Tells everyone and waits until all have stopped, at most `patience`.
    pub(super) async fn stop(&self, patience: Duration) -> bool {
        self.0.send_replace(true);
        timeout(patience, self.0.closed()).await.is_ok()
    }
}

impl Stop {
    /// Waits for the word. May be dropped and called again.
    pub(super) async fn stopped(&mut self) {
        // An error says that the sender is gone, which is the word too.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}
