//! Asks the running demo as `dig +subnet` would, so that its first screen tells what it really answers.

use hickory_proto::op::{Edns, Message, Query, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{Name, RData, RecordType};
use ipnet::IpNet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Over loopback, an answer that takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(2);
/// Room for any answer that we are sent.
const ANSWER_BYTES_MAX: usize = 4096;

/// The addresses that `server` hands out for `name` to clients in `subnet`, of the subnet's family, as answered.
pub(super) async fn ask(server: SocketAddr, name: &str, subnet: IpNet) -> io::Result<Vec<IpAddr>> {
    let name = Name::from_ascii(name).map_err(io::Error::other)?;
    let rtype = if subnet.addr().is_ipv4() { RecordType::A } else { RecordType::AAAA };
    let mut query = Message::query();
    query.add_query(Query::query(name, rtype));
    let mut edns = Edns::new();
    edns.options_mut().insert(EdnsOption::Subnet(subnet.trunc().into()));
    query.set_edns(edns);
    let sent = query.to_vec().map_err(io::Error::other)?;

    let local: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(reachable(server)).await?;
    socket.send(&sent).await?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let bytes = timeout(PATIENCE, socket.recv(&mut answer)).await??;
    let answer = Message::from_vec(&answer[..bytes]).map_err(io::Error::other)?;
    if answer.metadata.response_code != ResponseCode::NoError {
        return Err(io::Error::other(format!("answered {}", answer.metadata.response_code)));
    }
    Ok(answer.answers.iter().filter_map(|record| address(&record.data)).collect())
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(a) => Some(a.0.into()),
        RData::AAAA(aaaa) => Some(aaaa.0.into()),
        _ => None,
    }
}

/// The address to ask at, of a server that may listen on every address.
pub(super) fn reachable(server: SocketAddr) -> SocketAddr {
    let ip = match server.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, server.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::MessageType;
    use hickory_proto::rr::Record;
    use hickory_proto::rr::rdata::A;

    /// A server that tells one address, made of the client subnet that it was told.
    async fn echo(socket: UdpSocket, rcode: ResponseCode) {
        let mut buffer = [0; 512];
        let (bytes, peer) = socket.recv_from(&mut buffer).await.expect("a query");
        let mut message = Message::from_vec(&buffer[..bytes]).expect("well-formed");
        let subnet = message.edns.as_ref().and_then(|edns| {
            edns.options().as_ref().iter().find_map(|(_, option)| match option {
                EdnsOption::Subnet(subnet) => Some(subnet.addr()),
                _ => None,
            })
        });
        let Some(IpAddr::V4(subnet)) = subnet else { panic!("an IPv4 subnet") };
        message.metadata.message_type = MessageType::Response;
        message.metadata.response_code = rcode;
        let owner = message.queries[0].name().clone();
        message.add_answer(Record::from_rdata(owner, 30, RData::A(A(subnet))));
        let bytes = message.to_vec().expect("encoded");
        socket.send_to(&bytes, peer).await.expect("sent");
    }

    #[tokio::test]
    async fn the_subnet_is_told_and_addresses_come_back() {
        for (rcode, expected) in [(ResponseCode::NoError, true), (ResponseCode::Refused, false)] {
            let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a socket");
            let server = socket.local_addr().expect("an address");
            let echo = tokio::spawn(echo(socket, rcode));
            let subnet = "84.128.7.9/24".parse().expect("a network");
            let answer = ask(server, "www.example.com.", subnet).await;
            let expected = expected.then(|| vec![IpAddr::from([84, 128, 7, 0])]);
            assert_eq!(answer.ok(), expected, "{rcode}");
            echo.await.expect("a query that the server understands");
        }
    }
}
