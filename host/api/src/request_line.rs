//! The lines that requests begin with, made ones that the server below us takes: a URL may have quotes
//! and angle brackets as they are, since Go's server takes them, and a query that somebody types behind
//! an address has them. They are escaped as they come.
//!
//! It is not: a parser of requests. It knows where a head ends, and whether a body follows; from the
//! first body of a connection on everything goes by as it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The headers after which something else than the next request comes.
const BEFORE_OTHERS: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"upgrade"];

/// So many bytes of a header's name tell whether it is one of those: one more than the longest has.
const NAME_BYTES_MAX: usize = 18;

/// A connection whose requests begin with lines that can be read.
#[derive(Debug)]
pub(crate) struct RequestLines<S> {
    connection: S,
    lines: Lines,
    /// What was read and not yet handed on: at most three times what one read brought.
    escaped: Vec<u8>,
}

impl<S> RequestLines<S> {
    /// Of a connection; where `is_http2`, there are no such lines.
    pub(crate) fn new(connection: S, is_http2: bool) -> Self {
        Self {
            connection,
            lines: Lines {
                place: match is_http2 {
                    true => Place::Beyond,
                    false => Place::Line,
                },
                ..Lines::default()
            },
            escaped: Vec::new(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for RequestLines<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.escaped.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(&mut this.connection).poll_read(context, buffer))?;
            match this.lines.escape(&buffer.filled()[before..]) {
                None => return Poll::Ready(Ok(())),
                Some(escaped) => this.escaped = escaped,
            }
            buffer.set_filled(before);
        }
        let length = this.escaped.len().min(buffer.remaining());
        buffer.put_slice(&this.escaped[..length]);
        this.escaped.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for RequestLines<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().connection).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().connection).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().connection).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }
}

/// Where in a connection a byte stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// In the first line of a request.
    #[default]
    Line,
    /// In its headers.
    Headers,
    /// Behind a head with which a body comes, or another protocol.
    Beyond,
}

/// What is known of a connection up to some byte.
#[derive(Debug, Default)]
struct Lines {
    place: Place,
    /// Whether the method has ended.
    is_target: bool,
    /// How many bytes the line has, its end aside.
    length: usize,
    /// The name of the header, in small letters, as far as it tells something.
    name: Vec<u8>,
    /// Whether the name has ended.
    is_value: bool,
    /// Whether something else than the next request comes behind this head.
    is_last: bool,
}

impl Lines {
    /// What bytes become; none where they stay as they are.
    fn escape(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut escaped: Option<Vec<u8>> = None;
        let mut copied = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if self.place == Place::Beyond {
                break;
            }
            if let Some(escape) = self.step(*byte) {
                let escaped = escaped.get_or_insert_default();
                escaped.extend_from_slice(&bytes[copied..at]);
                escaped.extend_from_slice(escape);
                copied = at + 1;
            }
        }
        if let Some(escaped) = &mut escaped {
            escaped.extend_from_slice(&bytes[copied..]);
        }
        escaped
    }

    /// Takes the next byte, and says what stands for it where it cannot stand there.
    fn step(&mut self, byte: u8) -> Option<&'static [u8]> {
        match byte {
            b'\n' => {
                self.end_line();
                return None;
            }
            // What ends a line is no part of it.
            b'\r' => return None,
            _ => self.length += 1,
        }
        if self.place == Place::Headers {
            self.add_to_name(byte);
            return None;
        }
        match byte {
            b' ' => self.is_target = true,
            b'"' if self.is_target => return Some(b"%22"),
            b'<' if self.is_target => return Some(b"%3C"),
            b'>' if self.is_target => return Some(b"%3E"),
            _ => {}
        }
        None
    }

    fn add_to_name(&mut self, byte: u8) {
        self.is_value |= byte == b':';
        if !self.is_value && self.name.len() < NAME_BYTES_MAX {
            self.name.push(byte.to_ascii_lowercase());
        }
    }

    fn end_line(&mut self) {
        let is_empty = self.length == 0;
        self.place = match self.place {
            // Empty lines may come before a request.
            Place::Line if is_empty => Place::Line,
            Place::Line => Place::Headers,
            _ if !is_empty => {
                self.is_last |= BEFORE_OTHERS.contains(&self.name.as_slice());
                Place::Headers
            }
            _ if self.is_last => Place::Beyond,
            _ => Place::Line,
        };
        self.length = 0;
        self.is_target = false;
        self.name.clear();
        self.is_value = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reads of so many bytes make of a connection.
    fn escaped(bytes: &[u8], read: usize) -> String {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(read) {
            match lines.escape(piece) {
                Some(escaped) => out.extend(escaped),
                None => out.extend_from_slice(piece),
            }
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_requests_are_escaped_and_nothing_else_is() {
        for (from, to) in [
            (
                "GET /?q=up{a=\"b\"} HTTP/1.1\r\nHost: \"x\"\r\n\r\n",
                "GET /?q=up{a=%22b%22} HTTP/1.1\r\nHost: \"x\"\r\n\r\n",
            ),
            // The next request of the connection, behind an empty line.
            (
                "GET /?q=1<2 HTTP/1.1\r\nA: <b>\r\n\r\n\r\nGET /?q=2>1 HTTP/1.1\n\n",
                "GET /?q=1%3C2 HTTP/1.1\r\nA: <b>\r\n\r\n\r\nGET /?q=2%3E1 HTTP/1.1\n\n",
            ),
            // A body is nobody's line, whatever it looks like.
            (
                "POST /?q=\" HTTP/1.1\r\nCONTENT-length: 9\r\n\r\nGET /\"<>\nGET /\" \r\n",
                "POST /?q=%22 HTTP/1.1\r\nCONTENT-length: 9\r\n\r\nGET /\"<>\nGET /\" \r\n",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n \" \r\n0\r\n\r\n",
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n \" \r\n0\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\na \"\n",
                "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\na \"\n",
            ),
            // A name that only begins so is another header.
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding-Of: x\r\n\r\nGET /\" HTTP/1.1\r\n",
                "GET / HTTP/1.1\r\nTransfer-Encoding-Of: x\r\n\r\nGET /%22 HTTP/1.1\r\n",
            ),
            // No method has such a name, and it is said to be none.
            ("G\"T / HTTP/1.1\r\n\r\n", "G\"T / HTTP/1.1\r\n\r\n"),
        ] {
            for read in [1, 2, 7, from.len()] {
                assert_eq!(escaped(from.as_bytes(), read), to, "reads of {read}");
            }
        }
    }

    #[test]
    fn what_needs_nothing_is_not_copied() {
        let mut lines = Lines::default();
        assert_eq!(lines.escape(b"GET /?q=up HTTP/1.1\r\nHost: x\r\n"), None);
        assert_eq!(lines.escape(b""), None);
    }
}
