//! Narthex beside the programs that it must agree with.

mod catalogue;
mod istio;
mod nginx;
mod parquet;
mod prometheus;
mod traefik;
