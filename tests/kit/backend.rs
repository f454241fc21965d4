//! Backends to be probed: HTTP, HTTPS or bare TCP on a loopback address, switched while they run, every connection and
//! every request counted.

use super::{PATIENCE, TestCertificate};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// Longest request head that is read.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How a backend behaves toward the next connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Answers at once with this status and body.
    Answer(u16, String),
    /// Accepts, reads, and says nothing until the client goes away.
    Silent,
    /// Answers 200, then stops in the middle of the body and closes.
    Cut,
    /// Closes as soon as it has accepted.
    Close,
    /// Answers with something that is not HTTP.
    Rubbish,
}

impl Mode {
    /// 200 and a short body.
    pub fn up() -> Self {
        Self::Answer(200, "alive\n".to_owned())
    }

    /// 503.
    pub fn down() -> Self {
        Self::Answer(503, "going away\n".to_owned())
    }
}

/// A backend; stops when dropped.
pub struct Backend {
    address: SocketAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mode: Mode,
    stopping: bool,
    connections: usize,
    heads: Vec<String>,
}

impl Backend {
    /// An HTTP backend that is up; port 0 for the system's choice.
    pub fn http(address: IpAddr, port: u16) -> Self {
        Self::start(address, port, None)
    }

    /// An HTTPS backend that is up.
    pub fn https(address: IpAddr, port: u16, certificate: &TestCertificate) -> Self {
        Self::start(address, port, Some(Arc::new(certificate.server(&[b"http/1.1"]))))
    }

    fn start(address: IpAddr, port: u16, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let state = State { mode: Mode::up(), stopping: false, connections: 0, heads: vec![] };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let mut backend =
            Self { address: SocketAddr::new(address, port), tls, shared, serving: None };
        backend.restart();
        backend
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How it behaves from the next connection on; the connections accepted before that.
    pub fn set(&self, mode: Mode) -> usize {
        let mut before = 0;
        self.shared.change(|state| {
            state.mode = mode;
            before = state.connections;
        });
        before
    }

    /// Stops listening: connections are refused.
    pub fn stop(&mut self) {
        let Some(serving) = self.serving.take() else { return };
        self.shared.change(|state| state.stopping = true);
        // The listener sits in accept(); a connection makes it look at the flag.
        drop(TcpStream::connect(self.address));
        serving.join().expect("a listener that did not panic");
    }

    /// Listens again at the same address.
    pub fn restart(&mut self) {
        assert!(self.serving.is_none(), "the backend at {} is running", self.address);
        let listener = TcpListener::bind(self.address).expect("a free loopback address");
        self.address = listener.local_addr().expect("a bound socket");
        self.shared.change(|state| state.stopping = false);
        let (shared, tls) = (self.shared.clone(), self.tls.clone());
        self.serving = Some(std::thread::spawn(move || serve(&listener, &shared, tls.as_ref())));
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.read(|state| state.connections)
    }

    /// Requests read so far.
    pub fn requests(&self) -> usize {
        self.shared.read(|state| state.heads.len())
    }

    /// The head of the last request, as received.
    pub fn last_head(&self) -> Option<String> {
        self.shared.read(|state| state.heads.last().cloned())
    }

    /// Waits until as many connections were accepted; panics when patience ends.
    pub fn wait_for_connections(&self, count: usize) {
        self.shared.wait(|state| state.connections >= count);
    }

    /// Waits until as many requests were read; panics when patience ends.
    pub fn wait_for_requests(&self, count: usize) {
        self.shared.wait(|state| state.heads.len() >= count);
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().expect("no panic under the lock"));
        self.changed.notify_all();
    }

    /// Counts a connection, and settles in the same moment how it is treated: whoever sets another mode knows by the
    /// count which connections saw it.
    fn admit(&self) -> Mode {
        let mut mode = Mode::Close;
        self.change(|state| {
            state.connections += 1;
            mode = state.mode.clone();
        });
        mode
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.lock().expect("no panic under the lock"))
    }

    fn wait(&self, met: impl Fn(&State) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.lock().expect("no panic under the lock");
        while !met(&state) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "only {} requests came", state.heads.len());
            state = self.changed.wait_timeout(state, left).expect("no panic under the lock").0;
        }
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<&Arc<rustls::ServerConfig>>) {
    loop {
        let accepted = listener.accept();
        if shared.read(|state| state.stopping) {
            return;
        }
        let Ok((stream, _)) = accepted else { continue };
        let mode = shared.admit();
        if mode == Mode::Close {
            continue;
        }
        let (shared, tls) = (shared.clone(), tls.cloned());
        // Whatever goes wrong on a connection is the prober's to notice.
        std::thread::spawn(move || -> io::Result<()> {
            stream.set_read_timeout(Some(PATIENCE))?;
            match tls {
                None => converse(stream, &shared, &mode),
                Some(tls) => {
                    let session = ServerConnection::new(tls).map_err(io::Error::other)?;
                    converse(StreamOwned::new(session, stream), &shared, &mode)
                }
            }
        });
    }
}

/// One request, one response, then the end of the connection.
fn converse(mut stream: impl Read + Write, shared: &Shared, mode: &Mode) -> io::Result<()> {
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
        stream.read_exact(&mut octet)?;
        head.push(octet[0]);
    }
    shared.change(|state| state.heads.push(String::from_utf8_lossy(&head).into_owned()));
    match mode {
        Mode::Answer(status, body) => {
            let length = body.len();
            let response = format!(
                "HTTP/1.1 {status} .\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let is_head = head.starts_with(b"HEAD ");
            stream.write_all(response.as_bytes())?;
            stream.write_all(if is_head { b"" } else { body.as_bytes() })
        }
        Mode::Silent => stream.read_exact(&mut octet),
        Mode::Cut => stream.write_all(b"HTTP/1.1 200 .\r\nContent-Length: 100\r\n\r\nhalf"),
        Mode::Rubbish => stream.write_all(b"\x16\x03\x01 220 mail.example.com ESMTP\r\n"),
        Mode::Close => Ok(()),
    }
}
