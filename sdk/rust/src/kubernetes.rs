//! Objects of a Kubernetes cluster, of granted kinds, from watches that the host keeps and shares
//! among all plugins.

mod objects;

use serde::de::DeserializeOwned;

use crate::{Error, gate};

pub use crate::bindings::narthex::plugin::kubernetes::{Change, Event};
pub use objects::Objects;

/// A watch. Keep it from call to call: it brings what changed since the last one.
#[derive(Debug)]
pub struct Watch(gate::kubernetes::Watch);

impl Watch {
    /// Opens a watch of a kind of objects; `api_version` as in an object, `v1` or `apps/v1`.
    /// Without a namespace it is of all of them.
    ///
    /// # Errors
    /// The grant does not cover the kind, or the cluster does not know it.
    pub fn open(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Self, Error> {
        gate::kubernetes::open(api_version, kind, namespace, label_selector).map(Self)
    }

    /// The events since the last call, up to so many; the first are all objects that there are,
    /// as added.
    ///
    /// # Errors
    /// The watch is broken: open another.
    pub fn drain(&mut self, max: u32) -> Result<Vec<Event>, Error> {
        self.0.drain(max)
    }

    /// Whether the first list is complete.
    pub fn synced(&self) -> bool {
        self.0.synced()
    }
}

impl Event {
    /// The object, as far as `T` wants to know it.
    ///
    /// # Errors
    /// It does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.object)
            .map_err(|error| Error::Protocol(format!("the object does not fit: {error}")))
    }
}
