//! Where frames go: a reader's socket or a file. Either may fail at any time and be tried again.

mod file;
mod socket;

use crate::config::DnstapSink;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Takes frames, in one stream of them after another.
pub(super) trait Sink: Send {
    /// Makes it ready for frames; does nothing where it is. Whether a stream was begun for it.
    fn open(&mut self) -> io::Result<bool>;

    /// Takes whole frames. After a failure none of them counts as taken, and it must be opened again.
    fn write(&mut self, frames: &[u8]) -> io::Result<()>;

    /// Ends the stream, if there is one, in good order or not at all.
    fn close(&mut self);
}

/// The sink of a configuration; it is in more of a hurry once `stop` is set.
pub(super) fn sink(of: &DnstapSink, stop: Arc<AtomicBool>) -> Box<dyn Sink> {
    match of {
        DnstapSink::Socket(path) => Box::new(socket::SocketSink::new(path, stop)),
        DnstapSink::File(path) => Box::new(file::FileSink::new(path)),
    }
}
