//! A TCP probe: whether a connection is accepted.

use super::reason::{self, Told};
use crate::health::state::Outcome;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::{TcpSocket, TcpStream};

/// Connects, and lets go at once.
pub(super) async fn ask(target: SocketAddr, source: Option<IpAddr>) -> Told {
    match connect(target, source).await {
        Ok(_stream) => Told::new(Outcome::Success),
        Err(error) => reason::of(&error),
    }
}

async fn connect(target: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Closing resets the connection, as nothing was said on it: the port is free again at once, where a minute in
    // TIME_WAIT would soon use up the ports of a source address.
    socket.set_zero_linger()?;
    if let Some(source) = source {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    socket.connect(target).await
}
