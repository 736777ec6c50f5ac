//! The worlds of the contract: what a component has to export to be of use, and the same exports
//! of one instance.
//!
//! It is not: what becomes of what they answer (`collector`, `discoverer`, `receiver`).

use std::fmt;

use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::bindings::discovery::{Discovery, DiscoveryPre};
use crate::bindings::exporter::{Exporter, ExporterPre};
use crate::bindings::plugin::types::Error;
use crate::bindings::receiver::{Receiver, ReceiverPre};
use crate::error::PluginError;
use crate::host::Host;

/// A world, by its name in manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    Exporter,
    Discovery,
    Receiver,
}

impl World {
    /// The world of that name; manifests have no other.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "exporter" => Some(Self::Exporter),
            "discovery" => Some(Self::Discovery),
            "receiver" => Some(Self::Receiver),
            _ => None,
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exporter => "exporter",
            Self::Discovery => "discovery",
            Self::Receiver => "receiver",
        })
    }
}

/// A component that was checked against its world.
#[derive(Clone)]
pub(crate) enum Program {
    Exporter(ExporterPre<Host>),
    Discovery(DiscoveryPre<Host>),
    Receiver(ReceiverPre<Host>),
}

impl Program {
    /// Checks imports and exports.
    pub(crate) fn new(
        linker: &Linker<Host>,
        component: &Component,
        world: World,
    ) -> Result<Self, PluginError> {
        let fault = |error: wasmtime::Error| PluginError::World {
            world: world.to_string(),
            reason: format!("{error:#}"),
        };
        let pre = linker.instantiate_pre(component).map_err(fault)?;
        Ok(match world {
            World::Exporter => Self::Exporter(ExporterPre::new(pre).map_err(fault)?),
            World::Discovery => Self::Discovery(DiscoveryPre::new(pre).map_err(fault)?),
            World::Receiver => Self::Receiver(ReceiverPre::new(pre).map_err(fault)?),
        })
    }

    pub(crate) fn engine(&self) -> &Engine {
        match self {
            Self::Exporter(pre) => pre.engine(),
            Self::Discovery(pre) => pre.engine(),
            Self::Receiver(pre) => pre.engine(),
        }
    }

    pub(crate) async fn instantiate(&self, store: &mut Store<Host>) -> wasmtime::Result<Guest> {
        Ok(match self {
            Self::Exporter(pre) => Guest::Exporter(pre.instantiate_async(store).await?),
            Self::Discovery(pre) => Guest::Discovery(pre.instantiate_async(store).await?),
            Self::Receiver(pre) => Guest::Receiver(pre.instantiate_async(store).await?),
        })
    }
}

/// The exports of one instance.
pub(crate) enum Guest {
    Exporter(Exporter),
    Discovery(Discovery),
    Receiver(Receiver),
}

/// Asks the lifecycle of whatever world it is.
macro_rules! lifecycle {
    ($guest:expr, $lifecycle:ident => $answer:expr) => {
        match $guest {
            Guest::Exporter(guest) => {
                let $lifecycle = guest.narthex_plugin_lifecycle();
                $answer
            }
            Guest::Discovery(guest) => {
                let $lifecycle = guest.narthex_plugin_lifecycle();
                $answer
            }
            Guest::Receiver(guest) => {
                let $lifecycle = guest.narthex_plugin_lifecycle();
                $answer
            }
        }
    };
}

impl Guest {
    pub(crate) async fn init(
        &self,
        store: &mut Store<Host>,
        config: &str,
    ) -> wasmtime::Result<Result<(), Error>> {
        lifecycle!(self, lifecycle => lifecycle.call_init(store, config).await)
    }

    pub(crate) async fn reconfigure(
        &self,
        store: &mut Store<Host>,
        config: &str,
    ) -> wasmtime::Result<Result<bool, Error>> {
        lifecycle!(self, lifecycle => lifecycle.call_reconfigure(store, config).await)
    }

    /// Why it is not ready; none, where it is.
    pub(crate) async fn health(&self, store: &mut Store<Host>) -> wasmtime::Result<Option<String>> {
        lifecycle!(self, lifecycle => {
            let health = lifecycle.call_health(store).await?;
            Ok((!health.ready).then_some(health.message))
        })
    }

    pub(crate) async fn shutdown(&self, store: &mut Store<Host>) -> wasmtime::Result<()> {
        lifecycle!(self, lifecycle => lifecycle.call_shutdown(store).await)
    }
}
