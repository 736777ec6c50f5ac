//! The trait that a discovery plugin implements, and the macro that makes it a component.

use serde::de::DeserializeOwned;

use crate::slot::{Slot, lifecycle};
use crate::{Error, gate};

pub use crate::bindings::discoverer::Group;

/// What finds targets. One instance serves one job; its calls never overlap.
///
/// ```
/// use narthex_sdk::{Discovery, Error, Group, files};
///
/// struct Hosts;
///
/// impl Discovery for Hosts {
///     type Config = narthex_sdk::NoConfig;
///
///     fn init(_: Self::Config) -> Result<Self, Error> {
///         Ok(Self)
///     }
///
///     fn refresh(&mut self) -> Result<Vec<Group>, Error> {
///         let hosts = files::read_text("/etc/inventory")?;
///         let mut group = Group::new("inventory").label("site", "berlin");
///         for host in hosts.lines() {
///             group.add(host, &[("__meta_inventory_host", host)]);
///         }
///         Ok(vec![group])
///     }
/// }
///
/// narthex_sdk::export_discovery!(Hosts);
/// ```
pub trait Discovery: Sized + 'static {
    /// The job's configuration. Put `deny_unknown_fields` on it.
    type Config: DeserializeOwned;

    /// Called once, before anything else.
    ///
    /// # Errors
    /// The instance is not put to work; the job has no targets of it.
    fn init(config: Self::Config) -> Result<Self, Error>;

    /// All groups that there are now. Called at an interval, and when one of the plugin's
    /// watches has events.
    ///
    /// # Errors
    /// The groups of the last call stay.
    fn refresh(&mut self) -> Result<Vec<Group>, Error>;

    /// Another configuration for the same job. Override it where state is worth keeping; false
    /// asks the host for a new instance.
    ///
    /// # Errors
    /// The configuration is wrong: the old one stays.
    fn reconfigure(&mut self, _config: Self::Config) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether the instance can be put to work; asked once, after `init`.
    ///
    /// # Errors
    /// Why not.
    fn health(&self) -> Result<(), String> {
        Ok(())
    }

    /// The last call of an instance that ends in peace.
    fn shutdown(&mut self) {}
}

/// Said in a call of [`Discovery::refresh`]: it returns changes only. Groups that it does not name
/// stay, one without targets ends the group of its source, and an error changes nothing. What the
/// first call of an instance returns are all groups, said or not.
pub fn only_changes() {
    gate::refreshing::only_changes();
}

/// Said in a call of [`Discovery::refresh`]: there is more than it returns. The host calls again at
/// once, and what these calls return counts together.
pub fn more_to_come() {
    gate::refreshing::more_to_come();
}

/// Said in a call of [`Discovery::refresh`]: so much was looked up, such as names, and so much of that
/// in vain. The host counts it where it has a metric for that.
pub fn looked_up(count: u32, failed: u32) {
    gate::refreshing::looked_up(count, failed);
}

impl Group {
    /// A group without targets. The source names it among those of its job: a group of the same
    /// source takes its place.
    pub fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            targets: Vec::new(),
            labels: Vec::new(),
        }
    }

    /// Adds a label of all targets.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a target: its address, `host:port`, and labels of its own, which come before the
    /// group's.
    pub fn add(&mut self, address: &str, labels: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut target = vec![owned(&("__address__", address))];
        target.extend(labels.iter().map(owned));
        self.targets.push(target);
    }
}

/// A text as a part of a label's name: what cannot stand in one becomes `_`.
pub fn label_name(text: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    text.chars().map(part).collect()
}

/// Tells the world of a discovery plugin's slot.
#[doc(hidden)]
#[derive(Debug)]
pub struct DiscoveryWorld;

lifecycle!(Discovery, DiscoveryWorld);

impl<D: Discovery> Slot<D, DiscoveryWorld> {
    /// `discoverer.refresh`.
    ///
    /// # Errors
    /// What the plugin says.
    pub fn refresh(&self) -> Result<Vec<Group>, Error> {
        self.call("refresh", Discovery::refresh)
    }
}

/// Makes the discovery plugin the component's, once, in the crate's root. Outside of WebAssembly
/// it expands to nothing.
#[macro_export]
macro_rules! export_discovery {
    ($discovery:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::bindings::discoverer;

            struct Component;

            ::std::thread_local! {
                static SLOT: $crate::private::Slot<$discovery, $crate::private::DiscoveryWorld> =
                    const { $crate::private::Slot::new() };
            }

            $crate::export_slot!(SLOT, Component);

            impl discoverer::Guest for Component {
                fn refresh() -> Result<Vec<discoverer::Group>, $crate::Error> {
                    SLOT.with(|slot| slot.refresh())
                }
            }

            $crate::bindings::discoverer::export_discoverer!(
                Component with_types_in $crate::bindings::discoverer
            );
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;
    use crate::kubernetes::{Change, Watch};

    #[derive(serde::Deserialize)]
    struct Pod {
        name: String,
        address: String,
    }

    /// Pods of a cluster by name, kept from call to call.
    struct Pods {
        watch: Watch,
        addresses: std::collections::BTreeMap<String, String>,
    }

    impl Discovery for Pods {
        type Config = crate::NoConfig;

        fn init(_: Self::Config) -> Result<Self, Error> {
            Ok(Self {
                watch: Watch::open("v1", "Pod", None, None)?,
                addresses: std::collections::BTreeMap::new(),
            })
        }

        fn refresh(&mut self) -> Result<Vec<Group>, Error> {
            for event in self.watch.drain(100)? {
                let pod: Pod = event.parse()?;
                match event.change {
                    Change::Deleted => self.addresses.remove(&pod.name),
                    Change::Added | Change::Modified => {
                        self.addresses.insert(pod.name, pod.address)
                    }
                };
            }
            let mut group = Group::new("pods").label("cluster", "a");
            for (name, address) in &self.addresses {
                group.add(address, &[("__meta_pod", name)]);
            }
            Ok(vec![group])
        }
    }

    fn addresses(groups: &[Group]) -> Vec<&str> {
        let targets = groups.iter().flat_map(|group| &group.targets);
        targets.map(|labels| labels[0].1.as_str()).collect()
    }

    #[test]
    fn targets_follow_the_events_of_a_watch() {
        let pod =
            |name: &str, address: &str| format!("{{\"name\": {name:?}, \"address\": {address:?}}}");
        Host::new()
            .event("v1", "Pod", Change::Added, &pod("a", "10.0.0.1:80"))
            .event("v1", "Pod", Change::Added, &pod("b", "10.0.0.2:80"))
            .install();
        let slot = Slot::<Pods, DiscoveryWorld>::new();
        slot.init("{}").unwrap();
        let groups = slot.refresh().unwrap();
        assert_eq!(addresses(&groups), ["10.0.0.1:80", "10.0.0.2:80"]);
        assert_eq!(groups[0].labels, [("cluster".to_owned(), "a".to_owned())]);
        Host::happen("v1", "Pod", Change::Deleted, &pod("a", ""));
        Host::happen("v1", "Pod", Change::Modified, &pod("b", "10.0.0.3:80"));
        assert_eq!(addresses(&slot.refresh().unwrap()), ["10.0.0.3:80"]);
    }

    #[test]
    fn a_kind_that_is_not_granted_is_denied() {
        Host::new().install();
        let slot = Slot::<Pods, DiscoveryWorld>::new();
        assert!(matches!(slot.init("{}"), Err(Error::Denied(_))));
    }
}
