//! Any bytes as a message to the answer function, from any client: no panic, and every reply can be taken apart, fits
//! where it goes and echoes what it must.
#![no_main]

#[allow(dead_code, reason = "only replies are needed")]
#[path = "../../kit"]
mod kit {
    pub mod name;
    pub mod rdata;
    pub mod reply;
    pub mod types;
}

use fingerpost::answer::{Client, Scratch, Transport, answer};
use fingerpost::control::loader::Loader;
use fingerpost::health::Standing;
use fingerpost::snapshot::{Snapshot, Standings};
use fingerpost::steer::model::{Endpoint, Pool};
use fingerpost::steer::pool::Family;
use kit::reply::Reply;
use kit::types::{OPTION_ECS, QR, TC};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Octets in front of the message: transport and luck, client.
const CLIENT_BYTES: usize = 5;
/// The default of `udp_payload_max`, which the site leaves alone.
const UDP_BYTES_MAX: usize = 1232;

/// Of the endpoints some are up and some down, by their addresses.
struct Mixed;

impl Standings for Mixed {
    fn standing(&self, _: &Pool, endpoint: &Endpoint, _: Family) -> Standing {
        let is_up = endpoint.a.is_none_or(|address| address.octets()[3] % 2 == 0);
        if is_up { Standing::Up } else { Standing::Down }
    }

    fn was_good(&self, _: &Pool, _: &Endpoint, _: Family) -> bool {
        false
    }
}

thread_local! {
    static STATE: RefCell<(Snapshot, Scratch, Vec<u8>)> = RefCell::new((load(), Scratch::default(), vec![0; 65_535]));
}

fn load() -> Snapshot {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/site/fingerpost.toml"));
    let load = Loader::new(path).load().unwrap_or_else(|report| panic!("{report:?}"));
    assert!(!load.report.has_errors(), "{:?}", load.report);
    Snapshot::new(1, load.catalog, &Mixed)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((client, message)) = bytes.split_at_checked(CLIENT_BYTES) else { return };
    let [lane, a, b, c, d] = client.try_into().expect("as many octets as split off");
    let transport = Transport::ALL[usize::from(lane) % Transport::ALL.len()];
    let address: IpAddr = match lane & 0x80 {
        0 => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from([0x20, 1, 0x0d, 0xb8, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 1]).into(),
    };
    let random = u64::from(lane).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    STATE.with_borrow_mut(|(snapshot, scratch, out)| {
        let client = Client { address, transport, random };
        let outcome = answer(snapshot, scratch, message, &client, out);
        if outcome.bytes > 0 {
            check(message, transport, &out[..outcome.bytes]);
        }
    });
});

fn check(message: &[u8], transport: Transport, bytes: &[u8]) {
    let reply = Reply::of(bytes);
    assert_eq!(reply.bytes[..2], message[..2], "id");
    assert!(reply.has(QR) && message[2] & 0x80 == 0, "a response to a response");
    if transport == Transport::Udp {
        let bytes_max = if reply.opt.is_some() { UDP_BYTES_MAX } else { 512 };
        assert!(bytes.len() <= bytes_max, "{} octets over UDP", bytes.len());
    }
    assert!(transport == Transport::Udp || !reply.has(TC) || bytes.len() > 16_384, "{reply:?}");
    if reply.option(OPTION_ECS).is_some() {
        let subnet = reply.ecs().expect("an option that is there");
        let bits = [0, 32, 128][usize::from(subnet.family)];
        assert!(subnet.source <= bits && subnet.scope <= bits, "{subnet:?}");
        assert_eq!(subnet.address.len(), usize::from(subnet.source).div_ceil(8));
    }
}
