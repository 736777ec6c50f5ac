//! Finds requests over HTTP/1 and their answers in what was said on a connection.

use crate::record::proxy::Said;

/// Headers of an answer that are about one connection, or that the player writes itself.
const HEADERS_LEFT_OUT: [&str; 6] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "server",
    "transfer-encoding",
];

/// Methods by which a conversation is known to be HTTP.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    /// `GET /path?query`
    pub(super) request: String,
    pub(super) body: Vec<u8>,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) response: Vec<u8>,
}

/// Whether a connection speaks HTTP: the plugin begins with a request.
pub(super) fn is_http(transcript: &[Said]) -> bool {
    let first = transcript.first().filter(|said| said.by_plugin);
    first.is_some_and(|said| {
        METHODS.iter().any(|method| {
            let rest = said.bytes.strip_prefix(method.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b" /"))
        })
    })
}

/// The requests of a connection and their answers.
///
/// # Errors
/// One of them is not to be read, or has no answer.
pub(super) fn split(transcript: &[Said]) -> Result<Vec<Recorded>, String> {
    let side = |by_plugin: bool| {
        let said = transcript.iter().filter(|said| said.by_plugin == by_plugin);
        said.flat_map(|said| said.bytes.iter().copied())
            .collect::<Vec<u8>>()
    };
    let (asked, answered) = (side(true), side(false));
    let (mut requests, mut answers) = (Reader(&asked), Reader(&answered));
    let mut recorded = Vec::new();
    while !requests.0.is_empty() {
        let request = requests.message(false, true)?;
        let is_head = request.start.starts_with("HEAD ");
        let answer = loop {
            let answer = answers.message(true, !is_head)?;
            // Such as 100 Continue: the answer is still to come.
            if !(100..200).contains(&status(&answer.start)?) {
                break answer;
            }
        };
        let target = request
            .start
            .rsplit_once(' ')
            .map_or("", |(target, _)| target);
        let is_kept = |(name, _): &(String, String)| !HEADERS_LEFT_OUT.contains(&name.as_str());
        recorded.push(Recorded {
            request: target.to_owned(),
            body: request.body,
            status: status(&answer.start)?,
            headers: answer.headers.into_iter().filter(is_kept).collect(),
            response: answer.body,
        });
    }
    Ok(recorded)
}

fn status(line: &str) -> Result<u16, String> {
    let word = line.split(' ').nth(1);
    let status = word.and_then(|word| word.parse().ok());
    status.ok_or_else(|| format!("{line:?} is not the first line of an answer"))
}

/// A request or an answer.
struct Message {
    start: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What is left to read of one side.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn message(&mut self, is_answer: bool, has_body: bool) -> Result<Message, String> {
        let what = if is_answer { "an answer" } else { "a request" };
        let cut = || format!("{what} over HTTP breaks off");
        let end = find(self.0, b"\r\n\r\n").ok_or_else(cut)?;
        let head = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(4)?;
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or("").to_owned();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let header = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, v)| v);
        let is_empty = !has_body || (is_answer && matches!(status(&start)?, 100..=199 | 204 | 304));
        let body = if is_empty {
            Vec::new()
        } else if header("transfer-encoding").is_some_and(|how| how.contains("chunked")) {
            self.chunks().ok_or_else(cut)?
        } else if let Some(length) = header("content-length") {
            let length = length.parse().map_err(|_| cut())?;
            self.take(length)?.to_vec()
        } else if is_answer {
            // It ends with the connection.
            std::mem::take(&mut self.0).to_vec()
        } else {
            Vec::new()
        };
        Ok(Message {
            start,
            headers,
            body,
        })
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let cut = || "a message over HTTP breaks off".to_owned();
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = find(self.0, b"\r\n")?;
            let line = std::str::from_utf8(self.take(end).ok()?).ok()?;
            let digits = line.split(';').next()?.trim();
            let length = usize::from_str_radix(digits, 16).ok()?;
            self.take(2).ok()?;
            body.extend_from_slice(self.take(length).ok()?);
            if length == 0 {
                // Trailers end with an empty line, as the chunk does.
                while find(self.0, b"\r\n")? != 0 {
                    let trailer = find(self.0, b"\r\n")?;
                    self.take(trailer + 2).ok()?;
                }
                self.take(2).ok()?;
                return Some(body);
            }
            self.take(2).ok()?;
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(by_plugin: bool, text: &str) -> Said {
        Said {
            by_plugin,
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn requests_are_paired_with_their_answers() {
        let transcript = [
            said(true, "GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
            said(
                false,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Len",
            ),
            said(false, "gth: 3\r\nDate: today\r\n\r\nabc"),
            said(true, "POST /c HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi"),
            said(false, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n"),
            said(
                false,
                "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nno\r\n1\r\n!\r\n0\r\n\r\n",
            ),
            said(true, "HEAD /d HTTP/1.1\r\n\r\n"),
            said(false, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
            said(true, "GET /e HTTP/1.0\r\n\r\n"),
            said(false, "HTTP/1.0 200 OK\r\n\r\nto the end"),
        ];
        assert!(is_http(&transcript));
        let recorded = split(&transcript).unwrap();
        let short: Vec<(&str, &[u8], u16, &[u8])> = recorded
            .iter()
            .map(|r| (r.request.as_str(), &r.body[..], r.status, &r.response[..]))
            .collect();
        assert_eq!(
            short,
            [
                ("GET /a?b=1", &b""[..], 200, &b"abc"[..]),
                ("POST /c", b"hi", 404, b"no!"),
                ("HEAD /d", b"", 200, b""),
                ("GET /e", b"", 200, b"to the end"),
            ]
        );
        let kept = [("content-type".to_owned(), "text/plain".to_owned())];
        assert_eq!(recorded[0].headers, kept);
    }

    #[test]
    fn what_breaks_off_is_an_error_and_other_protocols_are_none() {
        let request = said(true, "GET / HTTP/1.1\r\n\r\n");
        for answer in [
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx",
        ] {
            let error = split(&[request.clone(), said(false, answer)]).unwrap_err();
            assert!(error.contains("breaks off"), "{error}");
        }
        assert!(!is_http(&[said(true, "PING\r\n")]));
        assert!(!is_http(&[said(false, "220 mail\r\n")]));
        assert!(!is_http(&[said(true, "GET key\r\n")]));
        assert!(!is_http(&[]));
    }
}
