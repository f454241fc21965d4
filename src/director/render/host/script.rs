//! Commands for `sh`, each with its reason.

use super::super::sheet::Sheet;
use super::super::terms::ORIGIN;
use std::collections::HashSet;
use std::fmt::Display;

/// A script that grows by steps.
#[derive(Debug)]
pub struct Script {
    sheet: Sheet,
    done: HashSet<String>,
    /// What was said last, so that equal reasons are given once.
    said: String,
}

impl Script {
    pub fn new(title: &str) -> Self {
        let mut sheet = Sheet::default();
        sheet.line("#!/bin/sh");
        sheet.comment(title);
        sheet.comment(ORIGIN);
        sheet.comment(
            "It may run any number of times. A restart of the host undoes it: run it at every start.",
        );
        sheet.line("set -eu");
        Self { sheet, done: HashSet::new(), said: String::new() }
    }

    /// The part of one director.
    pub fn section(&mut self, title: &str) {
        self.sheet.gap();
        self.sheet.comment(title);
        self.said.clear();
    }

    /// A command, unless it is in the script already.
    pub fn step(&mut self, why: &str, command: &str) {
        if !self.done.insert(command.to_owned()) {
            return;
        }
        self.remark(why);
        self.sheet.line(command);
    }

    /// What there is to know.
    pub fn remark(&mut self, text: &str) {
        if self.said != text {
            self.sheet.comment(text);
            self.said = text.to_owned();
        }
    }

    pub fn into_text(self) -> String {
        self.sheet.into_text()
    }
}

/// The command that sets a kernel parameter.
pub fn setting(key: &str, value: impl Display) -> String {
    format!("sysctl -q -w {}", word(&format!("{key}={value}")))
}

/// An interface as part of the name of a kernel parameter (sysctl(8)): a dot in it is written as a slash.
pub fn key(interface: &str) -> String {
    interface.replace('.', "/")
}

/// A text as one word of the shell.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_keys_are_the_shells() {
        assert_eq!(word("eth0.100"), "eth0.100");
        assert_eq!(word("it's $x"), "'it'\\''s $x'");
        assert_eq!(word(""), "''");
        let key = format!("net.ipv4.conf.{}.send_redirects", key("eth0.100"));
        assert_eq!(setting(&key, 0), "sysctl -q -w net.ipv4.conf.eth0/100.send_redirects=0");
    }
}
