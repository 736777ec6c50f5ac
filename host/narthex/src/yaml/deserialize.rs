//! Reads a tree as Go's reader does: a null where a text is meant is the empty text, a field that
//! is null is as if it were not there, and a scalar is whatever its reader asks for.
//!
//! It is not: who decides what becomes of an error. It ends the reading with the path of the value
//! that it is about, see [`super::document`].

use std::fmt;

use serde::de::{self, Deserializer, IntoDeserializer, Visitor, value::StrDeserializer};

use super::access::{Fields, Items, Named};
use super::nearest;
use super::scalar::Resolved;
use super::tree::{Node, Scalar, Value};

/// A longer text is cut where a message quotes it.
const QUOTED_CHARACTERS_MAX: usize = 60;

/// Why a value cannot be read.
#[derive(Debug)]
pub(super) struct Error {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// From the innermost step outwards.
    pub(super) path: Vec<String>,
    /// It is about the name of the field, not about its value.
    pub(super) is_name: bool,
    /// Nobody knows the field.
    pub(super) is_unknown: bool,
}

impl Error {
    pub(super) fn new(message: String) -> Self {
        Self {
            message,
            hint: None,
            path: Vec::new(),
            is_name: false,
            is_unknown: false,
        }
    }

    pub(super) fn within(mut self, step: &str) -> Self {
        self.path.push(step.to_owned());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self {
            hint: nearest::hint(field, expected),
            is_unknown: true,
            ..Self::new(format!("unknown field `{field}`"))
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let variant = shortened(variant);
        Self {
            hint: nearest::hint(&variant, expected),
            ..Self::new(format!("unknown value {variant:?}"))
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("field `{field}` is missing"))
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A value that is not what is asked for.
fn wrong(node: &Node, expected: &str) -> Error {
    let found = match &node.value {
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a map".to_owned(),
        Value::Pruned => "nothing".to_owned(),
        Value::Scalar(scalar) => match scalar.resolve() {
            Resolved::Null => "nothing".to_owned(),
            Resolved::Bool(_) | Resolved::Whole(_) | Resolved::Float(_) => scalar.text.clone(),
            // Who writes `user:password` where a section is meant does not want it in a log.
            Resolved::Text(_) if [LIST, MAP].contains(&expected) => "a text".to_owned(),
            Resolved::Text(text) => format!("the text {:?}", shortened(text)),
        },
    };
    let mut error = Error::new(format!("expected {expected}, got {found}"));
    let is_quoted_number = match &node.value {
        Value::Scalar(scalar) if !scalar.is_plain => {
            let plain = Scalar {
                text: scalar.text.clone(),
                is_plain: true,
            };
            !matches!(plain.resolve(), Resolved::Text(_))
        }
        _ => false,
    };
    if is_quoted_number && expected != LIST && expected != MAP {
        error.hint = Some("what is quoted is a text: leave the quotes away".to_owned());
    }
    if expected == LIST && matches!(node.value, Value::Map(_)) {
        error.hint = Some("each entry of a list begins with `- `".to_owned());
    }
    error
}

const LIST: &str = "a list";
const MAP: &str = "a map";

/// A value to read.
#[derive(Clone, Copy)]
pub(super) struct NodeDeserializer<'t> {
    pub(super) node: &'t Node,
    /// A null entry of a list is no section without fields, it is a mistake.
    pub(super) is_entry: bool,
}

impl<'t> NodeDeserializer<'t> {
    fn scalar(self, expected: &str) -> Result<&'t Scalar, Error> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar),
            _ => Err(wrong(self.node, expected)),
        }
    }

    fn whole(self, expected: &str) -> Result<i128, Error> {
        match self.scalar(expected)?.resolve() {
            Resolved::Whole(number) => Ok(number),
            // Go cuts it off.
            #[allow(clippy::cast_possible_truncation, reason = "the cast saturates")]
            Resolved::Float(number) if number.is_finite() => Ok(number as i128),
            Resolved::Null => Ok(0),
            _ => Err(wrong(self.node, expected)),
        }
    }
}

const UNSIGNED: &str = "a whole number that is not negative";
const SIGNED: &str = "a whole number";

macro_rules! numbers {
    ($($method:ident $visit:ident $expected:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number = self.whole($expected)?;
            let number = number.try_into().map_err(|_| wrong(self.node, $expected))?;
            visitor.$visit(number)
        })*
    };
}

impl<'de> Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Error;

    numbers! {
        deserialize_i8 visit_i8 SIGNED
        deserialize_i16 visit_i16 SIGNED
        deserialize_i32 visit_i32 SIGNED
        deserialize_i64 visit_i64 SIGNED
        deserialize_u8 visit_u8 UNSIGNED
        deserialize_u16 visit_u16 UNSIGNED
        deserialize_u32 visit_u32 UNSIGNED
        deserialize_u64 visit_u64 UNSIGNED
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items::of(items)),
            Value::Map(fields) => visitor.visit_map(Fields::of(fields, &[])),
            Value::Pruned => visitor.visit_unit(),
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => visitor.visit_unit(),
                Resolved::Bool(flag) => visitor.visit_bool(flag),
                Resolved::Whole(number) => match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => visitor.visit_str(&scalar.text),
                },
                Resolved::Float(number) => visitor.visit_f64(number),
                Resolved::Text(text) => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let expected = "true or false";
        match self.scalar(expected)?.resolve() {
            Resolved::Bool(flag) => visitor.visit_bool(flag),
            Resolved::Null => visitor.visit_bool(false),
            _ => Err(wrong(self.node, expected)),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let expected = "a number";
        match self.scalar(expected)?.resolve() {
            Resolved::Float(number) => visitor.visit_f64(number),
            Resolved::Whole(number) => visitor.visit_f64(number as f64),
            Resolved::Null => visitor.visit_f64(0.0),
            _ => Err(wrong(self.node, expected)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let scalar = self.scalar("a text")?;
        visitor.visit_str(if scalar.is_null() { "" } else { &scalar.text })
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() || self.node.is_pruned() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() {
            return visitor.visit_unit();
        }
        Err(wrong(self.node, "nothing"))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(Items::of(items)),
            _ if self.node.is_null() => visitor.visit_seq(Items::of(&[])),
            _ => Err(wrong(self.node, LIST)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(fields) => visitor.visit_map(Fields::of(fields, &[])),
            _ if self.node.is_null() => visitor.visit_map(Fields::of(&[], &[])),
            _ => Err(wrong(self.node, MAP)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Map(fields) => visitor.visit_map(Fields::of(fields, known)),
            _ if self.node.is_null() && self.is_entry => {
                Err(Error::new("empty or null section".to_owned()))
            }
            _ if self.node.is_null() => visitor.visit_map(Fields::of(&[], known)),
            _ => Err(wrong(self.node, MAP)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Scalar(scalar) => {
                let text: StrDeserializer<'_, Error> = scalar.text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            Value::Map(fields) if fields.len() == 1 => {
                let named = fields
                    .first()
                    .map(Named)
                    .ok_or_else(|| wrong(self.node, MAP))?;
                visitor.visit_enum(named)
            }
            _ => Err(wrong(self.node, "a name")),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}
