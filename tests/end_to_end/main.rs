//! The real binary, used as its users use it.

mod access;
mod agent;
mod alertmanager;
mod cluster;
mod compact;
mod default_config;
mod examples;
mod first_exporter;
mod fleet;
mod hot_swap;
mod languages;
mod late_samples;
mod object_store;
mod pace;
mod plugin_discovery;
mod plugin_faults;
mod plugin_install;
mod plugins_api;
mod promql_command;
mod receivers;
mod registry;
mod sharded;
mod shutdown;
mod store;
mod swap_storm;
mod tsdb_commands;
