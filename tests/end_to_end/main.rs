//! The real binary, used as its users use it.

mod default_config;
mod hot_swap;
mod plugin_faults;
mod promql_command;
