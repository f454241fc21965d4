//! DNS over TCP (RFC 7766).
//!
//! The accept loop is shared by all connection listeners; what happens on a connection is [`stream`]'s part, which
//! TLS uses too.

mod stream;

pub(super) use stream::serve_stream;

use super::accept::{Incoming, accept_loop};
use super::lane::Lane;
use super::service::Service;
use crate::answer::Ends;
use tokio::net::TcpStream;

/// Serves connections of `listener` until told to stop.
pub(super) async fn serve<S: Service>(listener: impl Incoming<Stream = TcpStream>, lane: Lane<S>) {
    let connections = lane.clone();
    accept_loop(listener, lane, move |stream, client| {
        let lane = connections.clone();
        let ends = Ends::new(client, stream.local_addr().ok());
        async move { serve_stream(stream, ends, &lane).await }
    })
    .await;
}
