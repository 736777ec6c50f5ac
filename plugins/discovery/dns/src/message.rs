//! Messages of DNS (RFC 1035): a query, and the records of its answer that lead to targets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use narthex_sdk::Error;

/// The longest name, in bytes of the message.
const NAME_BYTES_MAX: usize = 255;

/// The longest label of a name, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// So many pointers are followed within one name; with more it is no message.
const POINTERS_MAX: usize = 64;

/// The bytes of a message's header.
const HEADER_BYTES: usize = 12;

/// How long an answer may be over UDP, which the server is told (RFC 6891).
pub(crate) const DATAGRAM_BYTES: u16 = 4096;

/// What is asked for, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    A = 1,
    Ns = 2,
    Mx = 15,
    Aaaa = 28,
    Srv = 33,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Data {
    Address(IpAddr),
    /// With its last dot, as the other names.
    Service {
        host: String,
        port: u16,
    },
    Mail(String),
    Server(String),
    /// A CNAME on the way to the others, for instance.
    Other,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rcode: u8,
    /// There is more, and TCP has it.
    pub(crate) is_truncated: bool,
    pub(crate) records: Vec<Data>,
}

impl Kind {
    /// By its name, whatever its case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name.to_ascii_uppercase().as_str() {
            "A" => Some(Self::A),
            "AAAA" => Some(Self::Aaaa),
            "MX" => Some(Self::Mx),
            "NS" => Some(Self::Ns),
            "SRV" => Some(Self::Srv),
            _ => None,
        }
    }
}

/// Writes a query. None: that is no name.
pub(crate) fn query(id: u16, name: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // A query that wants recursion, with one question and one additional record.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
    let name = name.strip_suffix('.').unwrap_or(name);
    for label in name.split('.').filter(|_| !name.is_empty()) {
        let length = u8::try_from(label.len()).ok()?;
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return None;
        }
        bytes.push(length);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    if bytes.len() > HEADER_BYTES + NAME_BYTES_MAX {
        return None;
    }
    bytes.extend((kind as u16).to_be_bytes());
    bytes.extend([0, 1]);
    // OPT: the root's name, the type, and how long an answer may be.
    bytes.extend([0, 0, 41]);
    bytes.extend(DATAGRAM_BYTES.to_be_bytes());
    bytes.extend([0; 6]);
    Some(bytes)
}

/// Reads the answer to a query. None: it answers something else.
///
/// # Errors
/// It is no message.
pub(crate) fn answer(query: &[u8], bytes: &[u8]) -> Result<Option<Answer>, Error> {
    let is_answer = bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
    if bytes.get(..2) != query.get(..2) || !is_answer {
        return Ok(None);
    }
    let answer = read(query, bytes);
    answer.ok_or_else(|| Error::Protocol("an answer that is no message of DNS".to_owned()))
}

fn read(query: &[u8], bytes: &[u8]) -> Option<Option<Answer>> {
    let mut reader = Reader { bytes, at: 2 };
    let is_truncated = reader.byte()? & 2 != 0;
    let rcode = reader.byte()? & 0xf;
    let (questions, answers) = (reader.short()?, reader.short()?);
    reader.at = HEADER_BYTES;
    // A server that cannot read the question does not repeat it.
    for _ in 0..questions {
        let start = reader.at;
        reader.name()?;
        reader.take(4)?;
        let question = bytes.get(start..reader.at)?;
        let asked = query.get(HEADER_BYTES..HEADER_BYTES + question.len())?;
        if !question.eq_ignore_ascii_case(asked) {
            return Some(None);
        }
    }
    let mut records = Vec::new();
    // What is cut off may be cut off within a record.
    for _ in 0..if is_truncated { 0 } else { answers } {
        records.push(reader.record()?);
    }
    Some(Some(Answer {
        rcode,
        is_truncated,
        records,
    }))
}

/// A message, and how far it is read. Names point back into it.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn short(&mut self) -> Option<u16> {
        let bytes = <[u8; 2]>::try_from(self.take(2)?).ok()?;
        Some(u16::from_be_bytes(bytes))
    }

    /// A name with its last dot.
    fn name(&mut self) -> Option<String> {
        let (mut text, mut at, mut end, mut pointers) = (Vec::new(), self.at, None, 0);
        loop {
            match *self.bytes.get(at)? {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    if text.is_empty() {
                        text.push(b'.');
                    }
                    return Some(String::from_utf8_lossy(&text).into_owned());
                }
                length @ 0xc0.. => {
                    pointers += 1;
                    if pointers > POINTERS_MAX {
                        return None;
                    }
                    end.get_or_insert(at + 2);
                    at = usize::from(length & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                }
                length @ 1..=63 => {
                    let next = at + 1 + usize::from(length);
                    text.extend(self.bytes.get(at + 1..next)?);
                    text.push(b'.');
                    at = next;
                    if text.len() > NAME_BYTES_MAX {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    fn record(&mut self) -> Option<Data> {
        self.name()?;
        let (kind, class) = (self.short()?, self.short()?);
        self.take(4)?;
        let length = self.short()?;
        let end = self.at.checked_add(usize::from(length))?;
        let data = self.bytes.get(self.at..end)?;
        let read = match (class, kind) {
            (1, 1) => Data::Address(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            (1, 28) => Data::Address(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            (1, 2) => Data::Server(self.name()?),
            (1, 15) => {
                self.short()?;
                Data::Mail(self.name()?)
            }
            (1, 33) => {
                self.take(4)?;
                let port = self.short()?;
                let host = self.name()?;
                Data::Service { host, port }
            }
            _ => Data::Other,
        };
        self.at = end;
        Some(read)
    }
}
