//! Observed clients: a file of prefixes with counts.

use crate::geo::embed::{embedded, embedding_ranges};
use crate::report::{Finding, Report, Source};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::sync::Arc;

/// After this many errors the rest of a file is not worth reading: it is of another format.
const ERRORS_MAX: usize = 20;

/// How often which networks were seen. Where prefixes nest, the inner one's count comes on top of the outer one's,
/// which is spread evenly over all of its addresses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Traffic {
    pub(super) v4: BTreeMap<Ipv4Net, f64>,
    pub(super) v6: BTreeMap<Ipv6Net, f64>,
}

impl Traffic {
    /// Reads `prefix,count` lines. `#` begins a comment line, one header line is passed over, a bare address is a
    /// network of one; counts of the same prefix add up. Every mistake is reported.
    pub fn read(source: &Arc<Source>) -> Result<Self, Report> {
        let mut traffic = Self::default();
        let mut report = Report::default();
        let mut start = 0;
        let mut may_be_header = true;
        for line in source.text.split_inclusive('\n') {
            let at = start;
            start += line.len();
            let text = line.trim();
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let is_first = std::mem::take(&mut may_be_header);
            match entry(line, at) {
                Ok((net, count)) => traffic.add(net, count),
                Err(_) if is_first && is_header(text) => {}
                Err(finding) => report.push(finding.at_span(source)),
            }
            if report.error_count() >= ERRORS_MAX {
                let message = format!("{ERRORS_MAX} errors; the rest is not read");
                report.push(Finding::warning(message).at(source, start..start));
                break;
            }
        }
        if report.findings.is_empty() && traffic.counts().all(|count| count == 0.0) {
            let help = "write a line PREFIX,COUNT for each network seen";
            let end = source.text.len();
            report
                .push(Finding::error("no traffic is counted here").at(source, end..end).help(help));
        }
        if report.has_errors() { Err(report) } else { Ok(traffic) }
    }

    /// How many distinct networks were seen.
    pub fn network_count(&self) -> usize {
        self.v4.len() + self.v6.len()
    }

    fn counts(&self) -> impl Iterator<Item = f64> + '_ {
        self.v4.values().chain(self.v6.values()).copied()
    }

    fn add(&mut self, net: IpNet, count: f64) {
        match net {
            IpNet::V4(net) => *self.v4.entry(net).or_default() += count,
            IpNet::V6(net) => match embedded_net(net) {
                Some(net) => *self.v4.entry(net).or_default() += count,
                None => *self.v6.entry(net).or_default() += count,
            },
        }
    }
}

/// The IPv4 network that stands for an IPv6 one within an embedding, as it does when queries are answered.
fn embedded_net(net: Ipv6Net) -> Option<Ipv4Net> {
    let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
    let (_, end, is_embedding) = embedding_ranges().run(first);
    let (ipv4, bits_before) = embedded(first).filter(|_| is_embedding && last <= end)?;
    let bits = net.prefix_len().saturating_sub(bits_before).min(32);
    Some(Ipv4Net::new_assert(Ipv4Addr::from_bits(ipv4), bits).trunc())
}

/// What is wrong with a stretch of the text.
struct Mistake {
    message: String,
    help: &'static str,
    span: Range<usize>,
}

impl Mistake {
    fn at_span(self, source: &Arc<Source>) -> Finding {
        Finding::error(self.message).at(source, self.span).help(self.help)
    }
}

fn entry(line: &str, at: usize) -> Result<(IpNet, f64), Mistake> {
    let mistake = |message, help, span| Err(Mistake { message, help, span });
    let whole = stretch(line, at, line);
    let form = "write PREFIX,COUNT, as in 192.0.2.0/24,1200";
    let Some((prefix, count)) = line.split_once(',') else {
        return mistake("there is no count here".to_owned(), form, whole);
    };
    if let Some((_, more)) = count.split_once(',') {
        let span = stretch(line, at, more);
        return mistake("there is more than a prefix and a count".to_owned(), form, span);
    }
    let (prefix_text, count_text) =
        (prefix.trim().trim_matches('"'), count.trim().trim_matches('"'));
    let net = prefix_text.parse().or_else(|_| prefix_text.parse::<IpAddr>().map(IpNet::from));
    let Ok(net) = net else {
        let help = "write it as 192.0.2.0/24 or 2001:db8::/48";
        return mistake(format!("{prefix_text:?} is no network"), help, stretch(line, at, prefix));
    };
    match count_text.parse::<f64>() {
        Ok(count) if count.is_finite() && count >= 0.0 => Ok((net.trunc(), count)),
        _ => {
            let message = format!("{count_text:?} is no count");
            mistake(message, "write a number, 0 or more", stretch(line, at, count))
        }
    }
}

/// Where `part` of `line` stands, without the space around it; `line` begins at `at`.
fn stretch(line: &str, at: usize, part: &str) -> Range<usize> {
    let before = part.as_ptr() as usize - line.as_ptr() as usize;
    let start = at + before + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// A first line without any digit names its columns.
fn is_header(text: &str) -> bool {
    text.contains(',') && !text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_networks_and_counts() {
        let text = "# seen on Monday\nprefix,count\n192.0.2.77/24, 10\n\"2001:db8::/48\",2.5\n\
                    192.0.2.0/24,5\n198.51.100.7,1\n2002:c000:200::/40,3\n::ffff:192.0.2.0/120,4\n";
        let traffic = Traffic::read(&Source::new("t.csv", text)).expect("no mistakes");
        let shown: Vec<String> = traffic.v4.iter().map(|(net, n)| format!("{net} {n}")).collect();
        assert_eq!(shown, ["192.0.2.0/24 22", "198.51.100.7/32 1"]);
        let shown: Vec<String> = traffic.v6.iter().map(|(net, n)| format!("{net} {n}")).collect();
        assert_eq!(shown, ["2001:db8::/48 2.5"]);
    }

    #[test]
    fn every_mistake_has_its_place() {
        let check = |text: &str, expected: &[&str]| {
            let report = Traffic::read(&Source::new("t.csv", text)).expect_err(text);
            let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
            assert_eq!(told.len(), expected.len(), "{text}: {told:?}");
            for (told, expected) in told.iter().zip(expected) {
                assert!(told.contains(expected), "{text}: {told} is not {expected}");
            }
        };
        check("", &["t.csv:1:1: error: no traffic"]);
        check("192.0.2.0/24,0\n", &["t.csv:2:1: error: no traffic"]);
        check(
            "192.0.2.0/33,1\n192.0.2.0/24\n192.0.2.0/24, -1\n192.0.2.0/24,1,2\nx,NaN\n",
            &[
                "t.csv:1:1: error: \"192.0.2.0/33\" is no network",
                "t.csv:2:1: error: there is no count here",
                "t.csv:3:15: error: \"-1\" is no count",
                "t.csv:4:16: error: there is more",
                "t.csv:5:1: error: \"x\" is no network",
            ],
        );
        let lines = "1,1\n".repeat(30);
        let report = Traffic::read(&Source::new("t.csv", lines)).expect_err("mistakes");
        assert_eq!((report.error_count(), report.warning_count()), (20, 1));
    }
}
