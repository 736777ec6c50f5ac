//! Go templates as alerting rules and notifications use them.
//!
//! ```text
//! text ► lexer ► parser ► trees ┐
//! data ► Value ─────────────────┴► executor ► text, or HTML escaped place by place
//!        Functions: Prometheus', Alertmanager's
//! ```
//!
//! The language is Go's text/template with the option `missingkey=zero`, its words for errors
//! included; what differs is in `docs/templates.md`. An execution ends within [`Limits`].
//!
//! It is not: a place that reads files, clocks or a store. Who expands says what time it is and
//! answers the `query` function.

pub mod alertmanager;
mod builtins;
mod error;
mod exec;
mod functions;
mod html;
mod humanize;
mod json;
mod lexer;
mod limits;
mod node;
mod parser;
mod pattern;
mod printing;
pub mod prometheus;
mod quote;
mod template;
mod text;
mod time;
mod value;

pub use error::{ExecuteError, ParseError};
pub use functions::{Functions, NoFunctions};
pub use limits::Limits;
pub use template::{Template, Templates};
pub use time::{Duration, Name, Time, Zone};
pub use value::{Element, List, Map, Markup, Method, Param, Signature, Struct, Type, Value};
