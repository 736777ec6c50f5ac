//! The real binary, used as its users use it.

mod default_config;
