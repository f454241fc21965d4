//! UDP, and everything that frames messages by two octets of length on a stream: TCP (RFC 7766) and TLS (RFC 7858).

use super::{PATIENCE, Query, Reply, TestCertificate};
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

/// A connected UDP socket: datagrams from another address than the one asked never arrive.
pub struct Udp {
    socket: UdpSocket,
}

impl Udp {
    /// A socket to `server` from the system's choice of address.
    pub fn to(server: SocketAddr) -> Self {
        let any = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        Self::from(any, server)
    }

    /// A socket to `server` from `source`, port of the system's choice.
    pub fn from(source: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((source, 0)).expect("a UDP socket at the source address");
        socket.connect(server).expect("a route to the server");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self { socket }
    }

    /// The port that it asks from.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().expect("a bound socket").port()
    }

    /// Sends any bytes as one datagram.
    pub fn send(&self, bytes: &[u8]) {
        let sent = self.socket.send(bytes).expect("a datagram sent");
        assert_eq!(sent, bytes.len());
    }

    /// The next datagram.
    pub fn receive(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        let bytes = self.socket.recv(&mut buffer).expect("a reply over UDP");
        buffer.truncate(bytes);
        buffer
    }

    /// Sends a query and takes its reply apart.
    pub fn ask(&self, query: &Query) -> Reply {
        self.send(&query.bytes());
        let reply = Reply::of(&self.receive());
        assert_eq!(reply.id, query.id_sent(), "id of {reply:?}");
        reply
    }

    /// Whether the server drops `bytes`: the reply that comes next is that to the `control` query sent after them.
    /// Holds where one worker serves the socket's four-tuple in order, and needs no waiting.
    pub fn is_dropped(&self, bytes: &[u8], control: &Query) -> bool {
        self.send(bytes);
        self.send(&control.bytes());
        self.receive()[..2] == control.id_sent().to_be_bytes()
    }
}

/// A byte stream that carries framed messages.
pub struct Stream<S> {
    stream: S,
}

/// A TCP connection to `server`, from `source` if given.
pub fn tcp(server: SocketAddr, source: Option<IpAddr>) -> Stream<TcpStream> {
    Stream { stream: connect(server, source).expect("a TCP connection") }
}

/// A TCP connection that may be refused or reset.
pub fn connect(server: SocketAddr, source: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(source) = source {
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    socket.connect_timeout(&server.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A TLS connection to `server` that trusts `certificate` alone, the name verified.
pub fn tls(
    server: SocketAddr,
    certificate: &TestCertificate,
) -> Stream<StreamOwned<ClientConnection, TcpStream>> {
    let config = certificate.client(&[b"dot"]);
    let name = ServerName::from(server.ip());
    let session = ClientConnection::new(Arc::new(config), name).expect("a TLS session");
    let tcp = connect(server, None).expect("a TCP connection");
    Stream { stream: StreamOwned::new(session, tcp) }
}

/// A message with its length in front.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).expect("a message below 64 KiB");
    [&length.to_be_bytes(), message].concat()
}

impl<S: Read + Write> Stream<S> {
    /// Writes bytes as they are, in one write.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("bytes written");
        self.stream.flush().expect("bytes flushed");
    }

    /// Writes a message with its length.
    pub fn send(&mut self, message: &[u8]) {
        self.send_bytes(&framed(message));
    }

    /// The next message; none where the server has closed the connection instead.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 2];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if is_closed(&error) => return None,
            Err(error) => panic!("no reply: {error}"),
        }
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.stream.read_exact(&mut message).expect("as many octets as the length says");
        Some(message)
    }

    /// Sends a query and takes its reply apart.
    pub fn ask(&mut self, query: &Query) -> Reply {
        self.ask_all(std::slice::from_ref(query)).remove(0)
    }

    /// Sends all queries in one write, then takes the replies, which may come in any order (RFC 7766 §6.2.1.1), and
    /// puts them in the order of the queries by their ids.
    pub fn ask_all(&mut self, queries: &[Query]) -> Vec<Reply> {
        let frames: Vec<u8> = queries.iter().flat_map(|query| framed(&query.bytes())).collect();
        self.send_bytes(&frames);
        let mut replies: Vec<Reply> = queries
            .iter()
            .map(|_| Reply::of(&self.receive().expect("a reply before the end of the stream")))
            .collect();
        queries
            .iter()
            .map(|query| {
                let at = replies.iter().position(|reply| reply.id == query.id_sent());
                replies.swap_remove(at.expect("a reply to each query"))
            })
            .collect()
    }

    /// Sends a query one octet at a time, each in a segment of its own.
    pub fn ask_dribbled(&mut self, query: &Query) -> Reply {
        for octet in framed(&query.bytes()) {
            self.send_bytes(&[octet]);
        }
        Reply::of(&self.receive().expect("a reply before the end of the stream"))
    }

    /// The stream itself, for half-closing and worse.
    pub fn inner(&self) -> &S {
        &self.stream
    }
}

/// Both an orderly end and a reset are the server's way of closing.
fn is_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}
