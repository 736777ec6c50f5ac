//! What functions and methods take.

use super::{Type, Value};

/// The type of one argument.
#[derive(Debug, Clone, Copy)]
pub enum Param {
    /// `interface {}`.
    Any,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `float64`.
    Float,
    /// `string`.
    String,
    /// `time.Time`.
    Time,
    /// `time.Duration`.
    Duration,
    /// A list or map of that type.
    Of(&'static Type),
    /// A pointer to a struct of that type.
    PointerTo(&'static Type),
}

impl Param {
    /// The name as Go prints it.
    pub fn type_name(self) -> String {
        match self {
            Self::Any => "interface {}",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float64",
            Self::String => "string",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
            Self::Of(ty) => ty.name,
            Self::PointerTo(ty) => return format!("*{}", ty.name),
        }
        .to_owned()
    }

    /// Whether a value is of the type.
    pub fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Any, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Int, Value::Int(_))
            | (Self::Float, Value::Float(_))
            | (Self::String, Value::String(_))
            | (Self::Time, Value::Time(_))
            | (Self::Duration, Value::Duration(_)) => true,
            (Self::Of(ty), Value::List(list)) => list.ty().name == ty.name,
            (Self::Of(ty), Value::Map(map)) => map.ty().name == ty.name,
            (Self::PointerTo(ty), Value::Struct(found)) => {
                found.ty().name == ty.name && found.is_pointer()
            }
            _ => false,
        }
    }

    /// Whether nil can stand for it.
    pub(crate) fn takes_nil(self) -> bool {
        matches!(self, Self::Any | Self::Of(_) | Self::PointerTo(_))
    }
}

/// The name of a function or method and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// As templates write it.
    pub name: &'static str,
    /// What it takes.
    pub params: &'static [Param],
    /// What any further arguments are; `None` where there must be none.
    pub rest: Option<Param>,
}

impl Signature {
    /// One that takes a fixed number of arguments.
    pub const fn new(name: &'static str, params: &'static [Param]) -> Self {
        Self {
            name,
            params,
            rest: None,
        }
    }

    /// One that takes any number after those.
    pub const fn with_rest(name: &'static str, params: &'static [Param], rest: Param) -> Self {
        Self {
            name,
            params,
            rest: Some(rest),
        }
    }

    /// The type of the argument at a place.
    pub(crate) fn param(&self, place: usize) -> Param {
        let fixed = self.params.get(place).copied();
        fixed.or(self.rest).unwrap_or(Param::Any)
    }
}
