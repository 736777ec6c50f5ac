//! Pages read and written as a scrape and `/federate` do it.

mod hostile;
mod open_metrics;
mod page;
mod prometheus_text;
mod protobuf;
mod round_trip;
