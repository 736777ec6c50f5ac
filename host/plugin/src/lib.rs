//! Runs plugins: WebAssembly components that read targets, sandboxed, bounded, and replaced while
//! they work.
//!
//! A plugin reaches nothing but the imports declared under `wit/`, and each call to the outside
//! is checked against a grant. Whatever it does (a trap, an endless loop, all the memory it can
//! get) costs the scrape it was asked for, and no other.
//!
//! It is not: a place for what a plugin does, nor a registry, nor signatures. Only this crate
//! knows wasmtime. Components are compiled in this process, on threads for blocking work, before
//! a scrape needs them.

mod artifact;
mod bindings;
mod budget;
mod cache;
mod capability;
mod config;
mod engine;
mod error;
mod folder;
mod host;
mod imports;
mod instance;
mod job;
pub mod limits;
mod log;
mod metrics;
mod plugin;
mod runtime;
mod state;
mod vault;
mod version;
mod watches;

pub use artifact::Artifact;
pub use config::{Grant, LimitsConfig, PluginsConfig, SecretConfig};
pub use error::PluginError;
pub use narthex_registry::{GrantList, MemorySize};
pub use plugin::{PluginState, PluginStatus};
pub use runtime::{PluginOptions, PluginRuntime};
pub use version::Source;
pub use watches::{Watch, WatchChange, WatchEvent, Watches};
