//! Narthex beside the programs that it must agree with.

mod parquet;
mod prometheus;
