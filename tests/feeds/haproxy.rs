//! A HAProxy of our own on loopback.

use crate::kit::TestAuthority;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};

/// How long it may take to be there.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often is looked whether it is.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How many were started.
static STARTED: AtomicU8 = AtomicU8::new(1);

/// A running HAProxy with one `listen` section, `web`; ends when dropped.
pub struct Haproxy {
    directory: tempfile::TempDir,
    process: Child,
    /// The runtime socket over TCP.
    pub tcp: SocketAddr,
    page: SocketAddr,
    secure_page: SocketAddr,
    web: SocketAddr,
}

impl Haproxy {
    /// Starts it with these servers, checked often, and a page that this authority vouches for; none, and says so,
    /// where it is not installed.
    pub async fn start(servers: &str, authority: &TestAuthority) -> Option<Self> {
        if Command::new("haproxy").arg("-v").output().is_err() {
            eprintln!("skipped: haproxy is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        // Drawn together, so that they differ, and on an address of its own, where nobody else draws in between:
        // HAProxy cannot tell which port it would draw.
        let own = Ipv4Addr::new(127, 77, 0, STARTED.fetch_add(1, Ordering::Relaxed));
        let sockets = [(); 4].map(|()| TcpListener::bind((own, 0)).expect("a port"));
        let [tcp, page, secure_page, web] =
            sockets.each_ref().map(|socket| socket.local_addr().expect("bound"));
        drop(sockets);
        let certificate = authority.issue(&[&own.to_string()]);
        let pem = directory.path().join("page.pem");
        let both = [certificate.certificate_pem, certificate.key_pem].concat();
        std::fs::write(&pem, both).expect("a file");
        let pem = pem.display();
        let socket = directory.path().join("admin.sock");
        let socket = socket.display();
        let config = format!(
            "global\n  stats socket {socket} mode 600 level admin\n  stats socket {tcp} level operator\n\
             defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n\
             frontend page\n  mode http\n  bind {page}\n  bind {secure_page} ssl crt {pem}\n  stats enable\n  \
             stats uri /stats\n  stats show-legends\n  stats auth ada:secret\n\
             listen web\n  bind {web}\n  default-server check inter 100ms rise 1 fall 1\n{servers}"
        );
        std::fs::write(directory.path().join("haproxy.cfg"), config).expect("a file");
        let process = Command::new("haproxy")
            .arg("-f")
            .arg(directory.path().join("haproxy.cfg"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program that was found");
        let mut haproxy = Self { directory, process, tcp, page, secure_page, web };
        haproxy.wait().await;
        Some(haproxy)
    }

    async fn wait(&mut self) {
        let socket = self.socket();
        let is_there = async {
            while UnixStream::connect(&socket).await.is_err() {
                let ended = self.process.try_wait().expect("a child");
                assert!(ended.is_none(), "haproxy ended: {ended:?}");
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        tokio::time::timeout(PATIENCE, is_there).await.expect("haproxy in time");
    }

    /// The runtime socket in the file system.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("admin.sock")
    }

    /// The statistics as CSV, for `ada:secret`.
    pub fn page(&self) -> String {
        format!("http://{}/stats;csv", self.page)
    }

    /// The same over TLS.
    pub fn secure_page(&self) -> String {
        format!("https://{}/stats;csv", self.secure_page)
    }

    /// The same for people.
    pub fn page_for_people(&self) -> String {
        format!("http://{}/stats", self.page)
    }

    /// A client of what it balances.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.web).await.expect("a connection")
    }

    /// A file for this run.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Haproxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
