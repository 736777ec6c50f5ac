//! Answers of HTTP/1.1: their head, and their body in each of its three forms.

use narthex_sdk::Error;
use narthex_sdk::tcp::Connection;

/// The longest head of an answer that is read, in bytes; a longer one fails the probe.
const HEAD_BYTES_MAX: u32 = 64 * 1024;

/// The longest body that is read, in bytes; a longer one fails the probe.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How much of a body is read at once, in bytes.
const READ_BYTES: u32 = 64 * 1024;

/// The longest line before a chunk, in bytes.
const CHUNK_LINE_BYTES_MAX: u32 = 1024;

/// So many answers of class 1xx may come before the answer itself.
const INTERIM_MAX: u32 = 8;

/// The head of an answer.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// `HTTP/1.1`.
    pub(crate) version: String,
    pub(crate) status: u16,
    /// What the header says of the body's length; 0 where there is no body.
    pub(crate) length: Option<u64>,
    headers: Vec<(String, String)>,
}

impl Head {
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.trim_end_matches("\r\n").split("\r\n");
        let mut words = lines.next()?.splitn(3, ' ');
        let version = words.next().filter(|word| word.starts_with("HTTP/1."))?;
        let status = words.next().filter(|word| word.len() == 3)?.parse().ok()?;
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        let mut head = Self {
            version: version.to_owned(),
            status,
            length: None,
            headers: lines.map(header).collect::<Option<_>>()?,
        };
        head.length = match head.header("content-length") {
            _ if head.has_no_body() => Some(0),
            _ if head.is_chunked() => None,
            Some(length) => Some(length.parse().ok()?),
            None => None,
        };
        Some(head)
    }

    /// The values of a header, whose name may stand in any case.
    pub(crate) fn headers<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        let headers = self.headers.iter();
        headers
            .filter(move |(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The first of these values.
    pub(crate) fn header<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        self.headers(name).next()
    }

    /// Whether it is a status that leads elsewhere.
    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    fn is_chunked(&self) -> bool {
        let coding = self.header("transfer-encoding").unwrap_or_default();
        coding.to_ascii_lowercase().ends_with("chunked")
    }

    fn has_no_body(&self) -> bool {
        matches!(self.status, 100..=199 | 204 | 304)
    }
}

/// Reads the head of the answer itself.
pub(crate) fn read_head(connection: &mut Connection) -> Result<Head, Error> {
    for _ in 0..=INTERIM_MAX {
        let bytes = connection.read_until(b"\r\n\r\n", HEAD_BYTES_MAX)?;
        let text = String::from_utf8_lossy(&bytes);
        let head = Head::parse(&text).ok_or_else(|| {
            let line = text.lines().next().unwrap_or_default();
            Error::Protocol(format!(
                "not an answer of HTTP/1.1: it begins with {line:?}"
            ))
        })?;
        if !(100..200).contains(&head.status) {
            return Ok(head);
        }
    }
    Err(Error::Protocol(format!(
        "more than {INTERIM_MAX} answers of class 1xx"
    )))
}

/// Reads the body.
pub(crate) fn read_body(
    connection: &mut Connection,
    head: &Head,
    method: &str,
) -> Result<Vec<u8>, Error> {
    if method == "HEAD" || head.has_no_body() {
        return Ok(Vec::new());
    }
    let mut body = Vec::new();
    if head.is_chunked() {
        read_chunks(connection, &mut body)?;
    } else if let Some(length) = head.length {
        read_exactly(connection, length, &mut body)?;
    } else {
        loop {
            let more = connection.read(READ_BYTES)?;
            if more.is_empty() {
                break;
            }
            check_length((body.len() + more.len()) as u64)?;
            body.extend(more);
        }
    }
    Ok(body)
}

fn check_length(length: u64) -> Result<(), Error> {
    match length <= BODY_BYTES_MAX as u64 {
        true => Ok(()),
        false => Err(Error::Protocol(format!(
            "a body of more than {BODY_BYTES_MAX} bytes"
        ))),
    }
}

fn read_exactly(
    connection: &mut Connection,
    mut length: u64,
    body: &mut Vec<u8>,
) -> Result<(), Error> {
    check_length((body.len() as u64).saturating_add(length))?;
    while length > 0 {
        let count = u32::try_from(length).unwrap_or(READ_BYTES).min(READ_BYTES);
        body.extend(connection.read_exact(count)?);
        length -= u64::from(count);
    }
    Ok(())
}

fn read_chunks(connection: &mut Connection, body: &mut Vec<u8>) -> Result<(), Error> {
    loop {
        let line = connection.read_until(b"\r\n", CHUNK_LINE_BYTES_MAX)?;
        let line = String::from_utf8_lossy(&line);
        let length = line.split(';').next().unwrap_or_default().trim();
        let length = u64::from_str_radix(length, 16)
            .map_err(|_| Error::Protocol(format!("not the length of a chunk: {line:?}")))?;
        if length == 0 {
            // Trailers are of no interest; the connection ends here.
            return Ok(());
        }
        read_exactly(connection, length, body)?;
        if connection.read_exact(2)? != b"\r\n" {
            return Err(Error::Protocol("a chunk without its end".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;

    use super::*;

    fn read(method: &str, bytes: &str) -> Result<(Head, Vec<u8>), Error> {
        Host::new().dialogue("web:80", bytes).install();
        let mut connection = Connection::open("web", 80)?;
        let head = read_head(&mut connection)?;
        let body = read_body(&mut connection, &head, method)?;
        Ok((head, body))
    }

    #[test]
    fn bodies_of_every_form() {
        for (method, bytes, length, body) in [
            (
                "GET",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc",
                Some(2),
                "ab",
            ),
            ("GET", "HTTP/1.0 200 OK\r\n\r\nabc", None, "abc"),
            (
                "GET",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
                None,
                "abc",
            ),
            (
                "HEAD",
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                Some(7),
                "",
            ),
            ("GET", "HTTP/1.1 204 No Content\r\n\r\n", Some(0), ""),
            (
                "GET",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n",
                Some(0),
                "",
            ),
        ] {
            let (head, found) = read(method, bytes).unwrap();
            assert_eq!(head.length, length, "{bytes:?}");
            assert_eq!(String::from_utf8(found).unwrap(), body, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(20);
        for bytes in [
            "SSH-2.0-OpenSSH\r\n\r\n",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 2000 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno header\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            &many,
        ] {
            let error = read("GET", bytes).unwrap_err();
            assert!(matches!(error, Error::Protocol(_)), "{bytes:?}: {error:?}");
        }
    }

    #[test]
    fn headers_may_stand_in_any_case_and_more_than_once() {
        let (head, _) = read(
            "GET",
            "HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n\r\n",
        )
        .unwrap();
        let values: Vec<&str> = head.headers("Set-Cookie").collect();
        assert_eq!(values, ["a=1", "b=2"]);
    }
}
