//! Messages of DNS (RFC 1035): a query, and the records of its answer.
//!
//! It is not: a resolver. Who is asked, over what and how often is the plugin's to say;
//! [`names`](crate::names) asks the host's.

use std::fmt::Write;

use crate::Error;

/// The longest name, in bytes of the message.
const NAME_BYTES_MAX: usize = 255;

/// The longest label of a name, in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// So many pointers are followed within one name; with more it is no message.
const POINTERS_MAX: usize = 64;

/// The bytes of a message's header.
const HEADER_BYTES: usize = 12;

/// The class of the Internet.
pub const CLASS_IN: u16 = 1;

/// A query with one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<u8>);

impl Query {
    /// A query for the records of a name, by the numbers of their type and class. None: that is no
    /// name.
    pub fn new(id: u16, name: &str, kind: u16, class: u16) -> Option<Self> {
        let mut bytes = id.to_be_bytes().to_vec();
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
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
        Some(Self(bytes))
    }

    /// Asks the server to ask others where it does not know.
    #[must_use]
    pub fn recursive(mut self) -> Self {
        self.0[2] |= 1;
        self
    }

    /// Tells the server how long an answer may be over UDP (RFC 6891).
    #[must_use]
    pub fn with_datagram_bytes(mut self, bytes: u16) -> Self {
        // One more additional record, OPT: the root's name, the type, and the length.
        self.0[11] += 1;
        self.0.extend([0, 0, 41]);
        self.0.extend(bytes.to_be_bytes());
        self.0.extend([0; 6]);
        self
    }

    /// The message.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads the answer. None: it answers something else.
    ///
    /// # Errors
    /// It is no message.
    pub fn answer<'a>(&self, bytes: &'a [u8]) -> Result<Option<Answer<'a>>, Error> {
        let is_answer = bytes.get(2).is_some_and(|flags| flags & 0x80 != 0);
        if bytes.get(..2) != self.0.get(..2) || !is_answer {
            return Ok(None);
        }
        let answer = self.read(bytes);
        answer.ok_or_else(|| Error::Protocol("an answer that is no message of DNS".to_owned()))
    }

    fn read<'a>(&self, bytes: &'a [u8]) -> Option<Option<Answer<'a>>> {
        let mut reader = Reader { bytes, at: 2 };
        let is_truncated = reader.byte()? & 2 != 0;
        let rcode = reader.byte()? & 0xf;
        let questions = reader.short()?;
        let counts = [reader.short()?, reader.short()?, reader.short()?];
        // A server that cannot read the question does not repeat it.
        for _ in 0..questions {
            let start = reader.at;
            reader.name()?;
            reader.take(4)?;
            let question = bytes.get(start..reader.at)?;
            let asked = self.0.get(HEADER_BYTES..HEADER_BYTES + question.len());
            if !asked.is_some_and(|asked| question.eq_ignore_ascii_case(asked)) {
                return Some(None);
            }
        }
        let mut sections = [Vec::new(), Vec::new(), Vec::new()];
        'sections: for (section, count) in sections.iter_mut().zip(counts) {
            for _ in 0..count {
                match reader.record() {
                    Some(record) => section.push(record),
                    // What is cut off may be cut off within a record.
                    None if is_truncated => break 'sections,
                    None => return None,
                }
            }
        }
        let [answers, authorities, additionals] = sections;
        Some(Some(Answer {
            rcode,
            is_truncated,
            answers,
            authorities,
            additionals,
        }))
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    /// The number of the response code.
    pub rcode: u8,
    /// There is more, and TCP has it.
    pub is_truncated: bool,
    /// What was asked for, and what leads there.
    pub answers: Vec<Record<'a>>,
    /// Who knows.
    pub authorities: Vec<Record<'a>>,
    /// What may be asked next.
    pub additionals: Vec<Record<'a>>,
}

/// A record.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// With its last dot.
    pub name: String,
    /// The number of its type.
    pub kind: u16,
    /// The number of its class.
    pub class: u16,
    /// For so many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: &'a [u8],
    fields: Reader<'a>,
}

impl<'a> Record<'a> {
    /// What it says, to be read field by field.
    pub fn fields(&self) -> Reader<'a> {
        self.fields
    }
}

/// A message, and how far it is read. Names point back into it. Each method gives nothing where the
/// message ends too soon or is none.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
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

    /// A number of two bytes.
    pub fn short(&mut self) -> Option<u16> {
        let bytes = <[u8; 2]>::try_from(self.take(2)?).ok()?;
        Some(u16::from_be_bytes(bytes))
    }

    /// A number of four bytes.
    pub fn long(&mut self) -> Option<u32> {
        Some(u32::from(self.short()?) << 16 | u32::from(self.short()?))
    }

    /// A name with its last dot, its odd bytes escaped as in a zone file.
    pub fn name(&mut self) -> Option<String> {
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
                    let next = at + 1 + usize::from(length);
                    push_label(self.bytes.get(at + 1..next)?, &mut text);
                    at = next;
                    // Escapes make a text longer, at most four times.
                    if text.len() > 4 * NAME_BYTES_MAX {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }

    fn record(&mut self) -> Option<Record<'a>> {
        let name = self.name()?;
        let (kind, class) = (self.short()?, self.short()?);
        let (ttl, length) = (self.long()?, self.short()?);
        let fields = *self;
        let data = self.take(usize::from(length))?;
        Some(Record {
            name,
            kind,
            class,
            ttl,
            data,
            fields,
        })
    }
}

fn push_label(label: &[u8], text: &mut String) {
    for byte in label {
        match byte {
            b'.' | b'\\' | b'"' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            0x21..=0x7e => text.push(char::from(*byte)),
            // Writing to a text does not fail.
            other => drop(write!(text, "\\{other:03}")),
        }
    }
    text.push('.');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> Query {
        Query::new(7, "a.example", 255, CLASS_IN).unwrap()
    }

    /// The answer to a query: the number of records in each section, and the records.
    fn answer(query: &Query, counts: [u8; 3], records: &[u8]) -> Vec<u8> {
        let mut bytes = query.bytes().to_vec();
        bytes[2] |= 0x80;
        for (place, count) in [7, 9, 11].into_iter().zip(counts) {
            bytes[place] = count;
        }
        bytes.extend(records);
        bytes
    }

    /// A record whose name is that of the question.
    fn record(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).unwrap();
        let head = [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, length];
        [&head[..], data].concat()
    }

    #[test]
    fn records_are_read_section_by_section() {
        let query = query();
        let records = [
            record(1, &[10, 1, 2, 3]),
            record(15, &[0, 5, 3, b'm', b'.', 0xff, 0xc0, 12]),
            record(41, &[]),
        ];
        let bytes = answer(&query, [1, 1, 1], &records.concat());
        let found = query.answer(&bytes).unwrap().unwrap();
        assert_eq!((found.rcode, found.is_truncated), (0, false));
        let first = &found.answers[0];
        assert_eq!(first.name, "a.example.");
        assert_eq!((first.kind, first.class, first.ttl), (1, CLASS_IN, 60));
        assert_eq!(first.data, [10, 1, 2, 3]);
        let mut fields = found.authorities[0].fields();
        assert_eq!(fields.short(), Some(5));
        assert_eq!(fields.name().unwrap(), "m\\.\\255.a.example.");
        assert_eq!(found.additionals[0].kind, 41);
    }

    #[test]
    fn answers_to_other_questions_are_told_apart() {
        let query = query();
        for (id, name) in [(8, "a.example"), (7, "b.example"), (7, "a.longer.example")] {
            let other = Query::new(id, name, 255, CLASS_IN).unwrap();
            let bytes = answer(&other, [0; 3], &[]);
            assert!(query.answer(&bytes).unwrap().is_none(), "{id} {name}");
        }
        // The query itself is no answer. One that repeats it in other letters is.
        assert!(query.answer(query.bytes()).unwrap().is_none());
        let loud = Query::new(7, "A.Example", 255, CLASS_IN).unwrap();
        assert!(query.answer(&answer(&loud, [0; 3], &[])).unwrap().is_some());
    }

    #[test]
    fn what_is_no_message_is_an_error_and_no_panic() {
        let query = query();
        // A name that points at itself.
        let looped = [0xc0, 27, 0, 1, 0, 1, 0, 0, 0, 60, 0, 0];
        assert!(query.answer(&answer(&query, [1, 0, 0], &looped)).is_err());
        let whole = answer(&query, [1, 0, 0], &record(1, &[10, 1, 2, 3]));
        for length in 3..whole.len() {
            assert!(query.answer(&whole[..length]).is_err(), "{length}");
        }
        // Of what says that it is cut off, there is as much as there is.
        let mut cut = whole[..whole.len() - 1].to_vec();
        cut[2] |= 2;
        let found = query.answer(&cut).unwrap().unwrap();
        assert!(found.is_truncated && found.answers.is_empty());
    }

    #[test]
    fn queries_say_what_is_wanted_and_names_have_bounds() {
        let query = query().recursive().with_datagram_bytes(4096);
        let bytes = query.bytes();
        assert_eq!(bytes[..12], [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        assert_eq!(
            bytes[bytes.len() - 11..],
            [0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]
        );
        for name in ["a..b", &"a".repeat(64), &"abcdefg.".repeat(40)] {
            assert_eq!(Query::new(1, name, 1, CLASS_IN), None, "{name}");
        }
        assert!(Query::new(1, ".", 2, CLASS_IN).is_some());
    }
}
