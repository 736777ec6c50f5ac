//! The records of an answer as text, and the names of types, classes and response codes.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use narthex_sdk::Error;
use narthex_sdk::dns::{Query, Record};

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

/// Reads the answer to a query. None: it answers something else.
///
/// # Errors
/// It is no message.
pub(crate) fn answer(query: &Query, bytes: &[u8]) -> Result<Option<Answer>, Error> {
    let Some(read) = query.answer(bytes)? else {
        return Ok(None);
    };
    let mut answer = Answer {
        rcode: read.rcode,
        ..Answer::default()
    };
    for record in &read.answers {
        let (text, serial) = text(record)?;
        answer.answers.push(text);
        answer.serial = serial.or(answer.serial);
    }
    for (records, texts) in [
        (&read.authorities, &mut answer.authorities),
        (&read.additionals, &mut answer.additionals),
    ] {
        for record in records {
            texts.push(text(record)?.0);
        }
    }
    Ok(Some(answer))
}

/// A record as text, and the serial number of a SOA.
fn text(record: &Record<'_>) -> Result<(String, Option<u32>), Error> {
    let read = data(record);
    let (text, serial) = read.ok_or_else(|| {
        let text = "a record that is shorter than its type demands";
        Error::Protocol(text.to_owned())
    })?;
    let kind = name_of(&TYPES, record.kind, "TYPE");
    let class = name_of(&CLASSES, record.class, "CLASS");
    let (name, ttl) = (&record.name, record.ttl);
    Ok((format!("{name}\t{ttl}\t{class}\t{kind}\t{text}"), serial))
}

fn data(record: &Record<'_>) -> Option<(String, Option<u32>)> {
    let (data, mut fields) = (record.data, record.fields());
    let mut serial = None;
    let text = match record.kind {
        1 => Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string(),
        28 => Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string(),
        2 | 5 | 12 => fields.name()?,
        6 => {
            let (primary, mailbox) = (fields.name()?, fields.name()?);
            let number = serial.insert(fields.long()?);
            let mut text = format!("{primary} {mailbox} {number}");
            for _ in 0..4 {
                write!(text, " {}", fields.long()?).ok()?;
            }
            text
        }
        15 => format!("{} {}", fields.short()?, fields.name()?),
        16 => texts(data)?,
        33 => {
            let numbers = [fields.short()?, fields.short()?, fields.short()?];
            let [priority, weight, port] = numbers;
            format!("{priority} {weight} {port} {}", fields.name()?)
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
    pub(crate) fn answered(query: &[u8], rcode: u8, counts: [u8; 3], records: &[u8]) -> Vec<u8> {
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
        Query::new(7, "a.example", 255, 1).unwrap()
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
            let bytes = answered(query.bytes(), 0, [1, 0, 0], &record(kind, data));
            let found = answer(&query, &bytes).unwrap().unwrap();
            let expected = format!("a.example.\t60\tIN\t{text}");
            assert_eq!(found.answers, [expected], "{kind}");
            assert_eq!(found.serial, (kind == 6).then_some(9));
        }
    }

    #[test]
    fn a_record_that_is_too_short_is_an_error() {
        let query = query();
        for (kind, data) in [(1, &[10, 1][..]), (16, &[9, b'x']), (33, &[0, 1])] {
            let bytes = answered(query.bytes(), 0, [1, 0, 0], &record(kind, data));
            assert!(answer(&query, &bytes).is_err(), "{kind}");
        }
        let other = Query::new(8, "a.example", 255, 1).unwrap();
        let bytes = answered(other.bytes(), 0, [0; 3], &[]);
        assert_eq!(answer(&query, &bytes).unwrap(), None);
    }

    #[test]
    fn types_and_codes_have_names() {
        assert_eq!(number_of_type("AAAA"), Some(28));
        assert_eq!(number_of_type("TYPE65"), Some(65));
        assert_eq!(number_of_type("aaaa"), None);
        assert_eq!(number_of_rcode("NXDOMAIN"), Some(3));
    }
}
