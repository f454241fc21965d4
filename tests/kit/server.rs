//! The server under test, started as `serve` starts it. The one place where tests touch its control side.

use super::{ConfigDir, TestCertificate, until};
use fingerpost::admin::Admin;
use fingerpost::answer::{Reason, Transport};
use fingerpost::control::server::Starting;
use fingerpost::control::{Handle, Options, Reloaded, Server};
use fingerpost::report::Report;
use fingerpost::tap::TapCounts;
use std::net::SocketAddr;
use tokio::runtime::Runtime;

/// A running server, its directory and its certificate; stops when dropped.
pub struct TestServer {
    /// Where its configuration lies.
    pub dir: ConfigDir,
    /// What its encrypted transports show, if they were asked for by [`encrypted`].
    pub certificate: TestCertificate,
    server: Option<Server>,
    admin: Option<Admin>,
    runtime: Runtime,
    persist: bool,
}

/// Adds encrypted transports of both families to a configuration.
pub fn encrypted(dir: ConfigDir, certificate: &TestCertificate) -> ConfigDir {
    let both = r#"["127.0.0.1:0", "[::1]:0"]"#;
    let section = format!(
        "[tls]\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\ndot = {both}\ndoh = {both}\ndoq = {both}\n"
    );
    dir.certificate(certificate).also(&section)
}

impl TestServer {
    /// Starts on UDP and TCP; panics with the report if it refuses to.
    pub fn start(dir: ConfigDir) -> Self {
        Self::start_with(dir, TestCertificate::loopback(), false)
    }

    /// Starts on UDP and TCP, verdicts kept over a restart as `serve` keeps them.
    pub fn start_persistent(dir: ConfigDir) -> Self {
        Self::start_with(dir, TestCertificate::loopback(), true)
    }

    /// Starts on all five transports.
    pub fn start_encrypted(dir: ConfigDir) -> Self {
        let certificate = TestCertificate::loopback();
        Self::start_with(encrypted(dir, &certificate), certificate, false)
    }

    fn start_with(dir: ConfigDir, certificate: TestCertificate, persist: bool) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (server, admin) = start_or_panic(&runtime, &dir, persist);
        Self { dir, certificate, server: Some(server), admin, runtime, persist }
    }

    /// Stops in good order, lets something happen, and starts again on the same directory.
    pub fn restart(&mut self, meanwhile: impl FnOnce()) {
        self.stop();
        meanwhile();
        let (server, admin) = start_or_panic(&self.runtime, &self.dir, self.persist);
        (self.server, self.admin) = (Some(server), admin);
    }

    /// Where it listens for a transport, IPv4 first.
    pub fn addresses(&self, transport: Transport) -> Vec<SocketAddr> {
        let all = self.server().addresses().iter();
        all.filter(|(of, _)| *of == transport).map(|(_, address)| *address).collect()
    }

    /// Where it listens for a transport on IPv4.
    pub fn address(&self, transport: Transport) -> SocketAddr {
        self.addresses(transport)[0]
    }

    /// Where its admin API listens, if its configuration has one.
    pub fn admin(&self) -> SocketAddr {
        self.admin.as_ref().expect("an [admin] table").addresses()[0]
    }

    /// How many messages over a transport had a fate, by its label.
    pub fn count(&self, transport: Transport, label: &str) -> u64 {
        let reason = Reason::ALL.iter().find(|reason| reason.label() == label);
        let reason = *reason.unwrap_or_else(|| panic!("no reason is called {label}"));
        self.server().counts().reason(transport, reason)
    }

    /// Waits until the count of a fate has reached `count`: a reply may arrive before it is counted.
    pub fn wait_for_count(&self, transport: Transport, label: &str, count: u64) {
        until(&format!("{transport} {label} to be {count}"), || {
            (self.count(transport, label) == count).then_some(())
        });
    }

    /// What became of the queries that the tap has sampled.
    pub fn tap_counts(&self) -> TapCounts {
        self.server().handle().tap_counts().expect("a configuration with [dnstap]")
    }

    /// The generation that is served.
    pub fn generation(&self) -> u64 {
        self.server().snapshot().generation()
    }

    /// Waits until something newer than `generation` is served.
    pub fn wait_for_generation_after(&self, generation: u64) {
        until("a new generation", || (self.generation() > generation).then_some(()));
    }

    /// Reads everything again.
    pub fn reload(&self) -> Reloaded {
        self.runtime.block_on(self.server().reload("a test"))
    }

    /// Looks at it, or operates it.
    pub fn operate<T>(&self, act: impl AsyncFnOnce(&Handle) -> T) -> T {
        self.runtime.block_on(act(self.server().handle()))
    }

    fn stop(&mut self) {
        if let Some(admin) = self.admin.take() {
            self.runtime.block_on(admin.shutdown());
        }
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.shutdown());
        }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("a server until it is dropped")
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the server on a configuration; the error is its report.
pub fn start_server(runtime: &Runtime, dir: &ConfigDir) -> Result<Server, Report> {
    start(runtime, dir, false).map(|(server, _)| server)
}

/// Prepares a server that does not answer yet.
pub async fn prepare(dir: &ConfigDir) -> Result<Starting, Report> {
    Server::prepare(Options { config: dir.config(), ..Options::default() }).await
}

fn start_or_panic(runtime: &Runtime, dir: &ConfigDir, persist: bool) -> (Server, Option<Admin>) {
    start(runtime, dir, persist).unwrap_or_else(|report| {
        let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        panic!("the server does not start:\n{}", findings.join("\n"))
    })
}

fn start(
    runtime: &Runtime,
    dir: &ConfigDir,
    persist: bool,
) -> Result<(Server, Option<Admin>), Report> {
    let options = Options { config: dir.config(), persist, ..Options::default() };
    runtime.block_on(async {
        let starting = Server::prepare(options).await?;
        let admin = Admin::start(starting.handle())?;
        let (server, _) = starting.finish().await?;
        Ok((server, admin))
    })
}
