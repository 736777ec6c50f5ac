//! Narthex beside the programs that it must agree with.

mod beside;
mod blackbox;
mod catalogue;
mod formats;
mod import;
mod istio;
mod nginx;
mod node;
mod parquet;
mod postgres;
mod prometheus;
mod redis;
mod remote_write;
mod traefik;
mod web_config;
