//! Alertmanager's functions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::humanize::{humanize_duration, number};
use crate::json;
use crate::pattern;
use crate::text::{heading, lower, query_unescaped, upper};
use crate::time::{self, Time, Zone};
use crate::value::{List, Map, Markup, Param, Signature, Type, Value};

/// What the functions need to know.
#[derive(Debug, Clone)]
pub struct Functions {
    /// What `now` gives and `since` counts to.
    pub now: Time,
    /// The labels of the route that the notification takes.
    pub route_labels: BTreeMap<String, String>,
}

impl Functions {
    /// At an instant, on a route without labels.
    pub fn at(now: Time) -> Self {
        Self {
            now,
            route_labels: BTreeMap::new(),
        }
    }
}

const ANY: Param = Param::Any;
const TEXT: Param = Param::String;

type Call = fn(&Functions, &[Value]) -> Result<Value, String>;

const TABLE: &[(Signature, Call)] = &[
    (
        Signature::with_rest("append", &[Param::Of(&Type::LIST)], ANY),
        |_, arguments| {
            let (list, more) = arguments.split_first().unwrap_or((&Value::Nil, &[]));
            let mut all = items(list).to_vec();
            all.extend_from_slice(more);
            Ok(Value::List(List::new(&Type::LIST, all)))
        },
    ),
    (
        Signature::new("date", &[TEXT, Param::Time]),
        |_, arguments| Ok(instant(arguments, 1).format(text(arguments, 0)).into()),
    ),
    (Signature::with_rest("dict", &[], ANY), |_, arguments| {
        dict(arguments)
    }),
    (
        Signature::new("humanizeDuration", &[ANY]),
        |_, arguments| {
            let seconds = number(arguments.first().unwrap_or(&Value::Nil))?;
            Ok(humanize_duration(seconds).into())
        },
    ),
    (
        Signature::new("join", &[TEXT, Param::Of(&Type::STRINGS)]),
        |_, arguments| {
            let all = items(arguments.get(1).unwrap_or(&Value::Nil));
            let all: Vec<&str> = all.iter().filter_map(Value::as_str).collect();
            Ok(all.join(text(arguments, 0)).into())
        },
    ),
    (Signature::with_rest("list", &[], ANY), |_, arguments| {
        Ok(Value::List(List::new(&Type::LIST, arguments.to_vec())))
    }),
    (Signature::new("match", &[TEXT, TEXT]), |_, arguments| {
        let regex = pattern::compile(text(arguments, 0))?;
        Ok(regex.is_match(text(arguments, 1)).into())
    }),
    (
        Signature::new("mustToDate", &[TEXT, TEXT]),
        |_, arguments| time::parse(text(arguments, 0), text(arguments, 1)).map(Value::Time),
    ),
    (Signature::new("now", &[]), |f, _| {
        Ok(Value::Time(f.now.clone()))
    }),
    (
        Signature::new("reReplaceAll", &[TEXT, TEXT, TEXT]),
        |_, arguments| {
            let (expression, replacement) = (text(arguments, 0), text(arguments, 1));
            Ok(pattern::replace_all(expression, replacement, text(arguments, 2))?.into())
        },
    ),
    (Signature::new("routeLabels", &[TEXT]), |f, arguments| {
        let label = f.route_labels.get(text(arguments, 0));
        Ok(label.map(String::as_str).unwrap_or_default().into())
    }),
    (Signature::new("safeHtml", &[TEXT]), |_, arguments| {
        Ok(Value::Markup(Markup::Html, text(arguments, 0).into()))
    }),
    (Signature::new("safeUrl", &[TEXT]), |_, arguments| {
        Ok(Value::Markup(Markup::Url, text(arguments, 0).into()))
    }),
    (Signature::new("since", &[Param::Time]), |f, arguments| {
        Ok(Value::Duration(f.now.since(instant(arguments, 0))))
    }),
    (
        Signature::with_rest("stringSlice", &[], TEXT),
        |_, arguments| Ok(Value::List(List::new(&Type::STRINGS, arguments.to_vec()))),
    ),
    (Signature::new("title", &[TEXT]), |_, arguments| {
        Ok(heading(text(arguments, 0)).into())
    }),
    (Signature::new("toDate", &[TEXT, TEXT]), |_, arguments| {
        let read = time::parse(text(arguments, 0), text(arguments, 1));
        Ok(Value::Time(read.unwrap_or(Time::ZERO)))
    }),
    (Signature::new("toJson", &[ANY]), |_, arguments| {
        Ok(json::written(arguments.first().unwrap_or(&Value::Nil))?.into())
    }),
    (Signature::new("toLower", &[TEXT]), |_, arguments| {
        Ok(lower(text(arguments, 0)).into())
    }),
    (Signature::new("toUpper", &[TEXT]), |_, arguments| {
        Ok(upper(text(arguments, 0)).into())
    }),
    (Signature::new("trimSpace", &[TEXT]), |_, arguments| {
        Ok(text(arguments, 0).trim().into())
    }),
    (
        Signature::new("tz", &[TEXT, Param::Time]),
        |_, arguments| {
            let zone = Zone::named(text(arguments, 0))?;
            Ok(Value::Time(instant(arguments, 1).clone().in_zone(zone)))
        },
    ),
    (Signature::new("urlUnescape", &[TEXT]), |_, arguments| {
        query_unescaped(text(arguments, 0)).map(Value::from)
    }),
];

fn find(name: &str) -> Option<&'static (Signature, Call)> {
    TABLE.iter().find(|(signature, _)| signature.name == name)
}

/// The names of the functions, for parsing: nothing can be called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names;

impl crate::Functions for Names {
    fn signature(&self, name: &str) -> Option<&'static Signature> {
        find(name).map(|(signature, _)| signature)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("{name} cannot be called while parsing"))
    }
}

impl crate::Functions for Functions {
    fn signature(&self, name: &str) -> Option<&'static Signature> {
        Names.signature(name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match find(name) {
            Some((_, call)) => call(self, arguments),
            None => Err(format!("{name:?} is not a defined function")),
        }
    }
}

fn text(arguments: &[Value], at: usize) -> &str {
    arguments
        .get(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    match value {
        Value::List(list) => list.items(),
        _ => &[],
    }
}

fn instant(arguments: &[Value], at: usize) -> &Time {
    match arguments.get(at) {
        Some(Value::Time(time)) => time,
        _ => &Time::ZERO,
    }
}

fn dict(arguments: &[Value]) -> Result<Value, String> {
    if !arguments.len().is_multiple_of(2) {
        return Err("dict requires an even number of arguments".to_owned());
    }
    let mut entries = Vec::new();
    for pair in arguments.chunks_exact(2) {
        let [key, value] = pair else { continue };
        let Value::String(key) = key else {
            return Err(format!(
                "dict keys must be strings, got {}",
                key.type_name()
            ));
        };
        entries.push((Arc::clone(key), value.clone()));
    }
    Ok(Value::Map(Map::new(&Type::MAP, entries)))
}
