//! The demo's knobs: what is typed, or posted over HTTP, brings endpoints down and up again.
//!
//! Both ways end in [`Order`], so they can do the same. Whoever may connect to a loopback port may break the demo,
//! which is all that it is for.

use super::backends::{Backends, Status};
use crate::cli::style::{Cell, Ink, Palette, Table};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io::{self, BufRead, IsTerminal};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// What the operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Take an endpoint or a site down.
    Down(String),
    /// Bring it up again.
    Up(String),
    /// Say what is up.
    Status,
    /// Say what can be typed.
    Help,
    /// End the demo.
    Quit,
}

/// What can be typed.
pub(super) const HELP: &str = concat!(
    "  down NAME    stop an endpoint or a whole site\n",
    "  up NAME      start it again\n",
    "  status       which ones run\n",
    "  quit         end the demo\n",
);

impl Order {
    /// Reads a typed line; an empty line is no order.
    pub(super) fn parse(line: &str) -> Option<Result<Self, String>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let order = match words[..] {
            [] => return None,
            ["down", name] => Self::Down(name.to_owned()),
            ["up", name] => Self::Up(name.to_owned()),
            ["status"] => Self::Status,
            ["help" | "?"] => Self::Help,
            ["quit" | "exit" | "q"] => Self::Quit,
            _ => return Some(Err(format!("{:?} is not understood\n{HELP}", line.trim()))),
        };
        Some(Ok(order))
    }

    /// Reads a request; `POST /down/fra`, `POST /up/fra`, `GET /`.
    fn from_request(method: &Method, path: &str) -> Result<Self, (StatusCode, String)> {
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        match (method, &steps[..]) {
            (&Method::POST, ["down", name]) => Ok(Self::Down((*name).to_owned())),
            (&Method::POST, ["up", name]) => Ok(Self::Up((*name).to_owned())),
            (&Method::GET, ["" | "status"]) => Ok(Self::Status),
            (_, ["down" | "up", _]) => {
                Err((StatusCode::METHOD_NOT_ALLOWED, "use POST, as in curl -X POST\n".to_owned()))
            }
            _ => Err((
                StatusCode::NOT_FOUND,
                "POST /down/NAME, POST /up/NAME, or GET /\n".to_owned(),
            )),
        }
    }

    /// Does it and tells what was done, or why not. `Quit` does nothing here.
    pub(super) async fn execute(
        &self,
        backends: &Backends,
        palette: Palette,
    ) -> Result<String, String> {
        let told = |done: &str, names: Vec<String>| format!("{}: {done}\n", names.join(", "));
        match self {
            Self::Down(name) => match backends.down(name).await {
                Ok(names) => Ok(told("stopped; connections are refused", names)),
                Err(error) => Err(format!("{error}\n")),
            },
            Self::Up(name) => match backends.up(name).await {
                Ok(names) => Ok(told("listening", names)),
                Err(error) => Err(format!("{error}\n")),
            },
            Self::Status => Ok(table(&backends.status().await, palette)),
            Self::Help => Ok(HELP.to_owned()),
            Self::Quit => Ok(String::new()),
        }
    }
}

fn table(list: &[Status], palette: Palette) -> String {
    let mut table = Table::new(2);
    for status in list {
        let (ink, word) = if status.up { (Ink::Good, "running") } else { (Ink::Bad, "stopped") };
        let addresses: Vec<_> = status.addresses.iter().map(ToString::to_string).collect();
        table.row([
            status.site.clone().into(),
            status.endpoint.clone().into(),
            Cell::inked(ink, word),
            Cell::inked(Ink::Faint, addresses.join("  ")),
        ]);
    }
    table.render(palette)
}

/// Lines of standard input until it ends; the demo goes on without.
pub(super) fn typed_lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    // A thread of its own and not the runtime's: a read of a terminal cannot be cancelled, and must not hold up the
    // end.
    std::thread::spawn(move || {
        while in_background() {
            std::thread::sleep(BACKGROUND_PAUSE);
        }
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// How often to look whether a demo that was started with `&` has been brought to the foreground.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(500);

/// Whether reading the terminal would stop the process (SIGTTIN) because another one has the foreground. Linux tells
/// (proc_pid_stat(5): the process group is the 5th field, the terminal's foreground group the 8th); elsewhere: no.
fn in_background() -> bool {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    io::stdin().is_terminal() && is_background_stat(&stat)
}

fn is_background_stat(stat: &str) -> bool {
    // The 2nd field, the program's name in parentheses, may hold spaces and parentheses itself.
    let after_name = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let fields: Vec<&str> = after_name.split(' ').collect();
    matches!((fields.get(2), fields.get(5)), (Some(own), Some(foreground)) if own != foreground)
}

/// How long one order over HTTP may take to come in and be done.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(5);

/// Takes orders over HTTP until it is dropped. One at a time: there is one operator.
pub(super) async fn serve_http(listener: TcpListener, backends: Backends) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BACKGROUND_PAUSE).await;
            continue;
        };
        let service = service_fn(|request: Request<Incoming>| {
            let backends = backends.clone();
            async move { Ok::<_, Infallible>(respond(&request, &backends).await) }
        });
        let connection =
            http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
        // Who hangs up early gets no answer.
        drop(timeout(REQUEST_TIME_MAX, connection).await);
    }
}

async fn respond(request: &Request<Incoming>, backends: &Backends) -> Response<Full<Bytes>> {
    let (status, text) = match Order::from_request(request.method(), request.uri().path()) {
        Err((status, text)) => (status, text),
        Ok(order) => match order.execute(backends, Palette::PLAIN).await {
            Ok(text) => (StatusCode::OK, text),
            Err(text) => (StatusCode::NOT_FOUND, text),
        },
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::super::backends::BackendSpec;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    #[test]
    fn typed_orders() {
        let check = |line: &str, expected: Option<Order>| {
            let parsed = Order::parse(line).and_then(Result::ok);
            assert_eq!(parsed, expected, "{line}");
        };
        check("down fra\n", Some(Order::Down("fra".to_owned())));
        check("  up   fra-1 ", Some(Order::Up("fra-1".to_owned())));
        check("status", Some(Order::Status));
        check("quit", Some(Order::Quit));
        check("", None);
        check("down", None);
        check("down fra iad", None);
        assert!(Order::parse("dwn fra").is_some_and(|parsed| parsed.is_err()));
    }

    #[test]
    fn the_foreground_is_told_by_proc() {
        let check = |stat: &str, expected| assert_eq!(is_background_stat(stat), expected, "{stat}");
        check("77 (fingerpost) S 1 77 70 34816 77 4194304", false);
        check("77 (fingerpost) S 1 77 70 34816 70 4194304", true);
        check("77 (odd ) name) S 1 77 70 34816 70 4194304", true);
        check("", false);
    }

    #[tokio::test]
    async fn posted_orders() {
        // Linux has loopback addresses to spare: there, no other test takes the port meanwhile.
        let corner = if cfg!(target_os = "linux") { "127.7.7.8" } else { "127.0.0.1" };
        let free = TcpListener::bind((corner, 0)).await.expect("a port");
        let spec = BackendSpec {
            endpoint: "fra-1".to_owned(),
            site: "fra".to_owned(),
            title: "Frankfurt".to_owned(),
            address: free.local_addr().expect("an address"),
        };
        drop(free);
        let backends = Backends::start(vec![spec]).await.expect("started");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(serve_http(listener, backends));
        let check = async |request: &str, status: &str, body: &str| {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            let text = format!("{request} HTTP/1.1\r\nHost: test\r\n\r\n");
            stream.write_all(text.as_bytes()).await.expect("written");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("an answer");
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {text}");
            assert!(text.contains(body), "{request}: {text}");
        };
        check("GET /", "200", "running").await;
        check("POST /down/fra", "200", "fra-1: stopped").await;
        check("GET /status", "200", "stopped").await;
        check("POST /up/fra-1", "200", "fra-1: listening").await;
        check("POST /up/ams", "404", "no endpoint and no site").await;
        check("GET /down/fra", "405", "use POST").await;
        check("POST /quit", "404", "POST /down/NAME").await;
        server.abort();
    }
}
