//! DNS over HTTPS (RFC 8484) by GET and POST, HTTP's own side of the reply left visible.

use super::{PATIENCE, Query, Reply, TestCertificate};
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use std::net::SocketAddr;
use tokio::runtime::Runtime;

/// The media type of DNS messages (RFC 8484 §6).
pub const DNS_MESSAGE: &str = "application/dns-message";

/// How the message is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// In the `dns` parameter, base64url without padding.
    Get,
    /// As the body.
    Post,
}

/// An HTTPS client; connections are kept and shared as HTTP/2 wants it.
pub struct Https {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
}

/// What came back, as HTTP sees it.
#[derive(Debug)]
pub struct HttpsReply {
    /// Status code.
    pub status: u16,
    /// HTTP version, e.g. `HTTP/2.0`.
    pub version: String,
    /// Content-Type, empty where there is none.
    pub content_type: String,
    /// Cache-Control, empty where there is none.
    pub cache_control: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Https {
    /// A client that offers HTTP/2 and HTTP/1.1 and trusts `certificate` alone. `path` begins with `/`.
    pub fn to(server: SocketAddr, path: &str, certificate: &TestCertificate) -> Self {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(certificate.client(&[b"h2", b"http/1.1"]))
            .no_proxy()
            .timeout(PATIENCE)
            .build()
            .expect("an HTTPS client");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        Self { runtime, client, url: format!("https://{server}{path}") }
    }

    /// Sends a query and takes its reply apart; anything but a 200 with a DNS message fails.
    pub fn ask(&self, query: &Query, method: Method) -> Reply {
        let reply = self.exchange(&query.bytes(), method);
        assert_eq!((reply.status, &reply.content_type[..]), (200, DNS_MESSAGE), "{reply:?}");
        let reply = Reply::of(&reply.body);
        assert_eq!(reply.id, query.id_sent(), "id of {reply:?}");
        reply
    }

    /// Sends any bytes as a message.
    pub fn exchange(&self, message: &[u8], method: Method) -> HttpsReply {
        match method {
            Method::Get => self.get(&format!("?dns={}", base64url(message))),
            Method::Post => self.send(
                self.client
                    .post(&self.url)
                    .header(CONTENT_TYPE, DNS_MESSAGE)
                    .header(ACCEPT, DNS_MESSAGE)
                    .body(message.to_vec()),
            ),
        }
    }

    /// GET of the URL with this text after it.
    pub fn get(&self, suffix: &str) -> HttpsReply {
        self.send(self.client.get(format!("{}{suffix}", self.url)).header(ACCEPT, DNS_MESSAGE))
    }

    /// A request with any method, content type and body.
    pub fn request(&self, method: &str, content_type: &str, body: &[u8]) -> HttpsReply {
        let method = method.parse().expect("an HTTP method");
        let request = self.client.request(method, &self.url);
        self.send(request.header(CONTENT_TYPE, content_type).body(body.to_vec()))
    }

    fn send(&self, request: reqwest::RequestBuilder) -> HttpsReply {
        self.runtime.block_on(async {
            let response = request.send().await.expect("an HTTPS response");
            let header = |name: HeaderName| {
                let value = response.headers().get(name);
                value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            HttpsReply {
                status: response.status().as_u16(),
                version: format!("{:?}", response.version()),
                content_type: header(CONTENT_TYPE).unwrap_or_default(),
                cache_control: header(CACHE_CONTROL).unwrap_or_default(),
                body: response.bytes().await.expect("a whole body").to_vec(),
            }
        })
    }
}

/// RFC 4648 §5 without padding.
pub fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let octet = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for digit in 0..=chunk.len() {
            let index = bits >> (18 - 6 * digit) & 63;
            text.push(char::from(DIGITS[index as usize]));
        }
    }
    text
}
