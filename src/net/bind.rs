//! Sockets before anything runs on them: every address is tried, and every failure comes with its cure.

use crate::answer::Transport;
use crate::report::Finding;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Room asked for in each direction of a UDP socket: 4 MiB hold some ten milliseconds of the fastest loopback
/// flood. The system may grant less.
const UDP_BUFFER_BYTES: usize = 4 << 20;

/// Connections that may wait to be accepted; the system may grant less.
const BACKLOG: i32 = 1024;

/// Ports below this need a privilege on Unix.
const PORT_UNPRIVILEGED_MIN: u16 = 1024;

/// How often another port is drawn when port 0 was asked for and the one that TCP got is taken for UDP.
const PORT_DRAWS_MAX: u32 = 32;

/// An address that cannot be listened on.
#[derive(Debug)]
pub struct BindError {
    /// The address as configured.
    pub address: SocketAddr,
    /// What was to be served there.
    pub transport: Transport,
    /// What the system said.
    pub cause: io::Error,
}

impl BindError {
    /// What to do about it.
    pub fn cure(&self) -> String {
        let port = self.address.port();
        match self.cause.kind() {
            io::ErrorKind::AddrInUse => format!(
                "it is taken, by another process (`ss -lntup 'sport = :{port}'` names it) or by another address \
                 of this configuration; free it, or choose another address or port"
            ),
            io::ErrorKind::PermissionDenied if port < PORT_UNPRIVILEGED_MIN => format!(
                "ports below {PORT_UNPRIVILEGED_MIN} need a privilege: `setcap cap_net_bind_service=+ep` on the \
                 program, or AmbientCapabilities=CAP_NET_BIND_SERVICE in its systemd unit"
            ),
            io::ErrorKind::PermissionDenied => {
                "the system forbids it; look at the security policy that this service runs under".to_owned()
            }
            io::ErrorKind::AddrNotAvailable => {
                "no interface of this machine has that address (`ip address` lists them); correct it, or add it to \
                 an interface first"
                    .to_owned()
            }
            io::ErrorKind::InvalidInput if self.transport.is_encrypted() => {
                "configure a certificate and its key, or remove this address".to_owned()
            }
            _ if self.cause.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
                "this machine has that address family switched off; remove the address or switch the family on"
                    .to_owned()
            }
            _ if matches!(self.cause.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                "raise the limit of open files (`ulimit -n`, LimitNOFILE= in a systemd unit)".to_owned()
            }
            _ => "correct the address, or see what the system's message says".to_owned(),
        }
    }

    /// The same as a finding, without a place.
    pub fn finding(&self) -> Finding {
        Finding::error(self.message()).help(self.cure())
    }

    fn message(&self) -> String {
        let what = match self.transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "DNS over TLS",
            Transport::Https => "DNS over HTTPS",
            Transport::Quic => "DNS over QUIC",
        };
        format!("cannot listen on {} for {what}: {}", self.address, self.cause)
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.cure())
    }
}

// The cause is part of the message, so it is no source.
impl std::error::Error for BindError {}

/// A listener for connections.
pub(super) fn stream(address: SocketAddr, transport: Transport) -> Result<TcpListener, BindError> {
    let bound = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // Connections that a previous process closed may still linger on the port.
        socket.set_reuse_address(true)?;
        bind(&socket, address)?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    bound().map_err(|cause| BindError { address, transport, cause })
}

/// A socket for datagrams that nobody else may bind to.
pub(super) fn datagram(address: SocketAddr, transport: Transport) -> Result<UdpSocket, BindError> {
    udp(address, false).map_err(|cause| BindError { address, transport, cause })
}

/// TCP and UDP of one address on the same port, with one UDP socket for each worker.
///
/// On Linux the system spreads clients over sockets that share a port; elsewhere one socket is shared, for there
/// SO_REUSEPORT does not spread.
pub(super) fn pair(
    address: SocketAddr,
    udp_workers: usize,
) -> Result<(TcpListener, Vec<UdpSocket>), BindError> {
    let mut draws = 0;
    loop {
        draws += 1;
        // TCP first: its port cannot be shared, so a second process of ours is noticed here.
        let listener = stream(address, Transport::Tcp)?;
        let sockets = listener.local_addr().and_then(|address| udp_shared(address, udp_workers));
        match sockets {
            Ok(sockets) => return Ok((listener, sockets)),
            Err(cause)
                if cause.kind() == io::ErrorKind::AddrInUse
                    && address.port() == 0
                    && draws < PORT_DRAWS_MAX => {}
            Err(cause) => return Err(BindError { address, transport: Transport::Udp, cause }),
        }
    }
}

fn udp_shared(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    if cfg!(target_os = "linux") {
        return (0..count).map(|_| udp(address, true)).collect();
    }
    let first = udp(address, false)?;
    (0..count).map(|_| first.try_clone()).collect()
}

fn udp(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    bind(&socket, address)?;
    grow_buffers(&socket);
    Ok(socket.into())
}

fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        // One family for each socket: clients keep their real address, and [::] does not take 0.0.0.0 with it.
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(address))
}

/// Asks for large buffers; a smaller one only drops sooner under a flood.
fn grow_buffers(socket: &Socket) {
    let socket = SockRef::from(socket);
    let _ = socket.set_recv_buffer_size(UDP_BUFFER_BYTES);
    let _ = socket.set_send_buffer_size(UDP_BUFFER_BYTES);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn tcp_and_udp_share_a_drawn_port() {
        let (listener, sockets) = pair(any(), 3).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(sockets.len(), 3);
        for socket in &sockets {
            assert_eq!(socket.local_addr().unwrap(), address);
        }
        let error = pair(address, 1).unwrap_err();
        assert_eq!(
            (error.transport, error.cause.kind()),
            (Transport::Tcp, io::ErrorKind::AddrInUse)
        );
    }

    #[test]
    fn a_foreign_udp_socket_is_noticed() {
        // An address of its own: no other test's connection can have the port that is drawn.
        let held = datagram("127.0.77.1:0".parse().unwrap(), Transport::Quic).unwrap();
        let error = pair(held.local_addr().unwrap(), 1).unwrap_err();
        assert_eq!(
            (error.transport, error.cause.kind()),
            (Transport::Udp, io::ErrorKind::AddrInUse)
        );
    }

    #[test]
    fn every_failure_names_address_and_cure() {
        let check = |address: &str, transport, code, parts: &[&str]| {
            let cause = io::Error::from_raw_os_error(code);
            let error = BindError { address: address.parse().unwrap(), transport, cause };
            for part in parts.iter().chain(&[address]) {
                assert!(error.to_string().contains(part), "{error} lacks {part}");
            }
            assert_eq!(error.finding().to_string(), format!("error: {error}"));
        };
        check("127.0.0.1:5353", Transport::Tcp, libc::EADDRINUSE, &["TCP", "sport = :5353"]);
        check("[::1]:53", Transport::Udp, libc::EACCES, &["UDP", "cap_net_bind_service"]);
        check("127.0.0.1:5353", Transport::Udp, libc::EACCES, &["security policy"]);
        check("192.0.2.1:853", Transport::Quic, libc::EADDRNOTAVAIL, &["QUIC", "ip address"]);
        check("[::1]:853", Transport::Tls, libc::EAFNOSUPPORT, &["TLS", "family"]);
        check("[::1]:443", Transport::Https, libc::EMFILE, &["HTTPS", "LimitNOFILE"]);
    }

    #[test]
    fn an_address_of_another_machine_is_an_error() {
        let error = pair("192.0.2.77:0".parse().unwrap(), 1).unwrap_err();
        assert_eq!(error.cause.kind(), io::ErrorKind::AddrNotAvailable);
    }
}
