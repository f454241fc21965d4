//! Starting the server, for every command that runs one.

use super::serve::Running;
use crate::config::{Loaded, Tls};
use crate::report::Report;
use std::net::SocketAddr;
use std::path::Path;

/// What a command lays over the configuration, at every reading of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay {
    /// Where plain queries are taken instead.
    pub listen: Option<Vec<SocketAddr>>,
    /// Encrypted transports instead.
    pub tls: Option<Tls>,
}

/// Starts the server on what was read from `path`; returns when it answers.
pub(super) async fn start(path: &Path, loaded: Loaded, overlay: Overlay) -> Result<impl Running, Report> {
    CONNECT
}
