//! The objects of a watch, kept up to date from call to call.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Change, Event, Watch};
use crate::Error;

/// So many events are taken at a time, so that one call's data stays small.
const EVENTS_AT_ONCE: u32 = 1_000;

/// Objects by namespace and name, each as far as `T` wants to know it. How many there may be is
/// for the memory of the instance to say.
///
/// ```
/// use narthex_sdk::fake::Host;
/// use narthex_sdk::kubernetes::{Change, Objects};
///
/// #[derive(serde::Deserialize)]
/// struct Pod {
///     status: Status,
/// }
///
/// #[derive(serde::Deserialize)]
/// #[serde(rename_all = "camelCase")]
/// struct Status {
///     pod_ip: Option<String>,
/// }
///
/// let pod = r#"{"metadata": {"namespace": "shop", "name": "cart"}, "status": {"podIp": "10.0.0.1"}}"#;
/// Host::new().event("v1", "Pod", Change::Added, pod).install();
/// let mut pods: Objects<Pod> = Objects::open("v1", "Pod", None, None).unwrap();
/// assert!(pods.update().unwrap());
/// assert_eq!(pods.iter().next().unwrap().status.pod_ip.as_deref(), Some("10.0.0.1"));
/// ```
#[derive(Debug)]
pub struct Objects<T> {
    watch: Watch,
    by_name: BTreeMap<(String, String), T>,
}

/// What every object has.
#[derive(Deserialize)]
struct Named {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    /// Objects of the cluster have none.
    #[serde(default)]
    namespace: String,
    name: String,
}

impl<T: DeserializeOwned> Objects<T> {
    /// Opens a watch, as [`Watch::open`].
    ///
    /// # Errors
    /// As [`Watch::open`].
    pub fn open(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
    ) -> Result<Self, Error> {
        Ok(Self {
            watch: Watch::open(api_version, kind, namespace, label_selector)?,
            by_name: BTreeMap::new(),
        })
    }

    /// Takes all events that there are now; tells whether there was one.
    ///
    /// # Errors
    /// The watch is broken, or an object does not fit; what came before is taken.
    pub fn update(&mut self) -> Result<bool, Error> {
        let mut changed = false;
        loop {
            let events = self.watch.drain(EVENTS_AT_ONCE)?;
            for event in &events {
                self.take(event)?;
                changed = true;
            }
            if events.len() < EVENTS_AT_ONCE as usize {
                return Ok(changed);
            }
        }
    }

    fn take(&mut self, event: &Event) -> Result<(), Error> {
        let Metadata { namespace, name } = event.parse::<Named>()?.metadata;
        match event.change {
            Change::Deleted => self.by_name.remove(&(namespace, name)),
            Change::Added | Change::Modified => {
                self.by_name.insert((namespace, name), event.parse()?)
            }
        };
        Ok(())
    }

    /// Whether the first list is complete: before, what is missing may only be late.
    pub fn synced(&self) -> bool {
        self.watch.synced()
    }

    /// All of them, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.by_name.values()
    }

    /// The object of that name; the namespace is empty for objects of the cluster.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&T> {
        self.by_name.get(&(namespace.to_owned(), name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;

    #[derive(Deserialize)]
    struct Number {
        number: u32,
    }

    fn object(name: &str, number: u32) -> String {
        format!("{{\"metadata\": {{\"name\": {name:?}}}, \"number\": {number}}}")
    }

    fn numbers(objects: &Objects<Number>) -> Vec<u32> {
        objects.iter().map(|object| object.number).collect()
    }

    #[test]
    fn objects_follow_their_events() {
        let happen = |change, name: &str, number| {
            Host::happen("v1", "Node", change, &object(name, number));
        };
        Host::new()
            .event("v1", "Node", Change::Added, &object("b", 2))
            .install();
        let mut nodes: Objects<Number> = Objects::open("v1", "Node", None, None).unwrap();
        happen(Change::Added, "a", 1);
        assert!(nodes.update().unwrap());
        assert_eq!(numbers(&nodes), [1, 2]);
        assert!(!nodes.update().unwrap());
        happen(Change::Modified, "b", 20);
        happen(Change::Deleted, "a", 1);
        assert!(nodes.update().unwrap());
        assert_eq!(numbers(&nodes), [20]);
        assert!(nodes.get("", "a").is_none());
        assert_eq!(nodes.get("", "b").map(|object| object.number), Some(20));
        assert!(nodes.synced());
    }

    #[test]
    fn more_events_than_fit_at_once_are_all_taken() {
        Host::new()
            .event("v1", "Node", Change::Added, &object("0", 0))
            .install();
        let mut nodes: Objects<Number> = Objects::open("v1", "Node", None, None).unwrap();
        for number in 1..=2 * EVENTS_AT_ONCE {
            let name = number.to_string();
            Host::happen("v1", "Node", Change::Added, &object(&name, number));
        }
        nodes.update().unwrap();
        assert_eq!(numbers(&nodes).len(), 2 * EVENTS_AT_ONCE as usize + 1);
    }

    #[test]
    fn an_object_that_does_not_fit_is_an_error() {
        Host::new()
            .event(
                "v1",
                "Node",
                Change::Added,
                "{\"metadata\": {\"name\": \"a\"}}",
            )
            .install();
        let mut nodes: Objects<Number> = Objects::open("v1", "Node", None, None).unwrap();
        assert!(matches!(nodes.update(), Err(Error::Protocol(_))));
    }
}
