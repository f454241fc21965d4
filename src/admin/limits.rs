//! Every bound of the admin API, by name, with its unit and its reason.

use std::time::Duration;

/// Connections at one time: a dashboard takes a handful, a scraper one. When they are taken, whoever has been idle
/// longest makes room.
pub(super) const CONNECTIONS_MAX: usize = 128;

/// Connections at one time from one address, so that one client never takes all of them. On loopback all are one.
pub(super) const CONNECTIONS_PER_PEER_MAX: usize = 96;

/// How long the head of a request may take to come in, the idle time before it included. A client that is slower opens
/// another connection.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the body of a request may take to come in.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request may take to be answered: a reload of very many zones takes a minute on a slow host.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// A client that takes nothing of what is sent to it for this long is taken for gone.
pub(super) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what is under way may take once the server stops; with it, stopping takes less than a second.
pub(super) const DRAIN: Duration = Duration::from_millis(800);

/// All headers of a request. Browsers send a few kilobytes.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;

/// The body of a request: an order is a few hundred bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 << 10;

/// So much of a body that is too long is read and thrown away, because a client that is still sending does not read
/// why it is refused.
pub(super) const BODY_BYTES_SKIPPED_MAX: usize = 1 << 20;

/// Live streams at one time; each holds a connection, so there must be fewer of them than of those.
pub(super) const STREAMS_MAX: usize = 32;

/// A stream tells the status at least this often, so that a page knows that it is up to date.
pub(super) const STATUS_INTERVAL: Duration = Duration::from_secs(1);

/// The status is not computed more often than this however much happens.
pub(super) const STATUS_INTERVAL_MIN: Duration = Duration::from_millis(200);

/// How long a client of a stream is told to wait before it connects again.
pub(super) const STREAM_RETRY: Duration = Duration::from_secs(1);
