//! What goes wrong with plugins: with loading one, and with one call.

use crate::bindings::plugin::types;
use narthex_exposition::FamiliesError;
use narthex_model::PromDuration;
use narthex_registry::MemorySize;

/// Why a plugin cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// No plugin of that name.
    #[error("no plugin is named {name:?}; there are: {known}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// It is there, but none of its versions could be loaded.
    #[error("plugin {name} cannot be used: {reason}")]
    Unusable {
        /// The plugin.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The manifest is missing, or something in it does not hold.
    #[error("manifest: {0}")]
    Manifest(String),
    /// The configuration's grant for it does not hold.
    #[error("{0}")]
    Grant(String),
    /// The file is not a component, or not a whole one.
    #[error("not a component: {0}")]
    Component(String),
    /// It imports what plugins do not get.
    #[error("it imports {0}, which plugins do not get (wit/README.md says what they do)")]
    Import(String),
    /// It does not fit the world that its manifest names.
    #[error("it does not fit the world exporter: {0}")]
    World(String),
    /// It could not be made ready with the configuration of a job that uses it.
    #[error("job {job:?}: {reason}")]
    Setup {
        /// The job.
        job: String,
        /// What its instance did.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{0}")]
    File(String),
    /// The engine refused its own settings, or the system a thread.
    #[error("the WebAssembly engine: {0}")]
    Engine(String),
}

impl PluginError {
    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

/// Why a call brought nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum CallError {
    /// The guest stopped in the middle.
    #[error("trap: {0}")]
    Trap(String),
    /// The guest was stopped at its deadline.
    #[error("stopped after {0}: deadline")]
    Deadline(PromDuration),
    /// The guest asked for more memory than it may have, and stopped.
    #[error("memory limit of {0} reached")]
    Memory(MemorySize),
    /// The guest said so itself.
    #[error("{0}")]
    Guest(String),
    /// The guest does not want to be put to work.
    #[error("not ready: {0}")]
    NotReady(String),
    /// The batch contradicts itself.
    #[error("invalid batch: {0}")]
    Batch(#[from] FamiliesError),
    /// The handle in the payload is of no response of this call.
    #[error("no response of this call has the handle {0}")]
    Response(u64),
    /// The response was not the body of a successful request.
    #[error("server returned HTTP status {0}")]
    Status(u16),
}

impl CallError {
    /// The label `result` of the call's metric.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Trap(_) => "trap",
            Self::Deadline(_) => "timeout",
            Self::Memory(_) => "memory",
            Self::Guest(_) | Self::Status(_) => "error",
            Self::NotReady(_) => "not_ready",
            Self::Batch(_) | Self::Response(_) => "invalid",
        }
    }

    /// Whether the instance can take another call.
    pub(crate) fn leaves_instance(&self) -> bool {
        !matches!(
            self,
            Self::Trap(_) | Self::Deadline(_) | Self::Memory(_) | Self::NotReady(_)
        )
    }
}

impl From<types::Error> for CallError {
    fn from(error: types::Error) -> Self {
        Self::Guest(match error {
            types::Error::Config(text) => format!("config: {text}"),
            types::Error::Unavailable(text)
            | types::Error::Protocol(text)
            | types::Error::Internal(text) => text,
            types::Error::Timeout => "timeout".to_owned(),
            types::Error::Denied(text) => format!("denied: {text}"),
        })
    }
}
