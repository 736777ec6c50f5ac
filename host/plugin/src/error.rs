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
    /// The compiler gave up on it.
    #[error("it could not be compiled: {0}")]
    Compile(String),
    /// It imports what plugins do not get.
    #[error("it imports {0}, which plugins do not get (wit/README.md says what they do)")]
    Import(String),
    /// It does not fit the world that its manifest names.
    #[error("it does not fit the world {world}: {reason}")]
    World {
        /// The world.
        world: String,
        /// What does not fit.
        reason: String,
    },
    /// It is of another world than the one that it is to be used in.
    #[error("plugin {name} is of the world {found}; here one of the world {needed} is needed")]
    OtherWorld {
        /// The plugin.
        name: String,
        /// Its world.
        found: String,
        /// The world that is needed.
        needed: String,
    },
    /// It has no signature that counts.
    #[error("{0}")]
    Untrusted(String),
    /// It asks for more than the operator has approved; the version at work goes on.
    #[error(
        "held: it asks for more than the version at work: {more}; to let it in, write all that it \
         may reach into plugins.grants.{name}, or remove it"
    )]
    Held {
        /// The plugin.
        name: String,
        /// What more it asks for.
        more: String,
    },
    /// There is no version to go back to.
    #[error("plugin {0} has no previous version to go back to")]
    NoPrevious(String),
    /// A newer version was found before this one was at work.
    #[error("a newer version was found meanwhile")]
    Overtaken,
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
    #[error("trap: {message}")]
    Trap {
        /// The engine's words.
        message: String,
        /// Where it was, innermost first; empty where nobody knows.
        backtrace: String,
    },
    /// The guest was stopped at its deadline.
    #[error("stopped after {length}: deadline")]
    Deadline {
        /// The time that it had.
        length: PromDuration,
        /// Whether it was computing, and not waiting for the outside.
        is_busy: bool,
    },
    /// The guest asked for more memory than it may have, and stopped.
    #[error("memory limit of {0} reached")]
    Memory(MemorySize),
    /// The guest said so itself.
    #[error("{text}")]
    Guest {
        /// Of what kind the error is.
        kind: GuestErrorKind,
        /// What it said.
        text: String,
    },
    /// The guest does not want to be put to work.
    #[error("not ready: {0}")]
    NotReady(String),
    /// It failed too often, and is not asked for a while.
    #[error("{0}")]
    Barred(String),
    /// The batch contradicts itself.
    #[error("invalid batch: {0}")]
    Batch(#[from] FamiliesError),
    /// What a discovery found is more than the host takes.
    #[error("{count} {what}, more than {max}")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A cluster that is watched has not told all objects yet.
    #[error("waiting for the first list of the cluster: {0}")]
    NotListed(String),
    /// The handle in the payload is of no response of this call.
    #[error("no response of this call has the handle {0}")]
    Response(u64),
    /// The response was not the body of a successful request.
    #[error("server returned HTTP status {0}")]
    Status(u16),
}

/// The kinds of errors that guests tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuestErrorKind {
    Config,
    Unavailable,
    Timeout,
    Denied,
    Other,
}

impl CallError {
    /// The label `result` of the call's metric.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Deadline { .. } => "timeout",
            Self::Memory(_) => "memory",
            Self::Guest { .. } | Self::Status(_) => "error",
            Self::NotReady(_) | Self::NotListed(_) => "not_ready",
            Self::Barred(_) => "barred",
            Self::Batch(_) | Self::Response(_) | Self::TooMany { .. } => "invalid",
        }
    }

    /// Whether the instance can take another call.
    pub(crate) fn leaves_instance(&self) -> bool {
        !matches!(
            self,
            Self::Trap { .. }
                | Self::Deadline { .. }
                | Self::Memory(_)
                | Self::NotReady(_)
                // What it said is lost, and it may not say it again.
                | Self::TooMany { .. }
        )
    }

    /// Whether time was up.
    pub(crate) fn is_late(&self) -> bool {
        match self {
            Self::Guest { kind, .. } => *kind == GuestErrorKind::Timeout,
            Self::Deadline { .. } => true,
            _ => false,
        }
    }

    /// Whether the guest is to blame, and not what it met.
    pub(crate) fn is_strike(&self) -> bool {
        match self {
            Self::Trap { .. } | Self::Memory(_) => true,
            Self::Deadline { is_busy, .. } => *is_busy,
            _ => false,
        }
    }
}

impl From<types::Error> for CallError {
    fn from(error: types::Error) -> Self {
        use GuestErrorKind as Kind;
        let (kind, text) = match error {
            types::Error::Config(text) => (Kind::Config, format!("config: {text}")),
            types::Error::Unavailable(text) => (Kind::Unavailable, text),
            types::Error::Protocol(text) | types::Error::Internal(text) => (Kind::Other, text),
            types::Error::Timeout => (Kind::Timeout, "timeout".to_owned()),
            types::Error::Denied(text) => (Kind::Denied, format!("denied: {text}")),
        };
        Self::Guest { kind, text }
    }
}
