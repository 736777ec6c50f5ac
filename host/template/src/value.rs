//! The values that templates work on, shaped like the Go values that existing templates expect.
//!
//! They are not reflection over Rust types: who has data to show builds these from it.

mod composite;
mod param;

use std::borrow::Cow;
use std::sync::Arc;

pub(crate) use self::composite::Measure;
pub use self::composite::{Element, List, Map, Method, Struct, Type};
pub use self::param::{Param, Signature};
use crate::time::{Duration, Name, Time};

/// Text that html/template takes as it is in some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// A piece of HTML (`safeHtml`).
    Html,
    /// A URL (`safeUrl`).
    Url,
}

/// One value.
#[derive(Debug, Clone)]
pub enum Value {
    /// No value: Go's untyped nil.
    Nil,
    /// `bool`.
    Bool(bool),
    /// `int`.
    Int(i64),
    /// `uint8`: what indexing a string gives.
    Byte(u8),
    /// `float64`.
    Float(f64),
    /// `string`.
    String(Arc<str>),
    /// A string that needs no escaping in its place.
    Markup(Markup, Arc<str>),
    /// `time.Time`.
    Time(Time),
    /// `time.Duration`.
    Duration(Duration),
    /// `time.Month` or `time.Weekday`.
    Name(Name),
    /// A slice.
    List(List),
    /// A map from strings.
    Map(Map),
    /// A struct, or a pointer to one.
    Struct(Struct),
}

/// What two values must share to be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    String,
}

impl Value {
    /// A `string`.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// A `[]string`.
    pub fn strings<S: Into<Arc<str>>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::List(List::new(
            &Type::STRINGS,
            texts.into_iter().map(Self::string).collect(),
        ))
    }

    /// A `map[string]string`, in which a missing key is the empty string.
    pub fn string_map<K: Into<Arc<str>>, V: Into<Arc<str>>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), Self::string(value)));
        Self::Map(Map::new(&Type::STRING_MAP, pairs))
    }

    /// The name of the type as Go prints it.
    pub fn type_name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::String(_) => "string",
            Self::Markup(Markup::Html, _) => "template.HTML",
            Self::Markup(Markup::Url, _) => "template.URL",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Name(name) => name.type_name(),
            Self::List(list) => list.ty().name,
            Self::Map(map) => map.ty().name,
            Self::Struct(found) if found.is_pointer() => {
                return Cow::Owned(format!("*{}", found.ty().name));
            }
            Self::Struct(found) => found.ty().name,
        })
    }

    /// Whether `if` takes it as true: not zero and not empty.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Byte(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::String(text) | Self::Markup(_, text) => !text.is_empty(),
            Self::Duration(duration) => duration.nanos() != 0,
            Self::Name(name) => name.number() != 0,
            Self::List(list) => !list.items().is_empty(),
            Self::Map(map) => !map.entries().is_empty(),
            Self::Time(_) | Self::Struct(_) => true,
        }
    }

    /// The text of a string of any kind.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Markup(_, text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn measure(&self) -> Measure {
        match self {
            Self::List(list) => list.measure(),
            Self::Map(map) => map.measure(),
            Self::Struct(found) => found.measure(),
            other => Measure {
                depth: 0,
                bytes: 8 + other.as_str().map_or(0, str::len),
            },
        }
    }

    pub(crate) fn basic(&self) -> Option<Basic> {
        Some(match self {
            Self::Bool(_) => Basic::Bool,
            Self::Int(_) | Self::Duration(_) | Self::Name(_) => Basic::Int,
            Self::Byte(_) => Basic::Uint,
            Self::Float(_) => Basic::Float,
            Self::String(_) | Self::Markup(..) => Basic::String,
            Self::Nil | Self::Time(_) | Self::List(_) | Self::Map(_) | Self::Struct(_) => {
                return None;
            }
        })
    }

    /// The number of anything that is one of whole numbers.
    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Byte(value) => Some(i64::from(*value)),
            Self::Duration(duration) => Some(duration.nanos()),
            Self::Name(name) => Some(name.number()),
            _ => None,
        }
    }

    /// The methods that the type has.
    pub(crate) fn methods(&self) -> &'static [Method] {
        match self {
            Self::Time(_) => crate::time::TIME_METHODS,
            Self::Duration(_) => crate::time::DURATION_METHODS,
            Self::Name(_) => crate::time::NAME_METHODS,
            Self::List(list) => list.ty().methods,
            Self::Map(map) => map.ty().methods,
            Self::Struct(found) => found.ty().methods,
            _ => &[],
        }
    }

    /// What its own `String` method gives, where it has one.
    pub(crate) fn own_text(&self) -> Option<String> {
        match self {
            Self::Time(time) => Some(time.to_string()),
            Self::Duration(duration) => Some(duration.to_string()),
            Self::Name(name) => Some(name.text().to_owned()),
            Self::List(list) => list.ty().text.map(|text| text(self)),
            Self::Map(map) => map.ty().text.map(|text| text(self)),
            _ => None,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::string(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::string(text)
    }
}
