//! The functions of the language itself.
//!
//! `and`, `or` and `call` are called by the executor: what they evaluate depends on what they find.

mod compare;
mod escape;

use crate::limits::Limits;
use crate::printing;
use crate::value::{List, Param, Signature, Value};

pub(crate) use self::escape::{html_escaped, query_escaped};

const ANY: Param = Param::Any;

const SIGNATURES: &[Signature] = &[
    Signature::with_rest("and", &[ANY], ANY),
    Signature::with_rest("call", &[ANY], ANY),
    Signature::with_rest("eq", &[ANY], ANY),
    Signature::new("ge", &[ANY, ANY]),
    Signature::new("gt", &[ANY, ANY]),
    Signature::with_rest("html", &[], ANY),
    Signature::with_rest("index", &[ANY], ANY),
    Signature::with_rest("js", &[], ANY),
    Signature::new("le", &[ANY, ANY]),
    Signature::new("len", &[ANY]),
    Signature::new("lt", &[ANY, ANY]),
    Signature::new("ne", &[ANY, ANY]),
    Signature::new("not", &[ANY]),
    Signature::with_rest("or", &[ANY], ANY),
    Signature::with_rest("print", &[], ANY),
    Signature::with_rest("printf", &[Param::String], ANY),
    Signature::with_rest("println", &[], ANY),
    Signature::with_rest("slice", &[ANY], ANY),
    Signature::with_rest("urlquery", &[], ANY),
];

pub(crate) fn signature(name: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| signature.name == name)
}

/// Calls a function whose arguments have been checked.
pub(crate) fn call(name: &str, arguments: &[Value], limits: &Limits) -> Result<Value, String> {
    let first = arguments.first().unwrap_or(&Value::Nil);
    let second = arguments.get(1).unwrap_or(&Value::Nil);
    let rest = arguments.get(1..).unwrap_or_default();
    let decided = |decision: Result<bool, String>| decision.map(Value::Bool);
    match name {
        "eq" => decided(compare::equal(first, rest)),
        "ne" => decided(compare::equal(first, rest).map(|equal| !equal)),
        "lt" => decided(compare::less(first, second)),
        "le" => decided(compare::less_or_equal(first, second)),
        "gt" => decided(compare::less_or_equal(first, second).map(|is| !is)),
        "ge" => decided(compare::less(first, second).map(|is| !is)),
        "not" => Ok((!first.is_true()).into()),
        "len" => length(first),
        "index" => index(first, rest),
        "slice" => slice(first, rest),
        "print" => Ok(printing::print(arguments).into()),
        "println" => Ok(printing::print_line(arguments).into()),
        "printf" => {
            let format = first.as_str().unwrap_or_default();
            printing::format(format, rest, limits.output_bytes_max).map(Value::from)
        }
        "html" => Ok(html_escaped(&joined(arguments)).into()),
        "js" => Ok(escape::js_escaped(&joined(arguments)).into()),
        "urlquery" => Ok(query_escaped(&joined(arguments)).into()),
        _ => Err(format!("{name:?} is not a defined function")),
    }
}

/// What `call` says: no value here is a function.
pub(crate) fn no_function(shown: Option<String>, arguments: &[Value]) -> String {
    match arguments.first() {
        None | Some(Value::Nil) => "call of nil".to_owned(),
        Some(value) => {
            let shown = shown.unwrap_or_else(|| printing::printed(value));
            format!("non-function {shown} of type {}", value.type_name())
        }
    }
}

/// The arguments of an escaping function as one text.
fn joined(arguments: &[Value]) -> String {
    match arguments {
        [Value::String(text)] => text.to_string(),
        [one] => printing::printed(one),
        all => printing::print(all),
    }
}

fn length(value: &Value) -> Result<Value, String> {
    let len = match value {
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".to_owned()),
        Value::String(text) | Value::Markup(_, text) => text.len(),
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.entries().len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
}

/// A place in something so long.
fn place(index: &Value, len: usize) -> Result<usize, String> {
    let number = match index {
        Value::Nil => return Err("cannot index slice/array with nil".to_owned()),
        other => other.as_int().ok_or_else(|| {
            let ty = other.type_name();
            format!("cannot index slice/array with type {ty}")
        })?,
    };
    let at = usize::try_from(number).ok().filter(|at| *at <= len);
    at.ok_or_else(|| format!("index out of range: {number}"))
}

fn index(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    if matches!(value, Value::Nil) {
        return Err("index of untyped nil".to_owned());
    }
    let mut found = value.clone();
    for index in indexes {
        found = match &found {
            Value::List(list) => {
                let at = place(index, list.items().len())?;
                let item = list.items().get(at);
                item.cloned().ok_or_else(|| past_end("slice"))?
            }
            Value::String(text) | Value::Markup(_, text) => {
                let at = place(index, text.len())?;
                let byte = text.as_bytes().get(at);
                Value::Byte(*byte.ok_or_else(|| past_end("string"))?)
            }
            Value::Map(map) => match index {
                Value::String(key) => map.get(key),
                Value::Nil => {
                    return Err("value is nil; should be of type string".to_owned());
                }
                other => {
                    let ty = other.type_name();
                    return Err(format!("value has type {ty}; should be string"));
                }
            },
            Value::Nil => return Err("index of nil pointer".to_owned()),
            other => return Err(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(found)
}

/// The one place that passes the check of Go's index function and then makes Go panic.
fn past_end(what: &str) -> String {
    format!("reflect: {what} index out of range")
}

fn slice(value: &Value, indexes: &[Value]) -> Result<Value, String> {
    if matches!(value, Value::Nil) {
        return Err("slice of untyped nil".to_owned());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()));
    }
    let len = match value {
        Value::String(_) | Value::Markup(..) if indexes.len() == 3 => {
            return Err("cannot 3-index slice a string".to_owned());
        }
        Value::String(text) | Value::Markup(_, text) => text.len(),
        Value::List(list) => list.items().len(),
        other => return Err(format!("can't slice item of type {}", other.type_name())),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, len)?;
    }
    let [from, to, most] = bounds;
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    if to > most {
        return Err(format!("invalid slice index: {to} > {most}"));
    }
    Ok(match value {
        Value::List(list) => {
            let items = list.items().get(from..to).unwrap_or_default();
            Value::List(List::new(list.ty(), items.to_vec()))
        }
        Value::Markup(kind, text) => Value::Markup(*kind, cut(text, from, to).into()),
        other => cut(other.as_str().unwrap_or_default(), from, to).into(),
    })
}

/// Go cuts strings between any bytes; what is cut in the middle of a character cannot be read.
fn cut(text: &str, from: usize, to: usize) -> String {
    let bytes = text.as_bytes().get(from..to).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
