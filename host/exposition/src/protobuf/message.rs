//! A protobuf message while it is written, of any kind: pages, and the messages of remote write,
//! remote read and OTLP. Fields that have their default are left out, as protobuf's third version
//! does.

/// The bytes so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProtobufMessage(Vec<u8>);

const NUMBER: u32 = 0;
const EIGHT: u32 = 1;
const BYTES: u32 = 2;

impl ProtobufMessage {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Adds the fields of another message.
    pub fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    fn key(&mut self, field: u32, kind: u32) {
        push_varint(&mut self.0, u64::from(field << 3 | kind));
    }

    /// A varint.
    pub fn number(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.key(field, NUMBER);
            push_varint(&mut self.0, number);
        }
    }

    /// An `int64`.
    pub fn signed(&mut self, field: u32, number: i64) {
        self.number(field, number.cast_unsigned());
    }

    /// An `sint64` or `sint32`.
    pub fn zigzag(&mut self, field: u32, number: i64) {
        self.number(field, zigzag(number));
    }

    /// A `double`. One that is 0 with all its bits is left out.
    pub fn double(&mut self, field: u32, value: f64) {
        if value.to_bits() != 0 {
            self.key(field, EIGHT);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// A `double` that tells by being there.
    pub fn double_always(&mut self, field: u32, value: f64) {
        self.key(field, EIGHT);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// A number that tells by being there.
    pub fn number_always(&mut self, field: u32, number: u64) {
        self.key(field, NUMBER);
        push_varint(&mut self.0, number);
    }

    /// A text; an empty one is left out.
    pub fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// A text, a message, or packed numbers.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.key(field, BYTES);
        push_varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message in the message.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.key(field, BYTES);
        // Nearly all are shorter than 128 bytes and need one byte for their length.
        let at = self.0.len();
        self.0.push(0);
        write(self);
        let len = self.0.len() - at - 1;
        match u8::try_from(len).ok().filter(|len| *len < 0x80) {
            Some(len) => self.0[at] = len,
            None => {
                let mut prefix = Vec::with_capacity(10);
                push_varint(&mut prefix, len as u64);
                self.0.splice(at..=at, prefix);
            }
        }
    }

    /// Repeated numbers, packed; nothing where there are none.
    pub fn packed(&mut self, field: u32, numbers: impl IntoIterator<Item = u64>) {
        let mut numbers = numbers.into_iter().peekable();
        if numbers.peek().is_some() {
            self.message(field, |message| {
                numbers.for_each(|number| push_varint(&mut message.0, number));
            });
        }
    }

    /// Repeated doubles, packed; nothing where there are none.
    pub fn packed_doubles(&mut self, field: u32, doubles: &[f64]) {
        if !doubles.is_empty() {
            self.message(field, |message| {
                let bytes = doubles.iter().flat_map(|double| double.to_le_bytes());
                message.0.extend(bytes);
            });
        }
    }
}

/// The number that stands for a signed one.
pub fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

/// Adds a varint.
pub fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}
