//! Packets in batches, through the very module that the server reads and writes UDP with: the echo so shows what that
//! strategy costs with nothing behind it, and the generator is cheap enough that the server is the bottleneck.

#[path = "../../src/net/udp/batch.rs"]
mod batch;

use batch::Batch;
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// Sizes that the batch module takes from its parent, as in the server.
const QUERY_BYTES_MAX: usize = 4096;
const ANSWER_BYTES_MAX: usize = 4096;
/// As the server asks for.
const BUFFER_BYTES: usize = 4 << 20;

/// A UDP socket with large buffers.
pub fn socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // A smaller buffer than asked for only loses packets sooner, which is counted.
    let _ = SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES);
    let _ = SockRef::from(&socket).set_send_buffer_size(BUFFER_BYTES);
    Ok(socket)
}

/// Sends every query back as its answer, for ever.
pub fn echo(address: SocketAddr) -> io::Result<()> {
    let socket = socket(address)?;
    let mut batch = Batch::new(false);
    loop {
        for number in 0..batch.receive(&socket).unwrap_or(0) {
            batch.answer(number, |query, _, out| {
                let out = &mut out[..query.len()];
                out.copy_from_slice(query);
                if let Some(flags) = out.get_mut(2) {
                    *flags |= 0x80;
                }
                query.len()
            });
        }
        batch.send(&socket, || {});
    }
}

/// A client's socket: what comes in can be replied to in place.
pub struct Peer {
    /// Never blocks.
    pub socket: UdpSocket,
    batch: Batch,
}

impl Peer {
    /// On a port of its own.
    pub fn new() -> io::Result<Self> {
        let socket = socket(([127, 0, 0, 1], 0).into())?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, batch: Batch::new(false) })
    }

    /// Takes what has come; `reply` sees each packet and may write another one to where it came from.
    pub fn turn(&mut self, mut reply: impl FnMut(&[u8], &mut [u8]) -> usize) -> usize {
        // Nothing there, or an ICMP error that an earlier packet brought.
        let received = self.batch.receive(&self.socket).unwrap_or(0);
        for number in 0..received {
            self.batch.answer(number, |packet, _, out| reply(packet, out));
        }
        if received > 0 {
            self.batch.send(&self.socket, || {});
        }
        received
    }
}
