//! Narthex beside the programs that it must agree with.

mod alertmanager;
mod amtool;
mod beside;
mod blackbox;
mod catalogue;
mod check;
mod deletion;
mod discovery;
mod formats;
mod import;
mod istio;
mod kubernetes;
mod nginx;
mod node;
mod otlp;
mod parquet;
mod postgres;
mod prometheus;
mod pushgateway;
mod redis;
mod remote_read;
mod remote_write;
mod rules;
mod scrapes;
mod traefik;
mod web_config;
