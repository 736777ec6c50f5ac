//! Writes a recording down as a fixture.

use std::fmt::Write;
use std::path::PathBuf;

use crate::record::http::Recorded;
use crate::record::proxy::{Said, Transcript};

/// Longer contents go into a file of their own.
const INLINE_BYTES_MAX: usize = 2048;

/// What stands for each character of a secret.
const SECRET_MARK: u8 = b'x';

/// A fixture that is being written, and its files.
#[derive(Debug)]
pub(super) struct Page {
    /// The fixture's name, which is also its folder of files.
    name: String,
    text: String,
    files: Vec<(PathBuf, Vec<u8>)>,
    secrets: Vec<Vec<u8>>,
}

impl Page {
    pub(super) fn new(name: &str, secrets: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            text: String::new(),
            files: Vec::new(),
            secrets: secrets
                .iter()
                .map(|secret| secret.as_bytes().to_vec())
                .collect(),
        }
    }

    /// The fixture's text, and its files by their path from the fixture's folder.
    pub(super) fn finish(self) -> (String, Vec<(PathBuf, Vec<u8>)>) {
        (self.text, self.files)
    }

    /// A line as it is.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A field with a text.
    pub(super) fn field(&mut self, name: &str, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{name} = {}", quoted(text));
    }

    /// A field with bytes: text, hexadecimal digits, or a file.
    fn content(&mut self, name: &str, bytes: &[u8]) {
        let bytes = self.without_secrets(bytes);
        let is_text = |c: char| !c.is_control() || matches!(c, '\r' | '\n' | '\t');
        let text = std::str::from_utf8(&bytes).ok();
        let text = text.filter(|text| text.chars().all(is_text) && !text.contains("${"));
        if bytes.len() > INLINE_BYTES_MAX {
            let end = if text.is_some() { "txt" } else { "bin" };
            let file = format!("{}/{}.{end}", self.name, self.files.len() + 1);
            let _ = writeln!(self.text, "{name} = {{ file = {} }}", quoted(&file));
            self.files.push((PathBuf::from(file), bytes));
        } else if let Some(text) = text {
            self.field(name, text);
        } else {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(self.text, "{name} = {{ hex = \"{}\" }}", digits.join(" "));
        }
    }

    /// A dialogue over HTTP.
    pub(super) fn http(&mut self, server: &str, exchanges: &[Recorded]) {
        for exchange in exchanges {
            let _ = writeln!(self.text, "\n[[http.{server}.exchange]]");
            let request = self.without_secrets(exchange.request.as_bytes());
            self.field("request", &String::from_utf8_lossy(&request));
            if !exchange.body.is_empty() {
                self.content("body", &exchange.body);
            }
            if exchange.status != 200 {
                let _ = writeln!(self.text, "status = {}", exchange.status);
            }
            let headers: Vec<String> = exchange
                .headers
                .iter()
                .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)))
                .collect();
            if !headers.is_empty() {
                let _ = writeln!(self.text, "response_headers = {{ {} }}", headers.join(", "));
            }
            if !exchange.response.is_empty() {
                self.content("response", &exchange.response);
            }
        }
    }

    /// Dialogues over TCP, one a connection.
    pub(super) fn tcp(&mut self, server: &str, connections: &[Transcript]) {
        // The same on every connection is written once.
        let is_same = connections
            .windows(2)
            .all(|pair| pair.first() == pair.last());
        let written = if is_same { 1 } else { connections.len() };
        for (index, transcript) in connections.iter().take(written).enumerate() {
            let connection = (!is_same).then_some(index + 1);
            self.connection(server, connection, transcript);
        }
    }

    fn connection(&mut self, server: &str, number: Option<usize>, transcript: &[Said]) {
        let mut rest = transcript;
        while let Some(first) = rest.first() {
            let _ = writeln!(self.text, "\n[[tcp.{server}.exchange]]");
            if let Some(number) = number {
                let _ = writeln!(self.text, "connection = {number}");
            }
            rest = rest.get(1..).unwrap_or_default();
            if !first.by_plugin {
                self.content("send", &first.bytes);
                continue;
            }
            self.content("receive", &first.bytes);
            if let Some(answer) = rest.first() {
                self.content("send", &answer.bytes);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }

    /// The expected samples.
    pub(super) fn samples(&mut self, samples: &str) {
        let is_plain = |c: char| !c.is_control() || c == '\n';
        if !samples.contains("'''") && samples.chars().all(is_plain) {
            let _ = writeln!(self.text, "samples = '''\n{samples}'''");
        } else {
            self.field("samples", samples);
        }
    }

    /// Each secret is written over, as long as it is.
    fn without_secrets(&self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for secret in self.secrets.iter().filter(|secret| !secret.is_empty()) {
            let mut at = 0;
            while let Some(window) = bytes.get_mut(at..at + secret.len()) {
                if window == secret {
                    window.fill(SECRET_MARK);
                }
                at += 1;
            }
        }
        bytes
    }
}

/// What is written in the place of a secret's value.
pub(super) fn masked(secret: &str) -> String {
    char::from(SECRET_MARK).to_string().repeat(secret.len())
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
