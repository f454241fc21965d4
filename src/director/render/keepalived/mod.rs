//! keepalived.conf: virtual servers in IPVS with a checker for each real, and VRRP for VIPs that directors share.
//!
//! A checker asks what the real's probe asks, as often and as patiently, as far as keepalived can ask it; what it
//! cannot is said beside it. For a proxy there is nothing to balance: only the VIP is moved.

mod vrrp;

use super::sheet::Sheet;
use super::terms::{self, Front, fronts, tame};
use super::{Job, Rendered};
use crate::health::Probe;
use crate::health::check::{Check, CheckKind, HttpCheck};
use crate::steer::director::{Director, Mode};

pub fn render(job: &Job<'_>) -> Rendered {
    let mut sheet = Sheet::default();
    sheet.comment(terms::ORIGIN);
    sheet.gap();
    let instances = vrrp::instances(job);
    sheet.open("global_defs {");
    if let Some(director) = job.directors.first() {
        sheet.line(format_args!("router_id {}", tame(&director.name, "-_.")));
    }
    vrrp::synchronise(&mut sheet, job, &instances);
    sheet.close();
    let gentle = |director: &Director| {
        director
            .reals
            .iter()
            .filter_map(|real| real.probe.as_ref())
            .any(|probe| probe.check.rise > 1)
    };
    if job.directors.iter().any(|director| director.mode != Mode::Proxy && gentle(director)) {
        sheet.gap();
        sheet.comment("keepalived takes a real back after one good check, whatever `rise` is.");
    }
    vrrp::write(&mut sheet, job, &instances);
    for director in job.directors.iter().filter(|director| director.mode != Mode::Proxy) {
        sheet.gap();
        sheet.comment(terms::title(director));
        for front in fronts(director) {
            virtual_server(&mut sheet, director, &front);
        }
    }
    Rendered { text: sheet.into_text(), notes: Vec::new() }
}

fn virtual_server(sheet: &mut Sheet, director: &Director, front: &Front<'_>) {
    let kind = match director.mode {
        Mode::Dr => "DR",
        Mode::Tun => "TUN",
        // A proxy has no virtual server.
        Mode::Nat | Mode::Proxy => "NAT",
    };
    sheet.open(format_args!("virtual_server {} {} {{", front.vip, director.service.port));
    sheet.line(format_args!("lb_algo {}", director.scheduler));
    sheet.line(format_args!("lb_kind {kind}"));
    sheet.line(format_args!("protocol {}", terms::upper(director.service.protocol)));
    for real in &front.reals {
        sheet.gap();
        if real.name != real.address.to_string() {
            sheet.comment(&real.name);
        }
        sheet.open(format_args!("real_server {} {} {{", real.address.ip(), real.address.port()));
        sheet.line(format_args!("weight {}", real.weight));
        match &real.probe {
            Some(probe) => checker(sheet, probe),
            None => sheet.comment("No check is configured: it stays in the table when it dies."),
        }
        sheet.close();
    }
    sheet.close();
}

fn checker(sheet: &mut Sheet, probe: &Probe) {
    let Probe { check, target } = probe;
    match &check.kind {
        CheckKind::Tcp => sheet.open("TCP_CHECK {"),
        CheckKind::Http(http) => {
            sheet.open(if http.tls.is_some() { "SSL_GET {" } else { "HTTP_GET {" });
            url(sheet, http);
        }
    }
    sheet.line(format_args!("connect_port {}", target.port()));
    patience(sheet, check);
    sheet.close();
}

fn url(sheet: &mut Sheet, http: &HttpCheck) {
    if http.method != "GET" {
        sheet.comment(format_args!("The check asks by {}; keepalived can only GET.", http.method));
    }
    if !http.headers.is_empty() {
        sheet.comment("The check's headers cannot be sent by keepalived.");
    }
    if http.tls.as_ref().is_some_and(|tls| tls.verify) {
        sheet.comment("The certificate is not verified by keepalived.");
    }
    let server_name = http.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
    let host = http.host.as_ref().or(server_name);
    sheet.line("http_protocol 1.1");
    if let Some(host) = host {
        sheet.line(format_args!("virtualhost {host}"));
        if http.tls.is_some() {
            sheet.line("enable_sni");
        }
    }
    sheet.open("url {");
    sheet.line(format_args!("path {}", encoded(&http.path)));
    sheet.line(format_args!("status_code {}", terms::statuses(&http.expect).join(" ")));
    if let Some(body) = &http.body {
        sheet.line(format_args!("regex \"{}\"", pattern(body)));
    }
    sheet.close();
}

/// The times of a check. keepalived counts the tries after the first failure.
fn patience(sheet: &mut Sheet, check: &Check) {
    let interval = check.interval.as_secs_f64();
    sheet.line(format_args!("connect_timeout {}", check.timeout.as_secs_f64()));
    sheet.line(format_args!("delay_loop {interval}"));
    sheet.line(format_args!("retry {}", check.fall.saturating_sub(1)));
    sheet.line(format_args!("delay_before_retry {interval}"));
}

/// The path with what means something in keepalived.conf (quotes, comments, variables) percent-encoded.
fn encoded(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/_.~%&=+,:;*()?-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A regular expression for the text. Within quotes keepalived has a meaning of its own for backslashes, so what is
/// special stands in brackets, and what cannot even there is any character.
fn pattern(text: &str) -> String {
    let piece = |c: char| match c {
        _ if c.is_ascii_alphanumeric() || " _-/:;,=<>@%&'~".contains(c) => c.to_string(),
        '.' | '*' | '+' | '?' | '(' | ')' | '{' | '}' | '|' => format!("[{c}]"),
        // PCRE2's dot is no newline by default, and by bytes where UTF is not asked for.
        '\n' | '\r' => "[^ -~]".to_owned(),
        _ => ".".repeat(c.len_utf8()),
    };
    text.chars().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_leave_their_place() {
        assert_eq!(encoded("/a?b=\"c\"!$d"), "/a?b=%22c%22%21%24d");
        assert_eq!(pattern("v1.2 (\"ok\")\n\\é"), "v1[.]2 [(].ok.[)][^ -~]...");
    }
}
