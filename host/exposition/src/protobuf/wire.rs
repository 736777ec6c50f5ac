//! The wire format of protobuf: fields, each with its number and its value.
//!
//! It is not: a decoder of any message. Groups, which nothing in use writes any more, are refused.

/// What is wrong with the bytes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    /// A value goes on behind the end.
    #[error("unexpected EOF")]
    Truncated,
    /// A number of more than 64 bits.
    #[error("proto: integer overflow")]
    Overflow,
    /// A field that no message can have.
    #[error("proto: illegal tag or wire type")]
    Tag,
    /// A field that is there in another wire type.
    #[error("proto: wrong wire type for field {0}")]
    Type(u32),
    /// A text that is none.
    #[error("proto: field {0} is not valid UTF-8")]
    Utf8(u32),
}

/// The value of a field as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// Its number.
    pub(super) number: u32,
    value: Value<'a>,
}

/// The fields of a message, in its order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

type Read<T> = Result<T, WireError>;

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// The next field; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self) -> Read<Option<Field<'a>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = varint(&mut self.rest)?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::Tag)?;
        if number == 0 {
            return Err(WireError::Tag);
        }
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(fixed64(take(&mut self.rest, 8)?)),
            2 => {
                let length = varint(&mut self.rest)?;
                let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
                Value::Bytes(take(&mut self.rest, length)?)
            }
            5 => {
                take(&mut self.rest, 4)?;
                Value::Fixed32
            }
            _ => return Err(WireError::Tag),
        };
        Ok(Some(Field { number, value }))
    }
}

impl<'a> Field<'a> {
    fn wrong(&self) -> WireError {
        WireError::Type(self.number)
    }

    /// A message, or packed numbers.
    pub(super) fn bytes(&self) -> Read<&'a [u8]> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(self.wrong()),
        }
    }

    pub(super) fn text(&self) -> Read<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Utf8(self.number))
    }

    pub(super) fn number(&self) -> Read<u64> {
        match self.value {
            Value::Varint(number) => Ok(number),
            _ => Err(self.wrong()),
        }
    }

    /// An `int32` or `int64`.
    pub(super) fn signed(&self) -> Read<i64> {
        self.number().map(u64::cast_signed)
    }

    /// A `sint32` or `sint64`.
    pub(super) fn zigzag(&self) -> Read<i64> {
        self.number().map(zigzag)
    }

    pub(super) fn double(&self) -> Read<f64> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(self.wrong()),
        }
    }

    /// Hands over every number of a repeated `sint64`, packed or not.
    pub(super) fn each_zigzag(&self, mut take: impl FnMut(i64)) -> Read<()> {
        match self.value {
            Value::Varint(number) => take(zigzag(number)),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    take(zigzag(varint(&mut packed)?));
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }

    /// Hands over every number of a repeated `double`, packed or not.
    pub(super) fn each_double(&self, mut take: impl FnMut(f64)) -> Read<()> {
        match self.value {
            Value::Fixed64(bits) => take(f64::from_bits(bits)),
            Value::Bytes(packed) => {
                let (numbers, rest) = packed.as_chunks::<8>();
                if !rest.is_empty() {
                    return Err(WireError::Truncated);
                }
                for number in numbers {
                    take(f64::from_le_bytes(*number));
                }
            }
            _ => return Err(self.wrong()),
        }
        Ok(())
    }
}

/// Takes a message with its length in front off a stream.
pub(super) fn delimited<'a>(rest: &mut &'a [u8]) -> Read<&'a [u8]> {
    let length = varint(rest)?;
    take(
        rest,
        usize::try_from(length).map_err(|_| WireError::Truncated)?,
    )
}

#[inline]
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Read<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length).ok_or(WireError::Truncated)?;
    *rest = left;
    Ok(taken)
}

fn fixed64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap_or_default())
}

#[inline]
fn varint(rest: &mut &[u8]) -> Read<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first().ok_or(WireError::Truncated)?;
        *rest = left;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has one bit of 64.
        if shift == 63 && bits > 1 {
            return Err(WireError::Overflow);
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(WireError::Overflow)
}

fn zigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_they_are_written() {
        for (bytes, expected) in [
            (&[0][..], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x80, 0x01], Ok(128)),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                Ok(u64::MAX),
            ),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
                Err(WireError::Overflow),
            ),
            (&[0x80; 11], Err(WireError::Overflow)),
            (&[0x80], Err(WireError::Truncated)),
            (&[], Err(WireError::Truncated)),
        ] {
            assert_eq!(varint(&mut &bytes[..]), expected, "{bytes:?}");
        }
        for (number, expected) in [(0, 0), (1, -1), (2, 1), (u64::MAX, i64::MIN)] {
            assert_eq!(zigzag(number), expected);
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for (bytes, expected) in [
            (&[0x00][..], WireError::Tag),
            // A group, and a wire type that does not exist.
            (&[0x0b], WireError::Tag),
            (&[0x0e], WireError::Tag),
            (&[0x0a, 0x05, b'a'], WireError::Truncated),
            (&[0x09, 1, 2, 3], WireError::Truncated),
            (
                &[
                    0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
                ],
                WireError::Truncated,
            ),
        ] {
            assert_eq!(Fields::new(bytes).next().unwrap_err(), expected);
        }
        let field = Fields::new(&[0x08, 0x01]).next().unwrap().unwrap();
        assert_eq!(field.double(), Err(WireError::Type(1)));
        assert_eq!(field.bytes(), Err(WireError::Type(1)));
    }
}
