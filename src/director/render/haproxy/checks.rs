//! A check as HAProxy asks it: what is asked stands once in a section, how often beside each server.

use super::super::sheet::Sheet;
use super::super::terms::{bracketed, statuses};
use crate::health::Probe;
use crate::health::check::{Check, CheckKind, HttpCheck, TlsCheck};
use crate::steer::director::{Director, Real};
use std::fmt::Write;

/// The checks of one director's reals.
pub struct Checks<'a> {
    /// The check that the reals have in common; none if none is probed.
    check: Option<&'a Check>,
    /// What goes for a name where the check has none.
    host: String,
}

impl<'a> Checks<'a> {
    pub fn of(director: &'a Director) -> Self {
        let check =
            director.reals.iter().find_map(|real| real.probe.as_ref()).map(|probe| &probe.check);
        // A probe of a real has the real's address here; one text for all servers takes the clients'.
        let host = director.addresses().next().map(bracketed).unwrap_or_default();
        Self { check, host }
    }

    /// The section's part.
    pub fn write(&self, sheet: &mut Sheet) {
        let Some(check) = self.check else {
            sheet.comment("No check is configured: a server that dies keeps its share.");
            return;
        };
        sheet.line(format_args!("timeout check {}ms", check.timeout.as_millis()));
        let CheckKind::Http(http) = &check.kind else { return };
        sheet.line("option httpchk");
        sheet.line(self.request(http));
        let statuses = statuses(&http.expect).join(",");
        sheet.line(format_args!("http-check expect status {statuses}"));
        if let Some(body) = &http.body {
            sheet.line(format_args!("http-check expect string {}", quoted(body)));
        }
    }

    /// What stands behind a server's address: nothing where it is not probed.
    pub fn of_server(&self, real: &Real) -> String {
        let Some(Probe { check, target }) = real.probe.as_deref() else { return String::new() };
        let mut text = String::from(" check");
        if target.port() != real.address.port() {
            add(&mut text, format_args!(" port {}", target.port()));
        }
        let Check { interval, fall, rise, .. } = check;
        add(&mut text, format_args!(" inter {}ms fall {fall} rise {rise}", interval.as_millis()));
        if let CheckKind::Http(HttpCheck { tls: Some(tls), host, .. }) = &check.kind {
            add_tls(&mut text, tls, host.as_deref());
        }
        text
    }

    fn request(&self, http: &HttpCheck) -> String {
        let server_name = http.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
        let host = http.host.as_ref().or(server_name).unwrap_or(&self.host);
        let mut line = format!(
            "http-check send meth {} uri {} ver HTTP/1.1 hdr Host {}",
            http.method,
            quoted(&http.path),
            quoted(host)
        );
        for (name, value) in &http.headers {
            // The value is a log format, in which a percent sign begins a variable.
            add(
                &mut line,
                format_args!(" hdr {} {}", quoted(name), quoted(&value.replace('%', "%%"))),
            );
        }
        line
    }
}

fn add_tls(text: &mut String, tls: &TlsCheck, host: Option<&str>) {
    text.push_str(" check-ssl");
    let name = tls.server_name.as_deref().or(host.map(without_port));
    if let Some(name) = name {
        add(text, format_args!(" check-sni {}", quoted(name)));
    }
    if !tls.verify {
        text.push_str(" verify none");
        return;
    }
    let roots = tls.roots.as_ref().map_or("@system-ca".into(), |path| path.to_string_lossy());
    add(text, format_args!(" verify required ca-file {}", quoted(&roots)));
    if let Some(name) = name {
        add(text, format_args!(" verifyhost {}", quoted(name)));
    }
}

/// The name in a Host header, as TLS knows it.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    text.write_fmt(more).expect("writing to a String cannot fail");
}

/// The text as one word (configuration manual, "Quoting and escaping").
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=@,;+?&~*()[]%^|<>".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    let mut word = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '$' => word.extend(['\\', c]),
            '\n' => word.push_str("\\n"),
            '\r' => word.push_str("\\r"),
            '\t' => word.push_str("\\t"),
            _ if c.is_ascii_control() => add(&mut word, format_args!("\\x{:02x}", u32::from(c))),
            _ => word.push(c),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_word() {
        let check = |text: &str, word: &str| assert_eq!(quoted(text), word);
        check("/healthz?a=b", "/healthz?a=b");
        check("", "\"\"");
        check("it's \"$HOME\"\\\n\u{1}#", r#""it's \"\$HOME\"\\\n\x01#""#);
    }

    #[test]
    fn a_host_loses_its_port() {
        let check = |host: &str, name: &str| assert_eq!(without_port(host), name);
        check("www.example.com", "www.example.com");
        check("www.example.com:8443", "www.example.com");
        check("[2001:db8::1]", "2001:db8::1");
        check("[2001:db8::1]:8443", "2001:db8::1");
        check("2001:db8::1", "2001:db8::1");
    }
}
