//! PromQL: text to tree to numbers.
//!
//! It is not: a server. Nothing here asks for the time, or reads a file or a socket; what to read
//! comes through [`narthex_storage::Queryable`], evaluation itself is synchronous, and the limit
//! on a query's time is the runtime's timer.

mod annotations;
pub mod ast;
mod budget;
mod engine;
mod error;
mod evaluate;
mod fetch;
pub mod functions;
mod lexer;
pub mod parser;
mod place;
mod plan;
pub mod printer;
mod query;
mod room;
pub mod script;
pub mod series_description;
mod statistics;
mod tracker;
mod types;
mod value;

pub use engine::{Engine, EngineOptions, QueryOptions};
pub use error::QueryError;
pub use parser::{ParseError, ParseOptions, parse, parse_metric_selector};
pub use plan::MaxSourceResolution;
pub use printer::pretty;
pub use series_description::parse_series_description;
pub use statistics::{QuerySamples, QueryStats, QueryTimings, StatsWanted};
pub use tracker::QueryTracker;
pub use value::{MatrixSeries, QueryResult, Value, VectorSample};
