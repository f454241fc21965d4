//! ChromeDriver, and windows of Chromium that it drives.

use super::WITHOUT;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PROGRAMS: [&str; 2] = ["chromium", "chromedriver"];

/// Whether the stories can be told; panics where a program is missing and nobody said that this is all right.
pub fn available() -> bool {
    if std::env::var_os(WITHOUT).is_some() {
        eprintln!("skipped: {WITHOUT} is set");
        return false;
    }
    for program in PROGRAMS {
        let found = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(
            found.is_ok(),
            "{program} is not installed: on Debian, apt-get install chromium chromium-driver; \
             or set {WITHOUT}=1 to do without these tests"
        );
    }
    true
}

/// A running ChromeDriver; ends when dropped.
pub struct Driver {
    process: Child,
    port: u16,
    profile: TempDir,
}

impl Driver {
    pub fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .args(["--port=0", "--log-level=SEVERE"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a ChromeDriver, as it has told its version");
        let output = BufReader::new(process.stdout.take().expect("a pipe, as asked for"));
        let ready = "started successfully on port ";
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once(ready)?.1.trim_end_matches('.').parse().ok())
            .expect("ChromeDriver says which port it has");
        Self { process, port, profile: tempfile::tempdir().expect("a directory for a profile") }
    }

    /// A window, of a phone if a width is given.
    pub async fn window(&self, phone_width_px: Option<u32>) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let mut options = json!({
            // Whether a sandbox can be had depends on who runs the tests, and the page is our own. What Chromium asks
            // of its maker at a start is switched off.
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1360,1000", profile,
            ],
        });
        if let Some(width) = phone_width_px {
            let metrics =
                json!({ "width": width, "height": 740, "pixelRatio": 2.0, "mobile": true });
            options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let mut capabilities = Capabilities::new();
        capabilities.insert("goog:chromeOptions".to_owned(), options);
        capabilities.insert("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" }));
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", self.port))
            .await
            .expect("a window")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the page said on its console since it was asked last, a line each.
pub async fn console(client: &Client) -> Vec<(String, String)> {
    let entries = client.issue_cmd(ConsoleLog).await.expect("ChromeDriver's log of the console");
    let entries = entries.as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    entries.iter().map(|entry| (text(entry, "level"), text(entry, "message"))).collect()
}

/// ChromeDriver's own command for the log, which WebDriver does not have.
#[derive(Debug)]
struct ConsoleLog;

impl WebDriverCompatibleCommand for ConsoleLog {
    fn endpoint(
        &self,
        base: &Url,
        session: Option<&str>,
    ) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}
