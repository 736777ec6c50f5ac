//! An encoded message field by field, to look at what it holds before it is unpacked.
//!
//! It is not: a decoder. What it cannot follow it leaves to that, which gives up at the same byte.

/// The fields of a message with their numbers, up to the first that is none.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// A number of its own.
    Number,
    /// A text, a message, or a list of numbers.
    Bytes(&'a [u8]),
    /// Where a group begins and ends; what is in between comes as if it were outside.
    Group,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn value(&mut self, wire_type: u64) -> Option<Value<'a>> {
        match wire_type {
            0 => varint(&mut self.rest).map(|_| Value::Number),
            1 => take(&mut self.rest, 8).map(|_| Value::Number),
            2 => {
                let length = varint(&mut self.rest)?;
                take(&mut self.rest, length).map(Value::Bytes)
            }
            3 | 4 => Some(Value::Group),
            5 => take(&mut self.rest, 4).map(|_| Value::Number),
            _ => None,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = varint(&mut self.rest)?;
        let value = self.value(key & 7);
        if value.is_none() {
            self.rest = &[];
        }
        value.map(|value| (key >> 3, value))
    }
}

/// The next number; `None` where there is none.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// So many bytes; `None` where there are less.
fn take<'a>(bytes: &mut &'a [u8], count: u64) -> Option<&'a [u8]> {
    let count = usize::try_from(count).ok()?;
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_followed_up_to_where_it_is_none() {
        type Parts<'a> = &'a [(u64, Value<'a>)];
        let cases: [(&[u8], Parts<'_>); 6] = [
            (&[], &[]),
            (&[0x08, 0xac, 0x02], &[(1, Value::Number)]),
            (
                &[0x12, 2, 7, 8, 0x1d, 0, 0, 0, 0],
                &[(2, Value::Bytes(&[7, 8])), (3, Value::Number)],
            ),
            (
                &[0x0b, 0x08, 1, 0x0c],
                &[(1, Value::Group), (1, Value::Number), (1, Value::Group)],
            ),
            // Five bytes are said to come, and there are two.
            (&[0x08, 1, 0x12, 5, 1, 2], &[(1, Value::Number)]),
            // A type that there is not.
            (&[0x08, 1, 0x0e, 0x08, 1], &[(1, Value::Number)]),
        ];
        for (message, expected) in cases {
            let found: Vec<_> = super::Fields::of(message).collect();
            assert_eq!(found, expected, "{message:?}");
        }
    }
}
