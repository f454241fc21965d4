//! A reader of Frame Streams that shares nothing with the server.

use crate::kit::PATIENCE;
use crate::schema::Dnstap;
use prost::Message;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

const ACCEPT: u32 = 1;
const START: u32 = 2;
const STOP: u32 = 3;
const READY: u32 = 4;
const FINISH: u32 = 5;
const CONTENT_TYPE: &[u8] = b"protobuf:dnstap.Dnstap";

/// A frame.
#[derive(Debug, PartialEq)]
pub enum Frame {
    Data(Vec<u8>),
    Control(u32, Vec<u8>),
}

/// A socket that the server connects to.
pub struct Reader {
    listener: UnixListener,
    stream: Option<UnixStream>,
}

impl Reader {
    pub fn listen(path: &Path) -> Self {
        Self { listener: UnixListener::bind(path).expect("a socket"), stream: None }
    }

    /// Takes the server's connection and its greeting.
    pub fn accept(&mut self) {
        let (stream, _) = self.listener.accept().expect("a connection");
        assert!(self.greet(stream), "a whole greeting");
    }

    /// The same, if one is waiting and its other end still there.
    pub fn try_accept(&mut self) -> bool {
        self.listener.set_nonblocking(true).expect("a socket that does not wait");
        let stream = self.listener.accept();
        stream.is_ok_and(|(stream, _)| self.greet(stream))
    }

    fn greet(&mut self, mut stream: UnixStream) -> bool {
        stream.set_nonblocking(false).expect("a stream that waits");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        assert_eq!(read(&mut stream), Some(Frame::Control(READY, content_type())));
        let accept = [&ACCEPT.to_be_bytes()[..], &content_type()].concat();
        let sent = [&[0; 4][..], &(accept.len() as u32).to_be_bytes(), &accept].concat();
        let greeted = stream.write_all(&sent).is_ok()
            && read(&mut stream) == Some(Frame::Control(START, content_type()));
        self.stream = greeted.then_some(stream);
        greeted
    }

    /// The next messages.
    pub fn take(&mut self, count: usize) -> Vec<Dnstap> {
        let stream = self.stream.as_mut().expect("a connection");
        let mut take = || match read(stream) {
            Some(Frame::Data(data)) => Dnstap::decode(&data[..]).expect("a message"),
            other => panic!("{other:?} and no message"),
        };
        (0..count).map(|_| take()).collect()
    }

    /// Closes the connection.
    pub fn hang_up(&mut self) {
        self.stream = None;
    }

    /// Takes the server's leave.
    pub fn finish(mut self) {
        let stream = self.stream.as_mut().expect("a connection");
        assert_eq!(read(stream), Some(Frame::Control(STOP, Vec::new())));
        let finish = [0, 4, FINISH].map(u32::to_be_bytes).concat();
        stream.write_all(&finish).expect("FINISH sent");
    }
}

/// The messages of a whole file.
pub fn read_file(path: &Path) -> Vec<Dnstap> {
    let bytes = std::fs::read(path).expect("a file");
    let mut rest = &bytes[..];
    assert_eq!(read(&mut rest), Some(Frame::Control(START, content_type())));
    let mut messages = Vec::new();
    loop {
        match read(&mut rest).expect("a frame") {
            Frame::Data(data) => messages.push(Dnstap::decode(&data[..]).expect("a message")),
            Frame::Control(kind, fields) => {
                assert_eq!((kind, fields.len(), rest.len()), (STOP, 0, 0));
                return messages;
            }
        }
    }
}

/// The field that every greeting has.
fn content_type() -> Vec<u8> {
    [&1_u32.to_be_bytes(), &(CONTENT_TYPE.len() as u32).to_be_bytes(), CONTENT_TYPE].concat()
}

/// The next frame; none where the stream ends.
fn read(from: &mut impl Read) -> Option<Frame> {
    let mut number = || {
        let mut bytes = [0; 4];
        from.read_exact(&mut bytes).ok().map(|()| u32::from_be_bytes(bytes))
    };
    let length = number()?;
    let (control, length) = if length == 0 { (true, number()?) } else { (false, length) };
    let mut bytes = vec![0; length as usize];
    from.read_exact(&mut bytes).ok()?;
    if !control {
        return Some(Frame::Data(bytes));
    }
    let (kind, fields) = bytes.split_first_chunk::<4>()?;
    Some(Frame::Control(u32::from_be_bytes(*kind), fields.to_vec()))
}
