//! Feeds asked over real sockets on loopback.

use super::*;
use crate::steer::director::HttpSource;

/// A feed that is asked every 2 s.
pub(super) fn json_feed(url: &str) -> Feed {
    Feed {
        source: FeedSource::Json(HttpSource { url: url.to_owned(), auth: None }),
        interval: Duration::from_secs(2),
        timeout: Duration::from_secs(1),
        stale_after: Duration::from_secs(10),
    }
}
