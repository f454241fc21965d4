//! All listeners: UDP, TCP, TLS, HTTPS and QUIC. They move bytes and answer nothing by themselves.
//!
//! Three steps, so that nothing runs before everything can: [`Listeners::bind`] takes every address and reports all
//! that cannot be had; [`Listeners::start`] puts a [`Service`] behind them; the [`Running`] that it gives back
//! stops all of it when dropped. Two lanes: UDP has threads of its own, outside of any runtime (`udp`); the other
//! transports are tasks (`tcp`, `tls`, `https`, `quic`) behind one accept loop (`accept`) and one kind of limit
//! ([`Limits`]). What the listeners themselves see is in [`NetCounters`].
//!
//! Not here: what is answered and how it is padded or cut to size, limits on the rate of queries, reading
//! certificates from files, the admin API.

mod accept;
mod admission;
mod bind;
mod counters;
mod https;
mod lane;
mod limits;
mod message;
mod quic;
mod random;
mod responder;
mod service;
mod stop;
mod tcp;
mod tls;
mod udp;

#[cfg(test)]
mod testing;

pub use bind::BindError;
pub use counters::{ConnectionCounters, NetCounters};
pub use limits::Limits;
pub use service::{Service, Worker};
pub use tls::Certificates;

use crate::answer::Transport;
use crate::config::defaults;
use admission::Admission;
use lane::Lane;
use limits::DRAIN;
use responder::Responders;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread;
use stop::{Stop, StopSender};
use tokio::runtime::Handle;
use udp::UdpWorkers;

/// Where to listen, and within which bounds.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// Addresses for UDP and TCP both. Port 0 draws a port that is the same for the two.
    pub udp_and_tcp: Vec<SocketAddr>,
    /// Addresses for DNS over TLS.
    pub dot: Vec<SocketAddr>,
    /// Addresses for DNS over HTTPS.
    pub doh: Vec<SocketAddr>,
    /// Addresses for DNS over QUIC.
    pub doq: Vec<SocketAddr>,
    /// The one path on which DNS over HTTPS is answered.
    pub doh_path: String,
    /// UDP threads for each address; 0: as many as there are cores.
    pub udp_workers: usize,
    /// Bounds of each connection transport.
    pub limits: Limits,
}

/// Listens nowhere.
impl Default for Endpoints {
    fn default() -> Self {
        Self {
            udp_and_tcp: Vec::new(),
            dot: Vec::new(),
            doh: Vec::new(),
            doq: Vec::new(),
            doh_path: defaults::DOH_PATH.to_owned(),
            udp_workers: 0,
            limits: Limits::default(),
        }
    }
}

/// Sockets that are bound and not served yet. Clients that come meanwhile wait in their queues.
#[derive(Debug)]
pub struct Listeners {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
    dot: Vec<TcpListener>,
    doh: Vec<TcpListener>,
    doq: Vec<UdpSocket>,
    addresses: Vec<(Transport, SocketAddr)>,
    certificates: Option<Certificates>,
    doh_path: Arc<str>,
    limits: Arc<Limits>,
    counters: Arc<NetCounters>,
}

impl Listeners {
    /// Binds all addresses, or says of each that cannot be had why not. The encrypted transports need
    /// `certificates`; keep a clone of it to replace the certificate later.
    pub fn bind(
        endpoints: &Endpoints,
        certificates: Option<&Certificates>,
    ) -> Result<Self, Vec<BindError>> {
        let mut listeners = Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            dot: Vec::new(),
            doh: Vec::new(),
            doq: Vec::new(),
            addresses: Vec::new(),
            certificates: certificates.cloned(),
            doh_path: endpoints.doh_path.as_str().into(),
            limits: Arc::new(endpoints.limits.clone()),
            counters: Arc::default(),
        };
        let mut errors = Vec::new();
        let workers = match endpoints.udp_workers {
            0 => thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        for &address in &endpoints.udp_and_tcp {
            errors.extend(listeners.bind_pair(address, workers).err());
        }
        let encrypted = [
            (Transport::Tls, &endpoints.dot),
            (Transport::Https, &endpoints.doh),
            (Transport::Quic, &endpoints.doq),
        ];
        for (transport, addresses) in encrypted {
            for &address in addresses {
                errors.extend(listeners.bind_encrypted(transport, address).err());
            }
        }
        if errors.is_empty() { Ok(listeners) } else { Err(errors) }
    }

    fn bind_pair(&mut self, address: SocketAddr, workers: usize) -> Result<(), BindError> {
        let (listener, sockets) = bind::pair(address, workers)?;
        let bound = local(listener.local_addr(), Transport::Tcp, address)?;
        self.addresses.extend([(Transport::Udp, bound), (Transport::Tcp, bound)]);
        self.tcp.push(listener);
        self.udp.extend(sockets);
        Ok(())
    }

    fn bind_encrypted(
        &mut self,
        transport: Transport,
        address: SocketAddr,
    ) -> Result<(), BindError> {
        if self.certificates.is_none() {
            let cause = io::Error::new(io::ErrorKind::InvalidInput, "it needs a certificate");
            return Err(BindError { address, transport, cause });
        }
        let bound = if transport == Transport::Quic {
            let socket = bind::datagram(address, transport)?;
            let bound = socket.local_addr();
            self.doq.push(socket);
            bound
        } else {
            let listener = bind::stream(address, transport)?;
            let bound = listener.local_addr();
            let list = if transport == Transport::Tls { &mut self.dot } else { &mut self.doh };
            list.push(listener);
            bound
        };
        self.addresses.push((transport, local(bound, transport, address)?));
        Ok(())
    }

    /// What is listened on, with the ports that were drawn; in the order of the configuration, UDP before TCP.
    pub fn local_addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// What the listeners will count, as [`Running::counters`].
    pub fn counters(&self) -> &Arc<NetCounters> {
        &self.counters
    }

    /// Serves all of it: threads for UDP, tasks on `runtime` for the rest.
    pub fn start<S: Service>(self, service: S, runtime: &Handle) -> io::Result<Running> {
        let _context = runtime.enter();
        let counters = self.counters;
        let (stop_sender, stop) = stop::channel();
        let udp = udp::start(self.udp, &service, &counters)?;
        let starter = Starter {
            responders: Responders::new(service, counters.clone()),
            counters: counters.clone(),
            limits: self.limits.clone(),
            stop,
        };
        let lane = starter.lane(Transport::Tcp);
        for listener in self.tcp {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            runtime.spawn(tcp::serve(listener, lane.clone()));
        }
        if let Some(certificates) = self.certificates {
            let stream_config =
                |protocols| Arc::new(certificates.server_config(protocols, tls::STREAM_VERSIONS));
            let lane = starter.lane(Transport::Tls);
            let config = stream_config(&[tls::PROTOCOL]);
            for listener in self.dot {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                runtime.spawn(tls::serve(listener, config.clone(), lane.clone()));
            }
            let lane = starter.lane(Transport::Https);
            let config = stream_config(https::PROTOCOLS);
            for listener in self.doh {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let (config, path) = (config.clone(), self.doh_path.clone());
                runtime.spawn(https::serve(listener, config, path, lane.clone()));
            }
            let lane = starter.lane(Transport::Quic);
            for socket in self.doq {
                let config = certificates.server_config(&[quic::PROTOCOL], tls::QUIC_VERSIONS);
                let endpoint = quic::endpoint(socket, config, &self.limits)?;
                runtime.spawn(quic::serve(endpoint, lane.clone()));
            }
        }
        Ok(Running { udp: Some(udp), counters, stop: stop_sender })
    }
}

fn local(
    bound: io::Result<SocketAddr>,
    transport: Transport,
    address: SocketAddr,
) -> Result<SocketAddr, BindError> {
    bound.map_err(|cause| BindError { address, transport, cause })
}

/// What lanes are made of.
struct Starter<S: Service> {
    responders: Arc<Responders<S>>,
    counters: Arc<NetCounters>,
    limits: Arc<Limits>,
    stop: Stop,
}

impl<S: Service> Starter<S> {
    fn lane(&self, transport: Transport) -> Lane<S> {
        Lane {
            transport,
            responders: self.responders.clone(),
            admission: Admission::new(transport, &self.limits, self.counters.clone()),
            limits: self.limits.clone(),
            counters: self.counters.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// Listeners at work. Dropping this stops them: UDP threads are joined, connections are told to end and do so
/// within two seconds. To wait for them, call [`shutdown`](Self::shutdown).
pub struct Running {
    udp: Option<UdpWorkers>,
    counters: Arc<NetCounters>,
    stop: StopSender,
}

impl Running {
    /// What the listeners have counted so far.
    pub fn counters(&self) -> &Arc<NetCounters> {
        &self.counters
    }

    /// Stops listening, lets connections send what is answered, and returns when all are closed; whether all were
    /// in time.
    pub async fn shutdown(mut self) -> bool {
        let udp = self.udp.take();
        // Joining threads takes up to a fifth of a second, for which a runtime's thread must not stand still.
        let joined = tokio::task::spawn_blocking(move || drop(udp));
        let in_time = self.stop.stop(2 * DRAIN).await;
        joined.await.is_ok() && in_time
    }
}

#[cfg(test)]
mod tests;
