//! Which server is meant, and by what right it is asked: from the command line, the environment, or the configuration.

use super::super::{ConfigArg, fail};
use super::{Api, Failure, Token};
use crate::config::Tokens;
use crate::config::defaults::ADMIN_LISTEN;
use crate::report::{Finding, Report};
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::runtime::Builder;

/// Longest file that is read for its tokens, in bytes: a thousand fit, and many a wrong file does not.
const TOKENS_BYTES_MAX: u64 = 1 << 16;

/// The running server that a command speaks to.
#[derive(Clone, Debug, clap::Args)]
pub(in crate::cli) struct Target {
    #[command(flatten)]
    config: ConfigArg,
    /// Where the server's admin API is; else the first `admin.listen` of its file
    #[arg(long, value_name = "URL", env = "FINGERPOST_SERVER", value_parser = parse_server)]
    server: Option<Url>,
    /// A file of tokens, the first of which is shown; else, without --server, `admin.token_file`
    #[arg(long, value_name = "FILE", env = "FINGERPOST_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

impl Target {
    /// The server's file, which may not exist.
    pub fn config(&self) -> &Path {
        &self.config.config
    }

    /// Does a command's work with the server, and tells standard error what went wrong.
    pub fn talk(&self, work: impl AsyncFnOnce(&Api) -> Result<ExitCode, Report>) -> ExitCode {
        self.attempt(work).unwrap_or_else(|report| fail(&report))
    }

    /// Does work with the server.
    pub fn attempt<T, E: From<Failure>>(
        &self,
        work: impl AsyncFnOnce(&Api) -> Result<T, E>,
    ) -> Result<T, E> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
            Failure::from(Finding::error(format!("the system gives no event queue: {error}")))
        })?;
        let api = self.api()?;
        runtime.block_on(work(&api))
    }

    /// The server, which nobody has spoken to yet.
    fn api(&self) -> Result<Api, Failure> {
        let given = self.token_file.as_deref().map(|path| {
            read_token(path).map_err(|why| {
                let message = format!("no token can be read from {}: {why}", path.display());
                Finding::error(message)
                    .help("name the file that the server has as [admin] token_file, or a copy")
            })
        });
        let given = given.transpose()?;
        let (server, token) = match &self.server {
            // The configuration's token belongs to the configuration's server, and is sent to no other.
            Some(server) => (server.clone(), Token::None),
            None => from_config(self.config())?,
        };
        Api::new(server, given.unwrap_or(token))
    }
}

/// As much of the server's file as a client needs. The rest may have mistakes, or name files that only the server may
/// read, and the server can still be asked.
#[derive(Debug, Deserialize)]
struct Partial {
    admin: Option<Admin>,
}

#[derive(Debug, Deserialize)]
struct Admin {
    listen: Option<Addresses>,
    token_file: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Addresses {
    One(SocketAddr),
    Many(Vec<SocketAddr>),
}

fn from_config(path: &Path) -> Result<(Url, Token), Finding> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("which server is meant? {shown} cannot be read: {error}");
        Finding::error(message).help("say --config FILE, or --server URL as in http://[::1]:8053")
    })?;
    let Partial { admin } = toml::from_str(&text).map_err(|error| {
        let message = format!("which server is meant? {shown} has mistakes: {}", error.message());
        Finding::error(message).help(format!("`fingerpost check {shown}` names them all"))
    })?;
    let Some(admin) = admin else {
        let message = format!("the server of {shown} cannot be asked: it has no [admin]");
        let help = "add [admin] with listen = \"127.0.0.1:8053\" and start the server again, \
                    or say --server URL";
        return Err(Finding::error(message).help(help));
    };
    let first = match admin.listen {
        None => ADMIN_LISTEN,
        Some(Addresses::One(address)) => address,
        Some(Addresses::Many(addresses)) => addresses.first().copied().unwrap_or(ADMIN_LISTEN),
    };
    if first.port() == 0 {
        let message = format!("{shown} has [admin] listen on any free port");
        return Err(Finding::error(message).help("say --server URL with the one that was logged"));
    }
    let token = admin.token_file.map_or(Token::None, |named| {
        let path = path.parent().unwrap_or(Path::new("")).join(named);
        read_token(&path)
            .unwrap_or_else(|why| Token::Unreadable { path: path.display().to_string(), why })
    });
    Ok((url_of(first)?, token))
}

/// The URL of what listens at an address; whoever listens everywhere listens on loopback too.
fn url_of(listen: SocketAddr) -> Result<Url, Finding> {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    parse_server(&SocketAddr::new(ip, listen.port()).to_string()).map_err(Finding::error)
}

/// A URL, or a bare address with its port.
fn parse_server(text: &str) -> Result<Url, String> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&whole).map_err(|error| format!("{text:?} is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("write it as in http://127.0.0.1:8053".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the right to ask is a token; name its file with --token-file".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("neither ? nor # have a place in it".to_owned());
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// The first token in a file, ready to be sent; else why there is none.
fn read_token(path: &Path) -> Result<Token, String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(TOKENS_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| error.to_string())?;
    if read as u64 > TOKENS_BYTES_MAX {
        return Err("it is too long for a file of tokens".to_owned());
    }
    let tokens = Tokens::parse(&text).map_err(|(why, help)| format!("{why} ({help})"))?;
    let mut header = HeaderValue::from_str(&format!("Bearer {}", tokens.first().secret()))
        .map_err(|_| "it holds no token".to_owned())?;
    header.set_sensitive(true);
    Ok(Token::Read { path: path.display().to_string(), header })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_written_in_many_ways() {
        let check = |text: &str, expected: Option<&str>| {
            let parsed = parse_server(text);
            assert_eq!(parsed.ok().as_ref().map(Url::as_str), expected, "{text}");
        };
        check("http://127.0.0.1:8053", Some("http://127.0.0.1:8053/"));
        check("127.0.0.1:8053", Some("http://127.0.0.1:8053/"));
        check("[::1]:8053", Some("http://[::1]:8053/"));
        check("localhost:8053", Some("http://localhost:8053/"));
        check("https://ops.example/dns", Some("https://ops.example/dns/"));
        check("ftp://ops.example/", None);
        check("http://", None);
        check("http://a:b@ops.example/", None);
        check("http://ops.example/?x", None);
    }

    #[test]
    fn the_configuration_names_server_and_token() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("fingerpost.toml");
        std::fs::write(directory.path().join("token"), "s3cret\n").expect("written");
        let check = |text: &str, url: Result<&str, &str>, token: bool| {
            std::fs::write(&path, text).expect("written");
            match (from_config(&path), url) {
                (Ok((found, found_token)), Ok(url)) => {
                    assert_eq!(found.as_str(), url, "{text}");
                    assert_eq!(matches!(found_token, Token::Read { .. }), token, "{text}");
                }
                (Err(finding), Err(part)) => {
                    assert!(finding.to_string().contains(part), "{text}: {finding}");
                    assert!(finding.help.is_some(), "{text}");
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        };
        let eight = Ok("http://127.0.0.1:8053/");
        check("[admin]\nlisten = \"127.0.0.1:8053\"\n", eight, false);
        check("[admin]\nlisten = [\"127.0.0.1:8053\", \"[::1]:1\"]\n", eight, false);
        check("[admin]\nlisten = \"0.0.0.0:8053\"\ntoken_file = \"token\"\n", eight, true);
        check("[admin]\nlisten = \"[::]:8053\"\n", Ok("http://[::1]:8053/"), false);
        check(
            "[admin]\nlisten = \"[::1]:8053\"\ntoken_file = \"x\"\n",
            Ok("http://[::1]:8053/"),
            false,
        );
        // What a client has no business with does not stop it.
        check("[server]\nnonsense = 1\n[admin]\nlisten = \"127.0.0.1:8053\"\n", eight, false);
        check("[admin]\n", eight, false);
        check("[server]\n", Err("it has no [admin]"), false);
        check("[admin]\nlisten = \"127.0.0.1:0\"\n", Err("any free port"), false);
        check("[admin]\nlisten = 5\n", Err("has mistakes"), false);
        check("[admin", Err("has mistakes"), false);
    }

    #[test]
    fn the_first_token_is_shown() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        let check = |text: &str, expected: Option<&str>| {
            std::fs::write(&path, text).expect("written");
            let header = match read_token(&path) {
                Ok(Token::Read { header, .. }) => Some(header),
                _ => None,
            };
            let shown = header.as_ref().map(|header| header.to_str().expect("ASCII"));
            assert_eq!(shown, expected, "{text:?}");
        };
        check("s3cret", Some("Bearer s3cret"));
        check("  s3cret \r\n", Some("Bearer s3cret"));
        check("# who may\nalice: a1\nbob: b2\n", Some("Bearer a1"));
        check("", None);
        check("\n", None);
        check("two words", None);
        check("ß", None);
        check(&"x".repeat(70_000), None);
        assert!(read_token(directory.path()).is_err());
    }
}
