//! A client that sends what it is told to and shows what comes back.

use crate::kit::PATIENCE;
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// By name in lower case.
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The media type, without parameters.
    pub fn kind(&self) -> &str {
        self.header("content-type").split(';').next().unwrap_or_default()
    }

    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One connection.
pub struct Connection(pub BufReader<TcpStream>);

impl Connection {
    pub fn to(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        Self(BufReader::new(stream))
    }

    /// Sends bytes as they are; a server that has hung up is told by reading.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.get_mut().write_all(bytes);
    }

    /// Reads the head of an answer; none if the server hangs up instead.
    pub fn head(&mut self) -> Option<Answer> {
        let mut line = String::new();
        if self.0.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status in {line:?}"));
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("a header");
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        Some(Answer { status, headers, body: Vec::new() })
    }

    /// Reads a whole answer of known length.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut answer = self.head()?;
        let bytes = answer.header("content-length").parse().expect("a length");
        answer.body = vec![0; bytes];
        self.0.read_exact(&mut answer.body).expect("a body");
        Some(answer)
    }

    /// One event of a stream, as its kind and data; none at the end. Lines that say something else are passed over.
    pub fn event(&mut self) -> Option<(String, Value)> {
        let (mut kind, mut data) = (String::new(), None);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).expect("an event in time") == 0 {
                return None;
            }
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data = Some(serde_json::from_str(text).expect("JSON"));
            } else if let (true, Some(data)) = (line.is_empty(), &data) {
                return Some((kind, Value::clone(data)));
            }
        }
    }
}

/// A request, sent on a connection of its own.
pub struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// An order in JSON.
    pub fn post(target: &str, body: &str) -> Self {
        Self::new("POST", target).with("Content-Type", "application/json").body(body)
    }

    pub fn delete(target: &str) -> Self {
        Self::new("DELETE", target)
    }

    /// Adds a header; one of the same name gives way.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Takes a header away.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    pub fn bearing(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, body: &str) -> Self {
        body.as_bytes().clone_into(&mut self.body);
        self
    }

    /// Method and path, for messages and for the description.
    pub fn line(&self) -> (&str, &str) {
        (&self.method, self.target.split('?').next().unwrap_or_default())
    }

    /// As it is sent.
    pub fn bytes(&self, server: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        let has = |name| self.headers.iter().any(|(known, _)| known == name);
        if !has("Host") {
            text += &format!("Host: {server}\r\n");
        }
        if !self.body.is_empty() && !has("Content-Length") && !has("Transfer-Encoding") {
            text += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        [text.as_bytes(), b"\r\n", &self.body].concat()
    }

    /// Sends it and reads the answer, which is held against the description.
    pub fn send(&self, server: SocketAddr) -> Answer {
        let mut connection = Connection::to(server);
        connection.send(&self.bytes(server));
        let answer =
            connection.answer().unwrap_or_else(|| panic!("no answer to {:?}", self.line()));
        crate::described::check(self, &answer);
        answer
    }
}
