//! A reader that listens on a Unix stream socket.
//!
//! It is asked whether it wants dnstap and told when the stream ends, as Frame Streams has it for two-way transports.
//! No step takes longer than [`PATIENCE`], and none that is under way longer than [`PATIENCE_STOPPING`] once the tap is
//! to stop: the socket itself gives up every [`SLICE`], and the time is looked at then.

use super::Sink;
use crate::tap::frames::{Control, control, expect};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a reader may take for what it is sent. One that writes to a busy disk needs a moment; after this much it
/// hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same while the server stops.
const PATIENCE_STOPPING: Duration = Duration::from_millis(500);
/// How often a step that takes long looks whether it should give up.
const SLICE: Duration = Duration::from_millis(100);

pub(super) struct SocketSink {
    path: PathBuf,
    patience: Duration,
    stop: Arc<AtomicBool>,
    connected: Option<Socket>,
}

impl SocketSink {
    pub(super) fn new(path: &Path, stop: Arc<AtomicBool>) -> Self {
        Self { path: path.to_owned(), patience: PATIENCE, stop, connected: None }
    }

    fn connect(&self) -> io::Result<Socket> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Before connecting, which waits too while the reader's queue of connections is full.
        socket.set_write_timeout(Some(SLICE))?;
        socket.set_read_timeout(Some(SLICE))?;
        socket.connect(&SockAddr::unix(&self.path)?).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => timed_out("the reader accepts no connections"),
            _ => error,
        })?;
        let mut reader = self.step(&socket);
        reader.write_all(&control(Control::Ready))?;
        expect(&mut reader, Control::Accept)?;
        reader.write_all(&control(Control::Start))?;
        Ok(socket)
    }

    fn step<'a>(&'a self, socket: &'a Socket) -> Step<'a> {
        Step { socket, began: Instant::now(), patience: self.patience, stop: &self.stop }
    }
}

impl Sink for SocketSink {
    fn open(&mut self) -> io::Result<bool> {
        if self.connected.is_some() {
            return Ok(false);
        }
        self.connected = Some(self.connect()?);
        Ok(true)
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        let Some(socket) = self.connected.take() else {
            return Err(ErrorKind::NotConnected.into());
        };
        // A stream that breaks off within a frame is of no more use.
        self.step(&socket).write_all(frames)?;
        self.connected = Some(socket);
        Ok(())
    }

    fn close(&mut self) {
        let Some(socket) = self.connected.take() else { return };
        let mut reader = self.step(&socket);
        // The reader has all there is, or it is gone or hangs, and then there is nobody to tell.
        let _ = reader
            .write_all(&control(Control::Stop))
            .and_then(|()| expect(&mut reader, Control::Finish));
    }
}

/// One step with a reader, within its time.
struct Step<'a> {
    socket: &'a Socket,
    began: Instant,
    patience: Duration,
    stop: &'a AtomicBool,
}

impl Step<'_> {
    fn patiently(
        &self,
        mut attempt: impl FnMut(&mut &Socket) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            match attempt(&mut { self.socket }) {
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    let stopping = self.stop.load(Ordering::Acquire);
                    let patience =
                        if stopping { PATIENCE_STOPPING.min(self.patience) } else { self.patience };
                    if self.began.elapsed() >= patience {
                        return Err(timed_out("the reader hangs"));
                    }
                }
                ended => return ended,
            }
        }
    }
}

impl Read for Step<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.read(buffer))
    }
}

impl Write for Step<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.patiently(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn timed_out(message: &str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, message)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::thread;

    struct Bench {
        directory: tempfile::TempDir,
        listener: UnixListener,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let listener = UnixListener::bind(directory.path().join("tap")).expect("a socket");
            Self { directory, listener }
        }

        fn sink(&self, patience: Duration) -> SocketSink {
            let mut sink = SocketSink::new(&self.directory.path().join("tap"), Arc::default());
            sink.patience = patience;
            sink
        }
    }

    #[test]
    fn readers_are_asked_and_told_of_the_end() {
        let bench = Bench::new();
        let mut sink = bench.sink(PATIENCE);
        let listener = bench.listener.try_clone().expect("a second handle");
        let reader = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            expect(&mut stream, Control::Ready).expect("READY");
            stream.write_all(&control(Control::Accept)).expect("ACCEPT sent");
            expect(&mut stream, Control::Start).expect("START");
            let mut frames = [0; 6];
            stream.read_exact(&mut frames).expect("frames");
            expect(&mut stream, Control::Stop).expect("STOP");
            stream.write_all(&control(Control::Finish)).expect("FINISH sent");
            frames
        });
        assert!(sink.open().expect("opened"));
        assert!(!sink.open().expect("open already"));
        sink.write(b"frames").expect("written");
        sink.close();
        assert_eq!(&reader.join().expect("a good end"), b"frames");
    }

    #[test]
    fn readers_that_hang_or_refuse_are_given_up() {
        let bench = Bench::new();
        let mut sink = bench.sink(Duration::ZERO);
        // Nobody accepts: the connection waits in the queue, without an ACCEPT.
        assert_eq!(sink.open().expect_err("no reader").to_string(), "the reader hangs");
        let refusing = thread::spawn(move || {
            let (first, _) = bench.listener.accept().expect("the one that was given up");
            drop(first);
            let (mut stream, _) = bench.listener.accept().expect("a connection");
            stream.write_all(&control(Control::Finish)).expect("nonsense sent");
            // One that takes part, and then takes nothing.
            let (mut stream, _) = bench.listener.accept().expect("a connection");
            stream.write_all(&control(Control::Accept)).expect("ACCEPT sent");
            (stream, bench)
        });
        let mut sink = SocketSink { patience: PATIENCE, ..sink };
        assert!(sink.open().expect_err("refused").to_string().contains("Accept"));
        assert!(sink.open().expect("opened"));
        sink.patience = Duration::ZERO;
        let stalled = sink.write(&vec![0; 16 << 20]).expect_err("nobody reads");
        assert_eq!(stalled.to_string(), "the reader hangs");
        assert!(sink.write(b"more").is_err(), "the connection is gone");
        refusing.join().expect("a good end");
    }
}
