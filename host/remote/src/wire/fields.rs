//! The fields of a protobuf message, one after the other.

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// They end inside a field.
    #[error("proto: unexpected end of the message")]
    Truncated,
    /// A number has more bits than there are.
    #[error("proto: a number overflows")]
    Overflow,
    /// A field is of a kind that this format has not, or not any more.
    #[error("proto: field {field} has the unknown wire type {kind}")]
    Kind {
        /// Its number.
        field: u32,
        /// The kind.
        kind: u8,
    },
    /// A field is known and of another kind.
    #[error("proto: field {0} has the wrong wire type")]
    Mismatch(u32),
    /// A text is none.
    #[error("proto: field {0} has invalid UTF-8")]
    Utf8(u32),
    /// Fields count from 1.
    #[error("proto: field 0")]
    Zero,
    /// The message has more of something than is taken.
    #[error("more than {max} {what}")]
    TooMany {
        /// What it has too much of.
        what: &'static str,
        /// What is taken.
        max: usize,
    },
}

/// The content of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A varint.
    Number(u64),
    /// Eight bytes.
    Eight(u64),
    /// Four bytes.
    Four(u32),
    /// A text, a message, or packed numbers.
    Bytes(&'a [u8]),
}

/// A field and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) content: Content<'a>,
}

/// Reads a message field by field.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// How many bytes are still to come.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next field; nothing at the end of the message.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Field<'a>>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| WireError::Overflow)?;
        if number == 0 {
            return Err(WireError::Zero);
        }
        let content = match key & 7 {
            0 => Content::Number(self.varint()?),
            1 => Content::Eight(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| WireError::Truncated)?;
                Content::Bytes(self.take(len)?)
            }
            5 => Content::Four(u32::from_le_bytes(self.array()?)),
            kind => {
                let kind = u8::try_from(kind).unwrap_or(u8::MAX);
                return Err(WireError::Kind {
                    field: number,
                    kind,
                });
            }
        };
        Ok(Some(Field { number, content }))
    }

    /// A varint: at most ten bytes, the last of them 1.
    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        if let Some((first, rest)) = self.rest.split_first()
            && *first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        let mut number = 0_u64;
        for (at, byte) in self.rest.iter().enumerate() {
            if at == 9 && *byte > 1 {
                return Err(WireError::Overflow);
            }
            number |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Ok(number);
            }
        }
        Err(WireError::Truncated)
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

impl<'a> Field<'a> {
    /// A text, a message, or packed numbers.
    #[inline]
    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self.content {
            Content::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError::Mismatch(self.number)),
        }
    }

    /// A varint.
    #[inline]
    pub(crate) fn number(self) -> Result<u64, WireError> {
        match self.content {
            Content::Number(number) => Ok(number),
            _ => Err(WireError::Mismatch(self.number)),
        }
    }

    /// An `int64` or `int32`: a varint, negative ones in ten bytes.
    #[inline]
    pub(crate) fn signed(self) -> Result<i64, WireError> {
        self.number().map(u64::cast_signed)
    }

    /// An `sint64` or `sint32`.
    #[inline]
    pub(crate) fn zigzag(self) -> Result<i64, WireError> {
        self.number().map(from_zigzag)
    }

    /// A `double`.
    #[inline]
    pub(crate) fn double(self) -> Result<f64, WireError> {
        match self.content {
            Content::Eight(bits) => Ok(f64::from_bits(bits)),
            _ => Err(WireError::Mismatch(self.number)),
        }
    }

    /// A `fixed64`.
    #[inline]
    pub(crate) fn fixed(self) -> Result<u64, WireError> {
        match self.content {
            Content::Eight(bits) => Ok(bits),
            _ => Err(WireError::Mismatch(self.number)),
        }
    }

    /// Adds the numbers of a repeated `fixed64`, packed or not.
    pub(crate) fn fixeds(self, into: &mut Vec<u64>) -> Result<(), WireError> {
        match self.content {
            Content::Eight(bits) => into.push(bits),
            Content::Bytes(packed) => {
                let (numbers, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(WireError::Truncated);
                }
                into.extend(numbers.iter().copied().map(u64::from_le_bytes));
            }
            _ => return Err(WireError::Mismatch(self.number)),
        }
        Ok(())
    }

    /// Adds the numbers of a repeated field, packed or not.
    pub(crate) fn numbers(
        self,
        mut add: impl FnMut(u64) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        match self.content {
            Content::Number(number) => add(number),
            Content::Bytes(packed) => {
                let mut packed = Fields::new(packed);
                while packed.left() > 0 {
                    add(packed.varint()?)?;
                }
                Ok(())
            }
            _ => Err(WireError::Mismatch(self.number)),
        }
    }

    /// Adds the doubles of a repeated field, packed or not.
    pub(crate) fn doubles(self, into: &mut Vec<f64>) -> Result<(), WireError> {
        match self.content {
            Content::Eight(bits) => into.push(f64::from_bits(bits)),
            Content::Bytes(packed) => {
                let (doubles, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(WireError::Truncated);
                }
                let doubles = doubles.iter().copied();
                into.extend(doubles.map(f64::from_le_bytes));
            }
            _ => return Err(WireError::Mismatch(self.number)),
        }
        Ok(())
    }
}

/// The signed number that a zigzag stands for.
#[inline]
pub(crate) fn from_zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(message: &[u8]) -> Result<Vec<Field<'_>>, WireError> {
        let mut fields = Fields::new(message);
        let mut found = Vec::new();
        while let Some(field) = fields.next()? {
            found.push(field);
        }
        Ok(found)
    }

    #[test]
    fn each_kind_of_field_is_read_and_damage_is_named() {
        let field = |number, content| Field { number, content };
        for (message, expected) in [
            (&b""[..], Ok(vec![])),
            (b"\x08\x96\x01", Ok(vec![field(1, Content::Number(150))])),
            (b"\x12\x02ab", Ok(vec![field(2, Content::Bytes(b"ab"))])),
            (
                b"\x09\0\0\0\0\0\0\xf0\x3f",
                Ok(vec![field(1, Content::Eight(1.0_f64.to_bits()))]),
            ),
            (b"\x0d\x01\0\0\0", Ok(vec![field(1, Content::Four(1))])),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Ok(vec![field(1, Content::Number(u64::MAX))]),
            ),
            (
                b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                Err(WireError::Overflow),
            ),
            (b"\x08", Err(WireError::Truncated)),
            (b"\x08\x80", Err(WireError::Truncated)),
            (b"\x12\x03ab", Err(WireError::Truncated)),
            (b"\x09\0", Err(WireError::Truncated)),
            (b"\x0b", Err(WireError::Kind { field: 1, kind: 3 })),
            (b"\x00", Err(WireError::Zero)),
        ] {
            assert_eq!(all(message), expected, "{message:?}");
        }
    }

    #[test]
    fn zigzags_are_signed() {
        for (number, expected) in [(0, 0), (1, -1), (2, 1), (3, -2), (u64::MAX, i64::MIN)] {
            assert_eq!(from_zigzag(number), expected);
        }
    }
}
