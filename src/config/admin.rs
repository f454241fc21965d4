//! `[admin]`: where the operator's API is served, and the tokens that it asks for.
//!
//! The token file is read with the configuration, so a reload takes a new token up, and a broken file refuses the
//! reload and leaves the tokens as they were. What stands in it is a secret: findings name its lines by number and
//! never show them, and neither does `Debug`.

use super::defaults;
use super::files;
use super::reader::{Table, Value};
use super::server_tables::{Bound, Protocol};
use super::value;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

/// The operator's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where it is served.
    pub listen: Vec<SocketAddr>,
    /// The file of tokens, if it asks for one.
    pub token_file: Option<PathBuf>,
    /// What that file holds.
    pub tokens: Option<Arc<Tokens>>,
}

/// Secrets, each of which opens the API. Never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Tokens(Vec<Token>);

/// One secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Who bears it, for the record.
    pub name: Option<String>,
    secret: String,
}

impl Token {
    /// The secret itself, for a client that shows it.
    pub fn secret(&self) -> &str {
        &self.secret
    }
}

impl Tokens {
    /// Reads lines of `TOKEN` or `NAME: TOKEN`; empty lines and lines that begin with `#` are passed over. The error
    /// says which line is wrong, and the cure.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let mut tokens = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (name, secret) = match line.split_once(':') {
                Some((name, secret)) => (Some(name.trim()), secret.trim()),
                None => (None, line),
            };
            if !is_token(secret) || name.is_some_and(|name| !is_name(name)) {
                let message = format!("its line {number} is no token");
                let help = "write one TOKEN or NAME: TOKEN a line, a token of letters, digits and -._~+/ alone";
                return Err((message, help.to_owned()));
            }
            tokens.push(Token { name: name.map(str::to_owned), secret: secret.to_owned() });
        }
        if tokens.is_empty() {
            return Err(("it holds no token".to_owned(), MAKE_ONE.to_owned()));
        }
        Ok(Self(tokens))
    }

    /// Which of them was shown. Takes as long for a wrong one as for a right one of the same length.
    pub fn find(&self, shown: &[u8]) -> Option<&Token> {
        // Every token is compared, so that neither which one it is nor how far it agrees can be told by the clock.
        let mut found = u64::MAX;
        for (at, token) in (0..).zip(&self.0) {
            let same: Choice = token.secret.as_bytes().ct_eq(shown);
            found.conditional_assign(&at, same);
        }
        self.0.get(usize::try_from(found).ok()?)
    }

    /// The one that a client on this host shows.
    pub fn first(&self) -> &Token {
        &self.0[0]
    }

    fn shortest_bytes(&self) -> usize {
        self.0.iter().map(|token| token.secret.len()).min().unwrap_or(0)
    }
}

/// Secrets are for comparing, not for showing.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("name", &self.name).finish_non_exhaustive()
    }
}

const MAKE_ONE: &str = "make one with `openssl rand -hex 32`";

/// What may stand after `Bearer` (RFC 6750 §2.1).
fn is_token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._@".contains(&byte))
}

/// Reads the table, which is there.
pub(super) fn read(mut table: Table<'_>, bound: &mut Bound) -> Admin {
    let given = table.take("listen");
    let listen = match &given {
        Some(one) if one.is_string() => bound.listen(one, &[Protocol::Tcp]).into_iter().collect(),
        Some(list) => {
            let found = bound.listen_all(list, &[Protocol::Tcp]);
            if list.is_list() && list.list().is_some_and(|elements| elements.is_empty()) {
                list.error("the API would listen nowhere", "name an address, or remove [admin]");
            }
            found
        }
        None => vec![defaults::ADMIN_LISTEN],
    };
    let named = table.take("token_file");
    if let (Some(given), None) = (&given, &named)
        && let Some(open) = listen.iter().find(|address| !address.ip().is_loopback())
    {
        let message = format!("{open} can be reached from elsewhere, and no token is asked for");
        let help = format!(
            "add token_file = and the path of a file with a secret ({MAKE_ONE}), or listen on 127.0.0.1"
        );
        given.error(message, help);
    }
    let token_file = named.as_ref().and_then(value::path);
    let tokens = named.zip(token_file.as_ref()).and_then(|(named, path)| read_tokens(&named, path));
    table.finish();
    Admin { listen, token_file, tokens }
}

fn read_tokens(named: &Value<'_>, path: &Path) -> Option<Arc<Tokens>> {
    let bytes = files::named_file(named, path)?;
    let shown = path.display();
    if is_open_to_all(path) {
        let message = format!("every user of this host may read {shown}");
        named.warning(message, format!("chmod o-rwx {shown}"));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        named.error(format!("{shown} is not UTF-8 text"), MAKE_ONE);
        return None;
    };
    match Tokens::parse(&text) {
        Ok(tokens) => {
            if tokens.shortest_bytes() < defaults::TOKEN_BYTES_SENSIBLE_MIN {
                let message = format!("a token in {shown} is short enough to be guessed");
                named.warning(message, MAKE_ONE);
            }
            Some(Arc::new(tokens))
        }
        Err((message, help)) => {
            named.error(format!("{shown} is of no use: {message}"), help);
            None
        }
    }
}

#[cfg(unix)]
fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_files() {
        let check = |text: &str, expected: Result<usize, &str>| {
            let parsed = Tokens::parse(text).map(|tokens| tokens.0.len());
            match (parsed, expected) {
                (Ok(count), Ok(expected)) => assert_eq!(count, expected, "{text:?}"),
                (Err((message, _)), Err(part)) => assert!(message.contains(part), "{message}"),
                (parsed, _) => panic!("{text:?}: {parsed:?}"),
            }
        };
        check("abc\n", Ok(1));
        check("# who may\n\n anna: abc== \r\nab-._~+/9", Ok(2));
        check("", Err("holds no token"));
        check("# none\n", Err("holds no token"));
        check("one\ntwo words\n", Err("line 2 is no token"));
        check("anna smith: abc", Err("line 1"));
        check("anna:", Err("line 1"));
        check("a=b", Err("line 1"));
        check("schlüssel", Err("line 1"));
    }

    #[test]
    fn only_what_stands_in_the_file_is_found() {
        let tokens = Tokens::parse("anna: first-secret\nsecond-secret\n").expect("tokens");
        let check = |shown: &str, expected: Option<Option<&str>>| {
            let found = tokens.find(shown.as_bytes()).map(|token| token.name.as_deref());
            assert_eq!(found, expected, "{shown}");
        };
        check("first-secret", Some(Some("anna")));
        check("second-secret", Some(None));
        check("first-secre", None);
        check("first-secrets", None);
        check("anna", None);
        check("", None);
        assert_eq!(tokens.first().secret(), "first-secret");
        assert!(!format!("{tokens:?}").contains("secret"));
    }
}
