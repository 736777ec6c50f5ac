//! Objects of a Kubernetes cluster, of granted kinds, from watches that the host keeps and shares
//! among all plugins.

mod objects;

use serde::de::DeserializeOwned;

use crate::{Error, gate};

pub use crate::bindings::narthex::plugin::kubernetes::{Change, Event, News};
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

    /// As [`Self::open`], of those objects only whose fields are as the selector says, such as
    /// `spec.nodeName=a,status.phase!=Failed`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_selected(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
        field_selector: Option<&str>,
    ) -> Result<Self, Error> {
        let (labels, fields) = (label_selector, field_selector);
        gate::kubernetes::open_selected(api_version, kind, namespace, labels, fields).map(Self)
    }

    /// As [`Self::drain`], with the names of the objects only: who keeps no objects asks
    /// [`Self::lookup`] for those that it needs. Both take from the same events.
    ///
    /// # Errors
    /// As [`Self::drain`].
    pub fn drain_news(&mut self, max: u32) -> Result<Vec<News>, Error> {
        gate::kubernetes::drain_news(&self.0, max)
    }

    /// An object as the host knows it now, as far as `T` wants to know it; none where there is
    /// none. The namespace is empty for objects of the cluster.
    ///
    /// # Errors
    /// The object does not fit, or the call has read all that it may.
    pub fn lookup<T: DeserializeOwned>(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<T>, Error> {
        let object = gate::kubernetes::lookup(&self.0, namespace, name)?;
        object.map(|object| parse(&object)).transpose()
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
        parse(&self.object)
    }
}

fn parse<T: DeserializeOwned>(object: &str) -> Result<T, Error> {
    serde_json::from_str(object)
        .map_err(|error| Error::Protocol(format!("the object does not fit: {error}")))
}
