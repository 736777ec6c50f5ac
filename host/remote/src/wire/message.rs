//! Messages are written by what `narthex-exposition` writes its pages with.

pub(crate) use narthex_exposition::{ProtobufMessage as Message, push_varint, zigzag};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fields::{Fields, from_zigzag};

    #[test]
    fn what_is_written_is_read_again() {
        let long = "x".repeat(300);
        let mut message = Message::new();
        message.number(1, 300);
        message.number(2, 0);
        message.signed(3, -1);
        message.double(4, -0.0);
        message.double(5, 0.0);
        message.message(6, |inner| inner.text(1, &long));
        message.packed(7, [1, 300, u64::MAX]);
        message.packed(8, []);
        message.packed_doubles(9, &[1.5, f64::NAN]);
        let mut fields = Fields::new(message.as_bytes());
        let mut found = Vec::new();
        while let Some(field) = fields.next().unwrap() {
            found.push(field);
        }
        let numbers: Vec<u32> = found.iter().map(|field| field.number).collect();
        assert_eq!(numbers, [1, 3, 4, 6, 7, 9]);
        assert_eq!(found[0].number(), Ok(300));
        assert_eq!(found[1].signed(), Ok(-1));
        assert_eq!(found[2].double().unwrap().to_bits(), (-0.0_f64).to_bits());
        let mut inner = Fields::new(found[3].bytes().unwrap());
        let text = inner.next().unwrap().unwrap();
        assert_eq!(text.bytes(), Ok(long.as_bytes()));
        let mut packed = Vec::new();
        let push = |number| {
            packed.push(number);
            Ok(())
        };
        found[4].numbers(push).unwrap();
        assert_eq!(packed, [1, 300, u64::MAX]);
        let mut doubles = Vec::new();
        found[5].doubles(&mut doubles).unwrap();
        assert!(doubles[0] == 1.5 && doubles[1].is_nan());
        for number in [0, 1, -1, i64::MAX, i64::MIN] {
            assert_eq!(from_zigzag(zigzag(number)), number);
        }
    }
}
