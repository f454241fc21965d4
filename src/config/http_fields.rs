//! The texts that an HTTP check puts into its requests. What could not stand in a request is refused here.

use super::reader::{Table, Value};

/// Longest method; the registered ones have at most 17 characters.
const METHOD_BYTES_MAX: usize = 32;

/// An HTTP method: a token (RFC 9110 §9.1), upper case as every registered one.
pub fn method(value: &Value<'_>) -> Option<String> {
    let text = value.short_string(METHOD_BYTES_MAX)?;
    if !text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
        value.error(format!("{text:?} is no HTTP method"), "write it as in \"GET\" or \"HEAD\"");
        return None;
    }
    Some(text)
}

/// Path and query of a request line: visible ASCII (RFC 9112 §3.2.1).
pub fn path(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    if !text.starts_with('/') {
        value.error(
            format!("the path {text:?} does not begin with /"),
            format!("write \"/{text}\""),
        );
        return None;
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        let help = "percent-encode blanks, '#' and everything that is not ASCII";
        value.error(format!("the path {text:?} cannot stand in a request"), help);
        return None;
    }
    Some(text.to_owned())
}

/// A Host header: name or address, perhaps with a port (RFC 9110 §7.2).
pub fn host(value: &Value<'_>) -> Option<String> {
    let text = value.short_string(crate::wire::name::NAME_BYTES_MAX)?;
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte)) {
        let help = "write a host name, perhaps with :PORT, as in \"www.example.com\"";
        value.error(format!("{text:?} is no host"), help);
        return None;
    }
    Some(text)
}

/// Further headers: `{ NAME = "VALUE" }`, in the order written (RFC 9110 §5.1, §5.5).
pub fn headers(value: &Value<'_>) -> Vec<(String, String)> {
    let entries = value.table("the headers").map(Table::into_entries).unwrap_or_default();
    let header = |entry: &Value<'_>| {
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if entry.key.is_empty() || !entry.key.bytes().all(is_token) {
            let message = format!("{:?} is no name of a header", entry.key);
            entry.key_error(message, "write it as in \"X-Probe\"");
            return None;
        }
        if entry.key.eq_ignore_ascii_case("host") {
            let message = "the Host header has a key of its own";
            entry.key_error(message, "write host = \"…\" in the check");
            return None;
        }
        let text = entry.string()?;
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            entry.error("a header holds printable ASCII", "take the other characters out");
            return None;
        }
        Some((entry.key.to_owned(), text.to_owned()))
    };
    entries.iter().filter_map(header).collect()
}

/// The name in a certificate.
pub fn server_name(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    if rustls::pki_types::ServerName::try_from(text).is_err() {
        let help = "write the name in the certificate, as in \"www.example.com\"";
        value.error(format!("{text:?} is neither a host name nor an address"), help);
        return None;
    }
    Some(text.to_owned())
}
