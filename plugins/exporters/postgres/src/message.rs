//! Messages of PostgreSQL's protocol, version 3: what is sent, and what comes back.

use narthex_sdk::Error;
use narthex_sdk::tcp::Connection;

/// Version 3.0, as the start-up message has it.
const PROTOCOL_VERSION: u32 = 196_608;

/// What asks for TLS, in the place of a version.
const TLS_REQUEST_CODE: u32 = 80_877_103;

/// The largest message that is read; a longer one is an error.
const MESSAGE_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// The first message, which has no type.
pub(crate) fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL_VERSION.to_be_bytes().to_vec();
    for (name, value) in [
        ("user", user),
        ("database", database),
        ("application_name", "narthex"),
        ("client_encoding", "UTF8"),
    ] {
        push_text(&mut body, name);
        push_text(&mut body, value);
    }
    body.push(0);
    with_length(&body)
}

/// Asks whether the server speaks TLS; it answers with one byte.
pub(crate) fn tls_request() -> Vec<u8> {
    with_length(&TLS_REQUEST_CODE.to_be_bytes())
}

/// A message of a type.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(with_length(body));
    message
}

/// A message whose body is one text.
pub(crate) fn text_message(kind: u8, text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(&mut body, text);
    message(kind, &body)
}

/// Appends a text with its closing zero; a zero within would end it early and is left out.
pub(crate) fn push_text(body: &mut Vec<u8>, text: &str) {
    body.extend(text.bytes().filter(|byte| *byte != 0));
    body.push(0);
}

/// The length counts itself.
fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(body);
    message
}

/// A message of the server: its type and its body.
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The error that a message of type `E` tells of.
    pub(crate) fn fault(&self) -> Error {
        fault(&self.body)
    }
}

/// Reads the next message. One that tells of an error is one.
pub(crate) fn read(connection: &mut Connection) -> Result<Answer, Error> {
    let answer = read_any(connection)?;
    match answer.kind {
        b'E' => Err(answer.fault()),
        _ => Ok(answer),
    }
}

/// Reads the next message, whatever it tells of.
pub(crate) fn read_any(connection: &mut Connection) -> Result<Answer, Error> {
    let head = connection.read_exact(5)?;
    let mut reader = Reader(&head);
    let kind = reader.byte()?;
    let length = reader.integer()?;
    if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
        return Err(Error::Protocol(format!(
            "a message of {length} bytes: not PostgreSQL, or too long"
        )));
    }
    let body = connection.read_exact(length - 4)?;
    Ok(Answer { kind, body })
}

/// The error that a message tells of: its fields, each with a letter, are texts.
fn fault(body: &[u8]) -> Error {
    let mut code = String::new();
    let mut text = String::new();
    for field in body.split(|byte| *byte == 0) {
        match field.split_first() {
            Some((b'C', rest)) => code = String::from_utf8_lossy(rest).into_owned(),
            Some((b'M', rest)) => text = String::from_utf8_lossy(rest).into_owned(),
            _ => {}
        }
    }
    let text = format!("{text} (SQLSTATE {code})");
    // Class 28 is about who asks, 3D about a database that is not there, 57P03 about a server
    // that is starting up or shutting down.
    match code.get(..2) {
        Some("28" | "3D") => Error::Config(text),
        Some("57" | "53") => Error::Unavailable(text),
        _ => Error::Protocol(text),
    }
}

/// Takes a body apart.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next byte.
    pub(crate) fn byte(&mut self) -> Result<u8, Error> {
        Ok(self.bytes(1)?[0])
    }

    /// The next two bytes as a number.
    pub(crate) fn short(&mut self) -> Result<u16, Error> {
        let bytes = self.bytes(2)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// The next four bytes as a number.
    pub(crate) fn integer(&mut self) -> Result<u32, Error> {
        let bytes = self.bytes(4)?;
        Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// The text up to the next zero.
    pub(crate) fn text(&mut self) -> Result<&'a str, Error> {
        let end = self
            .0
            .iter()
            .position(|byte| *byte == 0)
            .ok_or_else(short)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        std::str::from_utf8(text).map_err(|_| Error::Protocol("a text is not UTF-8".to_owned()))
    }
}

fn short() -> Error {
    Error::Protocol("a message ends too early".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_server_are_told_by_their_class() {
        let body = |code: &str, text: &str| format!("SFATAL\0C{code}\0M{text}\0\0").into_bytes();
        for (code, expected) in [
            ("28P01", "Config"),
            ("3D000", "Config"),
            ("57P03", "Unavailable"),
            ("53300", "Unavailable"),
            ("42501", "Protocol"),
        ] {
            let error = fault(&body(code, "no"));
            assert!(format!("{error:?}").contains(expected), "{error:?}");
            assert_eq!(error.message(), format!("no (SQLSTATE {code})"));
        }
    }

    #[test]
    fn bodies_that_end_early_are_errors() {
        let mut reader = Reader(b"\0\x05ab\0\0");
        assert_eq!(reader.short().unwrap(), 5);
        assert_eq!(reader.text().unwrap(), "ab");
        assert!(reader.integer().is_err());
        assert!(Reader(b"ab").text().is_err());
    }

    #[test]
    fn a_zero_in_a_name_does_not_end_it() {
        let mut body = Vec::new();
        push_text(&mut body, "a\0user\0b");
        assert_eq!(body, b"auserb\0");
    }
}
