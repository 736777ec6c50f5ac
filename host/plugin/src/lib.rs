//! Runs plugins: WebAssembly components that read targets, sandboxed, bounded, and replaced while
//! they work.
//!
//! A plugin reaches nothing but the imports declared under `wit/`, and each call to the outside
//! is checked against a grant. Whatever it does (a trap, an endless loop, all the memory it can
//! get) costs the scrape it was asked for, and no other.
//!
//! It is not: a place for what a plugin does, nor a registry, nor signatures. Only this crate
//! knows wasmtime. Components are compiled in a child process, before a scrape needs them.

mod artifact;
mod batch;
mod bindings;
mod budget;
mod cache;
mod capability;
mod collector;
mod compile;
mod config;
mod discoverer;
mod engine;
mod error;
mod expand;
mod folder;
mod host;
mod imports;
mod instance;
mod job;
mod lent;
pub mod limits;
mod loader;
mod log;
mod log_ring;
mod metrics;
mod notification_texts;
mod plugin;
mod receiver;
mod runtime;
mod sighting;
mod state;
mod status;
mod strikes;
mod swap;
mod vault;
mod version;
mod watches;
mod world;

pub use artifact::Artifact;
pub use compile::{COMPILE_COMMAND, CompileLimits, CompilerProgram, compile_child};
pub use config::{Grant, LimitsConfig, PluginLimits, PluginsConfig, SecretConfig};
pub use error::PluginError;
pub use expand::{Expand, TextForm};
pub use lent::{Lent, Lookups, Observer, Reach, SentRequest};
pub use log_ring::LogLine;
pub use narthex_http::{Lookup, SystemLookup};
pub use narthex_registry::{ConfigFault, GrantList, MemorySize};
pub use notification_texts::NotificationTexts;
pub use receiver::{Alert, Attempt, Notification, Outcome, PluginReceiver};
pub use runtime::{PluginOptions, PluginRuntime};
pub use status::{Failure, JobDetail, PluginDetail, PluginState, PluginStatus, Quarantine};
pub use version::Source;
pub use watches::{Watch, WatchChange, WatchEvent, WatchNews, WatchRequest, Watches};
