//! Prometheus' functions.

use std::sync::Arc;

use narthex_model::PromDuration;

use super::{Querier, Sample, address};
use crate::builtins::query_escaped;
use crate::functions::Functions;
use crate::humanize::{self, number};
use crate::limits::Limits;
use crate::pattern;
use crate::text::{lower, title, upper};
use crate::value::{Element, List, Map, Markup, Param, Signature, Struct, Type, Value};

/// What templates are expanded with.
#[derive(Clone, Copy)]
pub struct Expander<'a> {
    pub(super) querier: &'a dyn Querier,
    pub(super) at_ms: i64,
    pub(super) external_url: &'a str,
    /// What one expansion may use.
    pub limits: Limits,
}

/// `sample`: what `query` gives a list of.
const SAMPLE: Type = Type::plain("template.sample", Element::Any);
/// `queryResult`.
const SAMPLES: Type = Type::plain("template.queryResult", Element::Any);

const ONE_SAMPLE: Param = Param::PointerTo(&SAMPLE);
const ALL_SAMPLES: Param = Param::Of(&SAMPLES);
const ANY: Param = Param::Any;
const TEXT: Param = Param::String;

/// A function: its signature, and what it does.
type Call = fn(&Expander<'_>, &[Value]) -> Result<Value, String>;

const TABLE: &[(Signature, Call)] = &[
    (Signature::with_rest("args", &[], ANY), |_, arguments| {
        Ok(args(arguments))
    }),
    (Signature::new("externalURL", &[]), |e, _| {
        Ok(e.external_url.into())
    }),
    (
        Signature::new("first", &[ALL_SAMPLES]),
        |_, arguments| match samples(arguments) {
            [first, ..] => Ok(first.clone()),
            [] => Err("first() called on vector with no elements".to_owned()),
        },
    ),
    (Signature::new("graphLink", &[TEXT]), |_, arguments| {
        Ok(link(arguments, 0))
    }),
    (Signature::new("humanize", &[ANY]), |_, arguments| {
        Ok(humanize::humanize(float(arguments)?).into())
    }),
    (Signature::new("humanize1024", &[ANY]), |_, arguments| {
        Ok(humanize::humanize_1024(float(arguments)?).into())
    }),
    (
        Signature::new("humanizeDuration", &[ANY]),
        |_, arguments| Ok(humanize::humanize_duration(float(arguments)?).into()),
    ),
    (
        Signature::new("humanizePercentage", &[ANY]),
        |_, arguments| Ok(humanize::humanize_percentage(float(arguments)?).into()),
    ),
    (
        Signature::new("humanizeTimestamp", &[ANY]),
        |_, arguments| Ok(humanize::humanize_timestamp(float(arguments)?)?.into()),
    ),
    (
        Signature::new("label", &[TEXT, ONE_SAMPLE]),
        |_, arguments| Ok(label(sample(arguments, 1)?, text(arguments, 0))),
    ),
    (Signature::new("match", &[TEXT, TEXT]), |_, arguments| {
        let regex = pattern::compile(text(arguments, 0))?;
        Ok(regex.is_match(text(arguments, 1)).into())
    }),
    (Signature::new("now", &[]), |e, _| {
        Ok(Value::Float(e.at_ms as f64 / 1000.0))
    }),
    (Signature::new("parseDuration", &[TEXT]), |_, arguments| {
        let read = text(arguments, 0).parse::<PromDuration>();
        let duration = read.map_err(|error| error.to_string())?;
        Ok(Value::Float(duration.as_millis() as f64 / 1000.0))
    }),
    (Signature::new("pathPrefix", &[]), |e, _| {
        Ok(path(e.external_url).into())
    }),
    (Signature::new("query", &[TEXT]), |e, arguments| {
        let found = e.querier.query(text(arguments, 0), e.at_ms)?;
        let items = found.into_iter().map(Value::from).collect();
        Ok(Value::List(List::new(&SAMPLES, items)))
    }),
    (
        Signature::new("reReplaceAll", &[TEXT, TEXT, TEXT]),
        |_, arguments| {
            let (expression, replacement) = (text(arguments, 0), text(arguments, 1));
            Ok(pattern::replace_all(expression, replacement, text(arguments, 2))?.into())
        },
    ),
    (Signature::new("safeHtml", &[TEXT]), |_, arguments| {
        Ok(Value::Markup(Markup::Html, text(arguments, 0).into()))
    }),
    (
        Signature::new("sortByLabel", &[TEXT, ALL_SAMPLES]),
        |_, arguments| {
            let all = arguments.get(1..).unwrap_or_default();
            let mut sorted = samples(all).to_vec();
            let name = text(arguments, 0);
            sorted.sort_by_cached_key(|sample| match sample {
                Value::Struct(sample) => label(sample, name).as_str().map(Arc::<str>::from),
                _ => None,
            });
            Ok(Value::List(List::new(&SAMPLES, sorted)))
        },
    ),
    (Signature::new("stripDomain", &[TEXT]), |_, arguments| {
        Ok(address::without_domain(text(arguments, 0)).into())
    }),
    (Signature::new("stripPort", &[TEXT]), |_, arguments| {
        Ok(address::without_port(text(arguments, 0)).into())
    }),
    (Signature::new("strvalue", &[ONE_SAMPLE]), |_, arguments| {
        Ok(label(sample(arguments, 0)?, "__value__"))
    }),
    (Signature::new("tableLink", &[TEXT]), |_, arguments| {
        Ok(link(arguments, 1))
    }),
    (Signature::new("title", &[TEXT]), |_, arguments| {
        Ok(title(text(arguments, 0)).into())
    }),
    (Signature::new("toDuration", &[ANY]), |_, arguments| {
        Ok(Value::Duration(humanize::duration(float(arguments)?)?))
    }),
    (Signature::new("toLower", &[TEXT]), |_, arguments| {
        Ok(lower(text(arguments, 0)).into())
    }),
    (Signature::new("toTime", &[ANY]), |_, arguments| {
        Ok(Value::Time(humanize::time(float(arguments)?)?))
    }),
    (Signature::new("toUpper", &[TEXT]), |_, arguments| {
        Ok(upper(text(arguments, 0)).into())
    }),
    (Signature::new("urlQueryEscape", &[TEXT]), |_, arguments| {
        Ok(query_escaped(text(arguments, 0)).into())
    }),
    (Signature::new("value", &[ONE_SAMPLE]), |_, arguments| {
        let found = sample(arguments, 0)?.get("Value");
        Ok(found.cloned().unwrap_or(Value::Nil))
    }),
];

/// Executes a template of the set: only where HTML is made. The executor calls it itself.
const TMPL: Signature = Signature::new("tmpl", &[TEXT, ANY]);

/// The names of all of them.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(signature, _)| signature.name)
}

fn find(name: &str) -> Option<&'static (Signature, Call)> {
    TABLE.iter().find(|(signature, _)| signature.name == name)
}

/// The names of the functions, for parsing: nothing can be called.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names;

impl Functions for Names {
    fn signature(&self, name: &str) -> Option<&'static Signature> {
        find(name).map(|(signature, _)| signature)
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("{name} cannot be called while parsing"))
    }
}

impl Functions for Expander<'_> {
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

/// The functions where HTML is made.
pub(super) struct Html<'e, 'a>(pub(super) &'e Expander<'a>);

impl Functions for Html<'_, '_> {
    fn signature(&self, name: &str) -> Option<&'static Signature> {
        if name == TMPL.name {
            return Some(&TMPL);
        }
        self.0.signature(name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        self.0.call(name, arguments)
    }
}

impl From<Sample> for Value {
    fn from(sample: Sample) -> Self {
        Self::Struct(Struct::pointer(
            &SAMPLE,
            vec![
                ("Labels", super::string_map(&sample.labels)),
                ("Value", sample.value.into()),
            ],
        ))
    }
}

fn text(arguments: &[Value], at: usize) -> &str {
    arguments
        .get(at)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn float(arguments: &[Value]) -> Result<f64, String> {
    number(arguments.first().unwrap_or(&Value::Nil))
}

fn samples(arguments: &[Value]) -> &[Value] {
    match arguments.first() {
        Some(Value::List(list)) => list.items(),
        _ => &[],
    }
}

/// A sample; where there is none Go follows a nil pointer.
fn sample(arguments: &[Value], at: usize) -> Result<&Struct, String> {
    match arguments.get(at) {
        Some(Value::Struct(sample)) => Ok(sample),
        _ => Err("runtime error: invalid memory address or nil pointer dereference".to_owned()),
    }
}

fn label(sample: &Struct, name: &str) -> Value {
    match sample.get("Labels") {
        Some(Value::Map(labels)) => labels.get(name),
        _ => Value::string(""),
    }
}

fn args(arguments: &[Value]) -> Value {
    let named = (0..).zip(arguments);
    let named = named.map(|(i, value)| (Arc::from(format!("arg{i}")), value.clone()));
    Value::Map(Map::new(&Type::MAP, named))
}

fn link(arguments: &[Value], tab: u8) -> Value {
    let expression = query_escaped(text(arguments, 0));
    format!("/graph?g0.expr={expression}&g0.tab={tab}").into()
}

/// The path of a URL.
fn path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    let path = behind.find('/').map_or("", |at| &behind[at..]);
    let end = path.find(['?', '#']).unwrap_or(path.len());
    &path[..end]
}
