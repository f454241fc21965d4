//! Every default and every bound of the configuration, each with its reason.

use crate::steer::director::Scheduler;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where queries are taken, on every address of the host: what an authoritative server is for.
pub const LISTEN: [&str; 2] = ["0.0.0.0:53", "[::]:53"];
/// UDP threads; 0 stands for one per core.
pub const UDP_WORKERS: usize = 0;
/// More UDP threads than any host has cores are a slip of the finger.
pub const UDP_WORKERS_MAX: usize = 1024;
/// The directory of zones, beside the server's file.
pub const ZONES: &str = "zones";
/// The directory of what survives a restart, beside the server's file.
pub const STATE: &str = "state";
/// The operator's overrides, beside the server's file; need not exist.
pub const OVERRIDES: &str = "overrides.toml";
/// The user's own networks, beside the server's file; need not exist.
pub const NETWORKS: &str = "geoip/networks.toml";
/// Persisted verdicts older than this say too little about now; a restart or a reboot takes less.
pub const VERDICTS_MAX_AGE: Duration = Duration::from_secs(600);
/// What passes unfragmented nearly everywhere (DNS flag day 2020, RFC 9715 §3.1).
pub const UDP_PAYLOAD_BYTES_MAX: u16 = 1232;
/// What every resolver takes (RFC 1035 §4.2.1).
pub const UDP_PAYLOAD_BYTES_FLOOR: u16 = 512;
/// The customary largest EDNS size (RFC 6891 §6.2.5); beyond, fragments are certain.
pub const UDP_PAYLOAD_BYTES_CEILING: u16 = 4096;
/// NSID is sent with every answer that asks for it; longer ones only cost room.
pub const NSID_BYTES_MAX: usize = 128;
/// One character-string (RFC 1035 §3.3): what a CHAOS answer holds.
pub const CHAOS_BYTES_MAX: usize = 255;

/// Connections at once: all of them with full buffers take a few hundred megabytes.
pub const TCP_CONNECTIONS_MAX: usize = 2_000;
/// Connections at once of one client network, so that no client takes all of them; busy resolvers keep a handful.
pub const TCP_CONNECTIONS_PER_NETWORK_MAX: usize = 100;
/// Silence after which a connection is closed: "of the order of a few seconds" (RFC 7766 §6.2.3).
pub const TCP_IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Age after which a connection is closed even in use, so that a slow client cannot hold it for good.
pub const TCP_LIFETIME_MAX: Duration = Duration::from_secs(120);
/// Queries of one connection answered at once (RFC 7766 §6.2.1.1); further ones wait in the socket.
pub const TCP_QUERIES_IN_FLIGHT_MAX: usize = 100;
/// Above this a limit limits nothing.
pub const TCP_LIMIT_CEILING: usize = 1_000_000;

/// Resolvers whose Client Subnet option is believed: all, as a false one misplaces only what its sender gets.
pub const ECS_TRUST: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// Where DoH is spoken (RFC 8484 names no path; this one is customary).
pub const DOH_PATH: &str = "/dns-query";
/// Where the admin API is served if `[admin]` says nothing else: to this host alone.
pub const ADMIN_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8053);
/// A token of fewer characters, such as a word, can be guessed; 16 of base64 are 96 bits.
pub const TOKEN_BYTES_SENSIBLE_MIN: usize = 16;
/// Probes at once.
pub const PROBES_CONCURRENCY_MAX: usize = crate::health::prober::IN_FLIGHT_MAX;
/// Above this the host runs out of ports or files.
pub const PROBES_CONCURRENCY_CEILING: usize = 32_768;

/// Every query: a share is a choice that somebody makes.
pub const DNSTAP_SAMPLE: f64 = 1.0;
/// What a dnstap reader is told that the server runs.
pub const DNSTAP_VERSION: &str = concat!("fingerpost ", env!("CARGO_PKG_VERSION"));
/// The identity and the version stand in every dnstap message; longer ones only cost room.
pub const DNSTAP_TEXT_BYTES_MAX: usize = 255;
/// What `sun_path` holds on the tightest of the usual systems (104), less its end.
pub const SOCKET_PATH_BYTES_MAX: usize = 103;

/// From probe to probe: with `fall` 3, a dead endpoint is out of the answers after some 15 s.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// Slower than this, an endpoint is of no use to people either.
pub const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Probing faster than this is a load of its own.
pub const CHECK_INTERVAL_FLOOR: Duration = Duration::from_millis(100);
/// Shorter than this, the distance alone fails probes.
pub const CHECK_TIMEOUT_FLOOR: Duration = Duration::from_millis(10);
/// Probing more rarely than this is not watching.
pub const CHECK_TIME_CEILING: Duration = Duration::from_secs(86_400);
/// One lost packet and one slow answer are no failure; three in a row are.
pub const CHECK_FALL: u32 = 3;
/// One success may be luck while something restarts.
pub const CHECK_RISE: u32 = 2;
/// More results in a row than this never come.
pub const CHECK_THRESHOLD_MAX: u64 = 1_000;
/// Asks for the body, so that `body` works without further words.
pub const CHECK_METHOD: &str = "GET";
/// What every HTTP server has.
pub const CHECK_PATH: &str = "/";
/// Success as HTTP defines it (RFC 9110 §15.3); redirects are not followed and not success.
pub const CHECK_EXPECT: std::ops::RangeInclusive<u16> = 200..=299;
/// Port of `http` where none is given.
pub const CHECK_PORT_HTTP: u16 = 80;
/// Port of `https` where none is given.
pub const CHECK_PORT_HTTPS: u16 = 443;

/// Two addresses: a client that fails at one tries the other, and no answer grows large.
pub const POOL_ANSWERS: usize = 2;
/// What fits 1232 bytes beside the longest question and EDNS: (1232 − 12 − 259 − 51) / 28 = 32 AAAA records.
pub const POOL_ANSWERS_MAX: u64 = 32;
/// Half of a site's weight must live: the rest would drown in the load of the whole.
pub const POOL_MIN_UP: f64 = 0.5;
/// Weight of an endpoint that gives none.
pub const ENDPOINT_WEIGHT: u32 = 1;
/// Finer shares than one in a million no one sees; sums of thousands of endpoints stay within 32 bits.
pub const ENDPOINT_WEIGHT_MAX: u64 = 1_000_000;

/// Sessions that nothing carries; more is a slip of the finger.
pub const SESSIONS_MAX: u64 = 1_000_000_000;
/// Evening load out faster than this is noise: a feed is asked every two seconds.
pub const POOL_DAMPING_FLOOR: Duration = Duration::from_secs(1);
/// Slower than a day, load is not evened out.
pub const POOL_DAMPING_CEILING: Duration = Duration::from_secs(86_400);
/// What has failed is missed for longer than a day only if somebody wants that, and for this there are overrides.
pub const POOL_COMEBACK_CEILING: Duration = Duration::from_secs(86_400);
/// How long something that flaps is held back at most, if it is held back at all: long enough to be seen by people.
pub const POOL_HOLD_DOWN_MAX: Duration = Duration::from_secs(600);

/// What IPVS does unless told otherwise, and what fits sessions of unequal length.
pub const DIRECTOR_SCHEDULER: Scheduler = Scheduler::Wlc;
/// Weight of a real server that gives none; IPVS's own.
pub const REAL_WEIGHT: u32 = 1;
/// The largest weight that IPVS takes (ipvsadm(8)).
pub const REAL_WEIGHT_MAX: u64 = 65_535;
/// From question to question: a feed is cheap, and load moves faster than health.
pub const FEED_INTERVAL: Duration = Duration::from_secs(2);
/// A director that takes longer to tell is in trouble itself.
pub const FEED_TIMEOUT: Duration = Duration::from_secs(1);
/// A few questions without an answer are no lasting silence; after so long, the reals are known better by probes.
pub const FEED_STALE_AFTER: Duration = Duration::from_secs(10);
/// So many rounds of question and wait make a report stale where it would be stale sooner by the default.
pub const FEED_STALE_ROUNDS: u32 = 3;
/// Asking a director faster than this is a load of its own.
pub const FEED_INTERVAL_FLOOR: Duration = Duration::from_millis(100);
/// Shorter than this, the distance alone fails questions.
pub const FEED_TIMEOUT_FLOOR: Duration = Duration::from_millis(10);
/// What is asked more rarely than this says nothing about now.
pub const FEED_TIME_CEILING: Duration = Duration::from_secs(3_600);
/// Longest name of a `backend`, in bytes; they stand in tables for people.
pub const BACKEND_BYTES_MAX: usize = 128;

/// TTL of a steered name, in seconds: about the time in which a failure is noticed and cached answers are gone again.
pub const NAME_TTL_S: u32 = 30;
/// A steered name that is cached longer is not steered; worth a warning.
pub const NAME_TTL_S_SENSIBLE_MAX: u32 = 86_400;

/// Threads that read zones at once; the queries need the other cores.
pub const LOAD_THREADS_MAX: usize = 4;
