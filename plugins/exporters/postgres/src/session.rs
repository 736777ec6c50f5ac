//! A connection to a server: who asks is shown, and queries are answered with rows of texts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use narthex_sdk::tcp::Connection;
use narthex_sdk::{Error, host_and_port};

use crate::message::{
    Reader, message, push_text, read, read_any, startup, text_message, tls_request,
};
use crate::rows::Rows;
use crate::scram::{Exchange, Salted};

/// The one mechanism that is spoken.
const MECHANISM: &str = "SCRAM-SHA-256";

/// Bytes of a nonce before they become text.
const NONCE_BYTES: usize = 18;

/// Rows that one query may bring; more is an error.
const ROWS_MAX: usize = 100_000;

/// Who asks, of which database, and how.
#[derive(Debug)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: &'a str,
    /// A TLS profile; none is no TLS.
    pub(crate) tls: Option<&'a str>,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Session {
    connection: Connection,
    /// The server's version, as `server_version` has it.
    pub(crate) version: String,
}

impl Session {
    /// Connects and shows who asks.
    pub(crate) fn open(
        address: &str,
        login: &Login<'_>,
        salted: &mut Option<Salted>,
    ) -> Result<Self, Error> {
        let (host, port) = host_and_port(address)?;
        let mut connection = Connection::open(host, port)?;
        if let Some(profile) = login.tls {
            connection.write(&tls_request())?;
            match connection.read_exact(1)?[..] {
                [b'S'] => connection.start_tls(profile, None)?,
                _ => {
                    let text = "the server does not speak TLS";
                    return Err(Error::Config(text.to_owned()));
                }
            }
        }
        connection.write(&startup(login.user, login.database))?;
        let mut session = Self {
            connection,
            version: String::new(),
        };
        session.authenticate(login, salted)?;
        session.settle()?;
        Ok(session)
    }

    fn authenticate(
        &mut self,
        login: &Login<'_>,
        salted: &mut Option<Salted>,
    ) -> Result<(), Error> {
        loop {
            let request = self.expect(b'R')?;
            match request.kind {
                0 => return Ok(()),
                3 => self.write(&text_message(b'p', login.password))?,
                5 => {
                    let hashed = md5_password(login, &request.rest);
                    self.write(&text_message(b'p', &hashed))?;
                }
                10 => self.scram(&request.rest, login, salted)?,
                other => {
                    let text = format!("the server asks for authentication of kind {other}");
                    return Err(Error::Protocol(text));
                }
            }
        }
    }

    fn scram(
        &mut self,
        mechanisms: &[u8],
        login: &Login<'_>,
        salted: &mut Option<Salted>,
    ) -> Result<(), Error> {
        let mut offered = mechanisms.split(|byte| *byte == 0);
        if !offered.any(|name| name == MECHANISM.as_bytes()) {
            let text = format!("the server does not offer {MECHANISM}");
            return Err(Error::Protocol(text));
        }
        let exchange = Exchange::new(&STANDARD.encode(rand::random::<[u8; NONCE_BYTES]>()));
        let first = exchange.first();
        let mut body = Vec::new();
        push_text(&mut body, MECHANISM);
        let length = u32::try_from(first.len()).unwrap_or(u32::MAX);
        body.extend(length.to_be_bytes());
        body.extend(first.bytes());
        self.write(&message(b'p', &body))?;

        let server_first = self.scram_text(11)?;
        let (answer, expectation) = exchange.answer(&server_first, login.password, salted)?;
        self.write(&message(b'p', answer.as_bytes()))?;
        expectation.check(&self.scram_text(12)?)
    }

    fn scram_text(&mut self, kind: u32) -> Result<String, Error> {
        let request = self.expect(b'R')?;
        match request.kind == kind {
            true => Ok(String::from_utf8_lossy(&request.rest).into_owned()),
            false => Err(Error::Protocol("SCRAM: an answer out of turn".to_owned())),
        }
    }

    /// The next message about authentication.
    fn expect(&mut self, kind: u8) -> Result<Request, Error> {
        let answer = read(&mut self.connection)?;
        if answer.kind != kind {
            return Err(unexpected(answer.kind));
        }
        let mut reader = Reader(&answer.body);
        Ok(Request {
            kind: reader.integer()?,
            rest: reader.0.to_vec(),
        })
    }

    /// Reads what the server tells of itself until it waits for a query.
    fn settle(&mut self) -> Result<(), Error> {
        loop {
            let answer = read(&mut self.connection)?;
            match answer.kind {
                b'Z' => return Ok(()),
                b'S' => {
                    let mut reader = Reader(&answer.body);
                    if reader.text()? == "server_version" {
                        self.version = reader.text()?.to_owned();
                    }
                }
                // The key to cancel with, and notices.
                b'K' | b'N' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Sends one query and reads all that it brings. After an error the session goes on.
    pub(crate) fn query(&mut self, sql: &str) -> Result<Rows, Error> {
        self.write(&text_message(b'Q', sql))?;
        let mut rows = Rows::default();
        let mut fault = None;
        loop {
            let answer = read_any(&mut self.connection)?;
            let mut reader = Reader(&answer.body);
            match answer.kind {
                // The server is ready again after it.
                b'E' => fault = Some(answer.fault()),
                b'Z' => return fault.map_or(Ok(rows), Err),
                b'T' => rows.columns = columns(&mut reader)?,
                b'D' if rows.rows.len() >= ROWS_MAX => {
                    let text = format!("a query brought more than {ROWS_MAX} rows");
                    return Err(Error::Protocol(text));
                }
                b'D' => rows.rows.push(values(&mut reader)?),
                // The end of the command, an empty one, notices and settings.
                b'C' | b'I' | b'N' | b'S' => {}
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Takes leave.
    pub(crate) fn close(mut self) {
        // Whoever does not hear it sees the connection end.
        let _ = self.write(&message(b'X', &[]));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.connection.write(bytes)
    }
}

/// What the server wants to be shown.
struct Request {
    kind: u32,
    rest: Vec<u8>,
}

fn unexpected(kind: u8) -> Error {
    let kind = char::from(kind).escape_default();
    Error::Protocol(format!("a message of type {kind} is out of turn"))
}

fn columns(reader: &mut Reader<'_>) -> Result<Vec<String>, Error> {
    let count = reader.short()?;
    let mut names = Vec::new();
    for _ in 0..count {
        names.push(reader.text()?.to_owned());
        // Table, column, type, its size and modifier, format.
        reader.bytes(18)?;
    }
    Ok(names)
}

fn values(reader: &mut Reader<'_>) -> Result<Vec<Option<String>>, Error> {
    let count = reader.short()?;
    let mut values = Vec::new();
    for _ in 0..count {
        let length = reader.integer()?;
        values.push(match length {
            u32::MAX => None,
            _ => {
                let bytes = reader.bytes(length as usize)?;
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
        });
    }
    Ok(values)
}

/// `md5`, and the hash of the salted hash of password and user.
fn md5_password(login: &Login<'_>, salt: &[u8]) -> String {
    let hash = |parts: [&[u8]; 2]| {
        let digest = Md5::digest(parts.concat());
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let inner = hash([login.password.as_bytes(), login.user.as_bytes()]);
    format!("md5{}", hash([inner.as_bytes(), salt]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_apart_with_nulls() {
        let body = b"\0\x02\0\0\0\x02ab\xff\xff\xff\xff";
        let row = values(&mut Reader(body)).unwrap();
        assert_eq!(row, [Some("ab".to_owned()), None]);
        assert!(values(&mut Reader(b"\0\x01\0\0\0\x09ab")).is_err());
        let head = [b"\0\x01name\0".to_vec(), vec![0; 18]].concat();
        assert_eq!(columns(&mut Reader(&head)).unwrap(), ["name"]);
    }

    #[test]
    fn the_older_way_to_show_a_password() {
        let login = Login {
            user: "bob",
            password: "secret",
            database: "bob",
            tls: None,
        };
        let hashed = md5_password(&login, &[1, 2, 3, 4]);
        assert_eq!(hashed, "md5f21dfe33ff3a9e03dbc3e008251fe5cc");
    }
}
