//! Many datagrams with one call: `recvmmsg`, `sendmmsg` and the packet information that goes with each message.
//!
//! This is the one module with unsafe code, because no safe wrapper gives each message of a batch its own source
//! address. All buffers and headers are one allocation that is laid out once; per packet only lengths, and for an
//! answer the pointer to where it goes, are written. The kernel and this module reach that allocation through raw
//! pointers alone; references into it last no longer than one call.
//!
//! On a wildcard address the control message in which the kernel names the address that was asked is turned round
//! and handed back with the answer, so that the answer leaves from there (RFC 1035 says nothing of it, but clients
//! drop answers from another address).
#![allow(unsafe_code, reason = "recvmmsg and sendmmsg with a control message for each datagram")]

use super::{ANSWER_BYTES_MAX, QUERY_BYTES_MAX};
use libc::{c_int, c_void};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::slice;

/// Datagrams in one batch: past this, calls cost little beside what they carry.
const BATCH: usize = 64;

/// Distance between two buffers: 4 KiB would put the first bytes of all of them in the same few cache sets, so each
/// is five cache lines further.
const STRIDE: usize = 4096 + 5 * 64;

const _: () = assert!(QUERY_BYTES_MAX <= STRIDE && ANSWER_BYTES_MAX <= STRIDE);

/// Room for one control message with the packet information of either family.
const CONTROL_BYTES: usize = {
    // SAFETY: computes a size; touches no memory.
    unsafe { libc::CMSG_SPACE(size_of::<libc::in6_pktinfo>() as u32) as usize }
};

#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// All memory of a batch. All of it is plain C data, for which zero bytes are a value.
#[repr(C)]
struct Memory {
    received: [libc::mmsghdr; BATCH],
    ready: [libc::mmsghdr; BATCH],
    query_parts: [libc::iovec; BATCH],
    answer_parts: [libc::iovec; BATCH],
    // Large enough for an IPv4 address too.
    sources: [libc::sockaddr_in6; BATCH],
    controls: [Control; BATCH],
    queries: [[u8; STRIDE]; BATCH],
    answers: [[u8; STRIDE]; BATCH],
}

/// Received queries and the answers to them. Belongs to one thread.
pub(super) struct Batch {
    memory: NonNull<Memory>,
    wildcard: bool,
    received: usize,
    ready: usize,
}

impl Batch {
    /// An empty batch; `wildcard` if the socket was given to [`report_destination`].
    pub(super) fn new(wildcard: bool) -> Self {
        let layout = Layout::new::<Memory>();
        // SAFETY: the layout is not of size zero.
        let memory = unsafe { alloc_zeroed(layout) }.cast::<Memory>();
        let Some(memory) = NonNull::new(memory) else { handle_alloc_error(layout) };
        let m = memory.as_ptr();
        for number in 0..BATCH {
            // SAFETY: `m` is a fresh, zeroed allocation of a Memory, for whose fields zero is a value, and nothing
            // else points to it. The pointers stored go into the same allocation, which does not move until
            // dropped.
            unsafe {
                (*m).query_parts[number] = libc::iovec {
                    iov_base: (&raw mut (*m).queries[number]).cast(),
                    iov_len: QUERY_BYTES_MAX,
                };
                (*m).answer_parts[number].iov_base = (&raw mut (*m).answers[number]).cast();
                let header = &raw mut (*m).received[number].msg_hdr;
                (*header).msg_name = (&raw mut (*m).sources[number]).cast();
                (*header).msg_iov = &raw mut (*m).query_parts[number];
                (*header).msg_iovlen = 1;
                if wildcard {
                    (*header).msg_control = (&raw mut (*m).controls[number]).cast();
                }
                let header = &raw mut (*m).ready[number].msg_hdr;
                (*header).msg_iov = &raw mut (*m).answer_parts[number];
                (*header).msg_iovlen = 1;
            }
        }
        // As if a full batch had been received: the first receive sets all lengths.
        Self { memory, wildcard, received: BATCH, ready: 0 }
    }

    /// Waits for datagrams and takes as many as there are; how many.
    pub(super) fn receive(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let m = self.memory.as_ptr();
        let control_bytes = if self.wildcard { CONTROL_BYTES } else { 0 };
        // The kernel wrote the lengths of what it received last; the others still stand.
        for number in 0..self.received {
            // SAFETY: `received` is at most BATCH; the memory lives as long as `self` and nobody else uses it.
            unsafe {
                let header = &raw mut (*m).received[number].msg_hdr;
                (*header).msg_namelen = size_of::<libc::sockaddr_in6>() as u32;
                (*header).msg_controllen = control_bytes as _;
            }
        }
        self.received = 0;
        self.ready = 0;
        // SAFETY: the headers point to buffers of the lengths that they name, all inside of `memory`, which
        // outlives the call. No timeout is passed.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                (&raw mut (*m).received).cast(),
                BATCH as _,
                libc::MSG_WAITFORONE as _,
                ptr::null_mut(),
            )
        };
        if received < 0 {
            // Which lengths were written before the error is unknown.
            self.received = BATCH;
            return Err(io::Error::last_os_error());
        }
        self.received = (received as usize).min(BATCH);
        Ok(self.received)
    }

    /// Answers the datagram of that number, below what [`receive`](Self::receive) returned: `respond` is given the
    /// query, where it came from and which address was asked if the socket leaves that open, and room for the answer;
    /// it returns the length of the answer, 0 for none.
    #[inline]
    pub(super) fn answer(
        &mut self,
        number: usize,
        respond: impl FnOnce(&[u8], (SocketAddr, Option<IpAddr>), &mut [u8]) -> usize,
    ) {
        assert!(number < self.received && self.ready < BATCH, "answered once each");
        let m = self.memory.as_ptr();
        let Some(client) = self.client(number) else { return };
        let (control_bytes, asked) =
            if self.wildcard { self.turn_round(number) } else { (0, None) };
        // SAFETY: both indices are below BATCH by the assertion. The kernel wrote at most QUERY_BYTES_MAX bytes,
        // and those before were zeroed. Query and answer are different fields, so the slices do not overlap, and
        // nothing else refers to either until `respond` has returned.
        let (query, out) = unsafe {
            let bytes = ((*m).received[number].msg_len as usize).min(QUERY_BYTES_MAX);
            (
                slice::from_raw_parts((&raw const (*m).queries[number]).cast::<u8>(), bytes),
                slice::from_raw_parts_mut(
                    (&raw mut (*m).answers[self.ready]).cast::<u8>(),
                    ANSWER_BYTES_MAX,
                ),
            )
        };
        let bytes = respond(query, (client, asked), out).min(ANSWER_BYTES_MAX);
        if bytes == 0 {
            return;
        }
        // SAFETY: indices as above; the pointers stored go into the same allocation.
        unsafe {
            (*m).answer_parts[self.ready].iov_len = bytes;
            let header = &raw mut (*m).ready[self.ready].msg_hdr;
            (*header).msg_name = (&raw mut (*m).sources[number]).cast();
            (*header).msg_namelen = (*m).received[number].msg_hdr.msg_namelen;
            if self.wildcard {
                (*header).msg_controllen = control_bytes as _;
                (*header).msg_control = match control_bytes {
                    0 => ptr::null_mut(),
                    _ => (&raw mut (*m).controls[number]).cast(),
                };
            }
        }
        self.ready += 1;
    }

    /// Sends all answers. `failed` is called for each that could not be sent.
    pub(super) fn send(&mut self, socket: &UdpSocket, mut failed: impl FnMut()) {
        let mut done = 0;
        while done < self.ready {
            // SAFETY: the first `ready` headers point to whole answers, their destinations and control messages,
            // all inside of `memory`; `done` is below `ready`.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    (&raw mut (*self.memory.as_ptr()).ready).cast::<libc::mmsghdr>().add(done),
                    (self.ready - done) as _,
                    0,
                )
            };
            match usize::try_from(sent) {
                Ok(sent @ 1..) => done += sent,
                // The error is that of the first message that is left; the others may still be sent.
                _ => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => {}
                    // No room in all the time that the socket waits: the rest would not find any either.
                    io::ErrorKind::WouldBlock => {
                        (done..self.ready).for_each(|_| failed());
                        done = self.ready;
                    }
                    _ => {
                        failed();
                        done += 1;
                    }
                },
            }
        }
        self.ready = 0;
    }

    /// Where a received datagram came from. None for what cannot be answered: port 0, or no address at all, as when
    /// the socket was shut down.
    #[inline]
    fn client(&self, number: usize) -> Option<SocketAddr> {
        let m = self.memory.as_ptr();
        // SAFETY: the caller checked `number`. The source is plain data that was zeroed at first; sockaddr_in is no
        // longer and no more aligned than sockaddr_in6, and the family says which of the two the kernel wrote.
        unsafe {
            if (*m).received[number].msg_hdr.msg_namelen == 0 {
                return None;
            }
            let source = &raw const (*m).sources[number];
            let (address, port) = match c_int::from((*source).sin6_family) {
                libc::AF_INET => {
                    let source = source.cast::<libc::sockaddr_in>();
                    let address = Ipv4Addr::from_bits(u32::from_be((*source).sin_addr.s_addr));
                    (IpAddr::V4(address), (*source).sin_port)
                }
                libc::AF_INET6 => {
                    let address = Ipv6Addr::from((*source).sin6_addr.s6_addr);
                    (IpAddr::V6(address), (*source).sin6_port)
                }
                _ => return None,
            };
            (port != 0).then(|| SocketAddr::new(address, u16::from_be(port)))
        }
    }

    /// Makes of the control message that came with a datagram the one that goes with its answer. Its length, 0 if
    /// there is none, and then the system chooses; and the address that was asked.
    fn turn_round(&mut self, number: usize) -> (usize, Option<IpAddr>) {
        let m = self.memory.as_ptr();
        // SAFETY: the caller checked `number`. The control buffer is aligned for a cmsghdr (as the kernel's is) and
        // has room for it and either packet information; `control_bytes` says that the kernel wrote the whole.
        unsafe {
            let control_bytes = (*m).received[number].msg_hdr.msg_controllen;
            let control = (&raw mut (*m).controls[number]).cast::<libc::cmsghdr>();
            let data = libc::CMSG_DATA(control);
            match ((*control).cmsg_level, (*control).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO)
                    if control_bytes >= control_space::<libc::in_pktinfo>() as _ =>
                {
                    // The local address is in ipi_spec_dst, also where the destination was a broadcast. Which
                    // interface the answer leaves by is for routing to say.
                    let info = data.cast::<libc::in_pktinfo>();
                    (*info).ipi_ifindex = 0;
                    let asked = Ipv4Addr::from_bits(u32::from_be((*info).ipi_spec_dst.s_addr));
                    (control_space::<libc::in_pktinfo>(), Some(IpAddr::V4(asked)))
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO)
                    if control_bytes >= control_space::<libc::in6_pktinfo>() as _ =>
                {
                    let info = data.cast::<libc::in6_pktinfo>();
                    let asked = Ipv6Addr::from((*info).ipi6_addr.s6_addr);
                    if asked.is_multicast() {
                        return (0, None);
                    }
                    // Only a link-local address means nothing without its interface.
                    if !asked.is_unicast_link_local() {
                        (*info).ipi6_ifindex = 0;
                    }
                    (control_space::<libc::in6_pktinfo>(), Some(IpAddr::V6(asked)))
                }
                _ => (0, None),
            }
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout; Memory has nothing to drop.
        unsafe { dealloc(self.memory.as_ptr().cast(), Layout::new::<Memory>()) }
    }
}

/// Makes the kernel say with each datagram which address it was sent to.
pub(super) fn report_destination(socket: &UdpSocket, v6: bool) -> io::Result<()> {
    match v6 {
        true => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// Makes the kernel ignore what ICMP says of the path MTU.
pub(super) fn ignore_path_mtu(socket: &UdpSocket, v6: bool) -> io::Result<()> {
    let (level, option, value) = match v6 {
        true => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, libc::IPV6_PMTUDISC_OMIT),
        false => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, libc::IP_PMTUDISC_OMIT),
    };
    set_option(socket, level, option, value)
}

fn set_option(socket: &UdpSocket, level: c_int, option: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the value is an int that outlives the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast::<c_void>(),
            size_of::<c_int>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const fn control_space<T>() -> usize {
    // SAFETY: computes a size; touches no memory.
    unsafe { libc::CMSG_SPACE(size_of::<T>() as u32) as usize }
}
