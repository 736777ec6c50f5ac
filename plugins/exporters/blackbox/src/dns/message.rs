//! Messages of DNS: a query, and an answer with its records as text.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use narthex_sdk::Error;

/// The longest name, in bytes of the message.
const NAME_BYTES_MAX: usize = 255;

/// The longest label of a name, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// So many pointers are followed within one name.
const POINTERS_MAX: usize = 64;

const TYPES: [(&str, u16); 18] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("OPT", 41),
    ("DS", 43),
    ("DNSKEY", 48),
    ("TLSA", 52),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", 255),
    ("CAA", 257),
];

const CLASSES: [(&str, u16); 4] = [("IN", 1), ("CH", 3), ("HS", 4), ("ANY", 255)];

const RCODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
    "NXRRSET", "NOTAUTH", "NOTZONE",
];

/// The number of a type, which may also stand as `TYPE65`.
pub(crate) fn number_of_type(name: &str) -> Option<u16> {
    number_of(&TYPES, name, "TYPE")
}

/// The number of a class, which may also stand as `CLASS1`.
pub(crate) fn number_of_class(name: &str) -> Option<u16> {
    number_of(&CLASSES, name, "CLASS")
}

/// The number of a response code.
pub(crate) fn number_of_rcode(name: &str) -> Option<u8> {
    let at = RCODES.iter().position(|rcode| *rcode == name)?;
    u8::try_from(at).ok()
}

fn number_of(table: &[(&str, u16)], name: &str, prefix: &str) -> Option<u16> {
    let known = table.iter().find(|(known, _)| *known == name);
    match known {
        Some((_, number)) => Some(*number),
        None => name.strip_prefix(prefix)?.parse().ok(),
    }
}

fn name_of(table: &[(&str, u16)], number: u16, prefix: &str) -> String {
    let known = table.iter().find(|(_, known)| *known == number);
    known.map_or_else(
        || format!("{prefix}{number}"),
        |(name, _)| (*name).to_owned(),
    )
}

/// A query.
#[derive(Debug)]
pub(crate) struct Query {
    /// The message.
    pub(crate) bytes: Vec<u8>,
}

/// An answer. Its records stand as text, fields apart by tabs, as in a zone file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) rcode: u8,
    pub(crate) answers: Vec<String>,
    pub(crate) authorities: Vec<String>,
    pub(crate) additionals: Vec<String>,
    /// Of the last SOA among the answers.
    pub(crate) serial: Option<u32>,
}

/// The bytes of a message's header.
const HEADER_BYTES: usize = 12;

impl Query {
    /// Writes one. None: that is no name.
    pub(crate) fn new(id: u16, name: &str, kind: u16, class: u16, recursion: bool) -> Option<Self> {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([u8::from(recursion), 0, 0, 1, 0, 0, 0, 0, 0, 0]);
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
        bytes.extend(kind.to_be_bytes());
        bytes.extend(class.to_be_bytes());
        Some(Self { bytes })
    }

    /// Reads the answer to it. None: it answers something else.
    ///
    /// # Errors
    /// It is no message.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Result<Option<Answer>, Error> {
        let is_answer = bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
        if bytes.get(..2) != self.bytes.get(..2) || !is_answer {
            return Ok(None);
        }
        let answer = self.read(bytes);
        answer.ok_or_else(|| Error::Protocol("an answer that is no message of DNS".to_owned()))
    }

    fn read(&self, bytes: &[u8]) -> Option<Option<Answer>> {
        let mut reader = Reader { bytes, at: 3 };
        let rcode = reader.byte()? & 0xf;
        let counts = [
            reader.short()?,
            reader.short()?,
            reader.short()?,
            reader.short()?,
        ];
        // A server that cannot read the question does not repeat it.
        if counts[0] == 1 {
            let question = self.bytes.get(HEADER_BYTES..)?;
            let same = bytes.get(HEADER_BYTES..HEADER_BYTES + question.len())?;
            if !same.eq_ignore_ascii_case(question) {
                return Some(None);
            }
            reader.at += question.len();
        } else if counts[0] != 0 {
            return None;
        }
        let mut answer = Answer {
            rcode,
            ..Answer::default()
        };
        for _ in 0..counts[1] {
            let (text, serial) = reader.record()?;
            answer.answers.push(text);
            answer.serial = serial.or(answer.serial);
        }
        for (count, records) in [
            (counts[2], &mut answer.authorities),
            (counts[3], &mut answer.additionals),
        ] {
            for _ in 0..count {
                records.push(reader.record()?.0);
            }
        }
        Some(Some(answer))
    }
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
        self.take(1).map(|bytes| bytes[0])
    }

    fn short(&mut self) -> Option<u16> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn long(&mut self) -> Option<u32> {
        Some(u32::from(self.short()?) << 16 | u32::from(self.short()?))
    }

    /// A name with its last dot.
    fn name(&mut self) -> Option<String> {
        let (mut text, mut at, mut end) = (String::new(), self.at, None);
        let mut pointers = 0;
        loop {
            let length = *self.bytes.get(at)?;
            match length {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    if text.is_empty() {
                        text.push('.');
                    }
                    return Some(text);
                }
                0xc0.. => {
                    pointers += 1;
                    if pointers > POINTERS_MAX {
                        return None;
                    }
                    end.get_or_insert(at + 2);
                    at = usize::from(length & 0x3f) << 8 | usize::from(*self.bytes.get(at + 1)?);
                }
                1..=63 => {
                    let label = self.bytes.get(at + 1..at + 1 + usize::from(length))?;
                    for byte in label {
                        match byte {
                            b'.' | b'\\' | b'"' => {
                                text.push('\\');
                                text.push(char::from(*byte));
                            }
                            0x21..=0x7e => text.push(char::from(*byte)),
                            other => write!(text, "\\{other:03}").ok()?,
                        }
                    }
                    text.push('.');
                    at += 1 + usize::from(length);
                    // Escapes make a text longer, at most four times.
                    if text.len() > 4 * NAME_BYTES_MAX {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    /// A record as text, and the serial number of a SOA.
    fn record(&mut self) -> Option<(String, Option<u32>)> {
        let name = self.name()?;
        let (kind, class) = (self.short()?, self.short()?);
        let (ttl, length) = (self.long()?, self.short()?);
        let end = self.at.checked_add(usize::from(length))?;
        let data = self.bytes.get(self.at..end)?;
        let (text, serial) = self.data(kind, data)?;
        self.at = end;
        let kind = name_of(&TYPES, kind, "TYPE");
        let class = name_of(&CLASSES, class, "CLASS");
        Some((format!("{name}\t{ttl}\t{class}\t{kind}\t{text}"), serial))
    }

    fn data(&mut self, kind: u16, data: &[u8]) -> Option<(String, Option<u32>)> {
        let mut serial = None;
        let text = match kind {
            1 => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
            28 => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
            2 | 5 | 12 => self.name()?,
            6 => {
                let (primary, mailbox) = (self.name()?, self.name()?);
                let number = serial.insert(self.long()?);
                let mut text = format!("{primary} {mailbox} {number}");
                for _ in 0..4 {
                    write!(text, " {}", self.long()?).ok()?;
                }
                text
            }
            15 => format!("{} {}", self.short()?, self.name()?),
            16 => texts(data)?,
            33 => {
                let numbers = [self.short()?, self.short()?, self.short()?];
                let [priority, weight, port] = numbers;
                format!("{priority} {weight} {port} {}", self.name()?)
            }
            257 => {
                let (flags, rest) = data.split_first()?;
                let (length, rest) = rest.split_first()?;
                let (tag, value) = rest.split_at_checked(usize::from(*length))?;
                let tag = String::from_utf8_lossy(tag);
                format!("{flags} {tag} {:?}", String::from_utf8_lossy(value))
            }
            // As RFC 3597 writes what is not known.
            _ => {
                let mut text = format!("\\# {} ", data.len());
                for byte in data {
                    write!(text, "{byte:02X}").ok()?;
                }
                text
            }
        };
        Some((text, serial))
    }
}

/// Texts with a length each, in quotes.
fn texts(mut data: &[u8]) -> Option<String> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        texts.push(format!("{:?}", String::from_utf8_lossy(text)));
        data = rest;
    }
    Some(texts.join(" "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The answer to a query: counts, and records.
    pub(crate) fn answer(query: &[u8], rcode: u8, counts: [u8; 3], records: &[u8]) -> Vec<u8> {
        let mut bytes = query.to_vec();
        bytes[2] |= 0x80;
        bytes[3] = rcode;
        for (place, count) in [7, 9, 11].into_iter().zip(counts) {
            bytes[place] = count;
        }
        bytes.extend(records);
        bytes
    }

    /// A record whose name is that of the question.
    pub(crate) fn record(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).unwrap();
        let head = [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length];
        [&head[..], data].concat()
    }

    fn query() -> Query {
        Query::new(7, "a.example", 255, 1, true).unwrap()
    }

    #[test]
    fn records_become_the_texts_of_a_zone() {
        let query = query();
        let soa = [
            &[0xc0, 12, 1, b'm', 0xc0, 12][..],
            &[0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4],
        ]
        .concat();
        for (kind, data, text) in [
            (1, &[10, 1, 2, 3][..], "A\t10.1.2.3"),
            (5, &[1, b'b', 0xc0, 14], "CNAME\tb.example."),
            (6, &soa, "SOA\ta.example. m.a.example. 9 1 2 3 4"),
            (15, &[0, 5, 0xc0, 12], "MX\t5 a.example."),
            (16, &[1, b'x', 2, b'y', b'"'], "TXT\t\"x\" \"y\\\"\""),
            (33, &[0, 1, 0, 2, 0, 80, 0], "SRV\t1 2 80 ."),
            (99, &[0xab], "TYPE99\t\\# 1 AB"),
        ] {
            let bytes = answer(&query.bytes, 0, [1, 0, 0], &record(kind, data));
            let found = query.answer(&bytes).unwrap().unwrap();
            let expected = format!("a.example.\t60\tIN\t{text}");
            assert_eq!(found.answers, [expected], "{kind}");
            assert_eq!(found.serial, (kind == 6).then_some(9));
        }
    }

    #[test]
    fn answers_to_other_questions_are_told_apart() {
        let query = query();
        let other = Query::new(8, "a.example", 255, 1, true).unwrap();
        assert_eq!(
            query.answer(&answer(&other.bytes, 0, [0; 3], &[])).unwrap(),
            None
        );
        let other = Query::new(7, "b.example", 255, 1, true).unwrap();
        assert_eq!(
            query.answer(&answer(&other.bytes, 0, [0; 3], &[])).unwrap(),
            None
        );
        // The query itself is no answer.
        assert_eq!(query.answer(&query.bytes).unwrap(), None);
    }

    #[test]
    fn what_is_no_message_is_an_error_and_no_panic() {
        let query = query();
        // A name that points at itself.
        let looped = [0xc0, 27, 0, 1, 0, 1, 0, 0, 0, 60, 0, 0];
        let bytes = answer(&query.bytes, 0, [1, 0, 0], &looped);
        assert!(query.answer(&bytes).is_err());
        let whole = answer(&query.bytes, 0, [1, 0, 0], &record(1, &[10, 1, 2, 3]));
        for length in 3..whole.len() {
            assert!(query.answer(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn names_of_types_and_what_is_no_name() {
        assert_eq!(number_of_type("AAAA"), Some(28));
        assert_eq!(number_of_type("TYPE65"), Some(65));
        assert_eq!(number_of_type("aaaa"), None);
        assert_eq!(number_of_rcode("NXDOMAIN"), Some(3));
        for name in ["a..b", &"a".repeat(64), &"abcdefg.".repeat(40)] {
            assert!(Query::new(1, name, 1, 1, true).is_none(), "{name}");
        }
        assert!(Query::new(1, ".", 2, 1, true).is_some());
    }
}
