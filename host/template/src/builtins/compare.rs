//! `eq`, `lt` and what follows from them: values of one kind compare, others are an error.

use std::cmp::Ordering;

use crate::printing::printed;
use crate::value::{Basic, Value};

fn incompatible(first: &Value, second: &Value) -> String {
    let (first, second) = (first.type_name(), second.type_name());
    format!("incompatible types for comparison: {first} and {second}")
}

/// Whether a value equals any of the others.
pub(super) fn equal(first: &Value, others: &[Value]) -> Result<bool, String> {
    if others.is_empty() {
        return Err("missing argument for comparison".to_owned());
    }
    for other in others {
        if is_equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_equal(first: &Value, second: &Value) -> Result<bool, String> {
    match (first.basic(), second.basic()) {
        (None, None) => is_same(first, second),
        (a, b) if a == b => Ok(order(first, second) == Some(Ordering::Equal)),
        (Some(Basic::Int | Basic::Uint), Some(Basic::Int | Basic::Uint)) => {
            Ok(first.as_int() == second.as_int())
        }
        _ if matches!(first, Value::Nil) || matches!(second, Value::Nil) => Ok(false),
        _ => Err(incompatible(first, second)),
    }
}

/// Values that have no order: times, structs, and nothing.
fn is_same(first: &Value, second: &Value) -> Result<bool, String> {
    match (first, second) {
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        (Value::Time(a), Value::Time(b)) => Ok(a.to_string() == b.to_string()),
        (Value::Struct(a), Value::Struct(b)) if a.is_pointer() && b.is_pointer() => {
            Ok(std::ptr::eq(a.fields(), b.fields()))
        }
        (Value::Struct(_), Value::Struct(_))
        | (Value::List(_), Value::List(_))
        | (Value::Map(_), Value::Map(_)) => {
            let (shown, ty) = (printed(second), second.type_name());
            Err(format!("non-comparable type {shown}: {ty}"))
        }
        _ => {
            let (a, b) = (first.type_name(), second.type_name());
            let (first, second) = (printed(first), printed(second));
            Err(format!("non-comparable types {first}: {a}, {b}: {second}"))
        }
    }
}

fn order(first: &Value, second: &Value) -> Option<Ordering> {
    match (first, second) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        _ => match (first.as_str(), second.as_str()) {
            (Some(a), Some(b)) => Some(a.cmp(b)),
            _ => Some(first.as_int()?.cmp(&second.as_int()?)),
        },
    }
}

pub(super) fn less(first: &Value, second: &Value) -> Result<bool, String> {
    let invalid = || "invalid type for comparison".to_owned();
    let a = first.basic().ok_or_else(invalid)?;
    let b = second.basic().ok_or_else(invalid)?;
    let are_whole = matches!(a, Basic::Int | Basic::Uint) && matches!(b, Basic::Int | Basic::Uint);
    if a != b && !are_whole {
        return Err(incompatible(first, second));
    }
    if a == Basic::Bool {
        return Err(invalid());
    }
    Ok(order(first, second) == Some(Ordering::Less))
}

pub(super) fn less_or_equal(first: &Value, second: &Value) -> Result<bool, String> {
    Ok(less(first, second)? || is_equal(first, second)?)
}
