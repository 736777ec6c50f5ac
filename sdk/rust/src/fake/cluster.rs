//! The Kubernetes cluster of the fake host.

use std::collections::BTreeMap;

use crate::bindings::narthex::plugin::kubernetes::{Change, Event};

/// Events by API version and kind, all that there were.
#[derive(Debug, Default)]
pub(super) struct Cluster(BTreeMap<(String, String), Vec<Event>>);

impl Cluster {
    pub(super) fn push(&mut self, api_version: &str, kind: &str, change: Change, object: &str) {
        let key = (api_version.to_owned(), kind.to_owned());
        let event = Event {
            change,
            object: object.to_owned(),
        };
        self.0.entry(key).or_default().push(event);
    }
}

pub(crate) mod kubernetes {
    //! As the import `kubernetes`.

    use std::cell::Cell;

    use serde::Deserialize;

    use crate::Error;
    use crate::fake::with;
    use crate::kubernetes::{Change, Event, News};

    #[derive(Debug)]
    pub(crate) struct Watch {
        key: (String, String),
        /// None is all of them. Selectors are the cluster's to understand, and this is none.
        namespace: Option<String>,
        /// How many events it has seen.
        seen: Cell<usize>,
    }

    /// Which object it is.
    #[derive(Deserialize)]
    struct Object {
        #[serde(default)]
        metadata: Metadata,
    }

    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Metadata {
        namespace: String,
        name: String,
    }

    fn metadata(event: &Event) -> Metadata {
        let object = serde_json::from_str(&event.object);
        object.map_or_else(|_| Metadata::default(), |object: Object| object.metadata)
    }

    pub(crate) fn open(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        _label_selector: Option<&str>,
    ) -> Result<Watch, Error> {
        let key = (api_version.to_owned(), kind.to_owned());
        match with(|host| host.cluster.0.contains_key(&key)) {
            true => Ok(Watch {
                key,
                namespace: namespace.map(str::to_owned),
                seen: Cell::new(0),
            }),
            false => Err(Error::Denied(format!("{api_version}/{kind} is not there"))),
        }
    }

    pub(crate) fn open_selected(
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        label_selector: Option<&str>,
        _field_selector: Option<&str>,
    ) -> Result<Watch, Error> {
        open(api_version, kind, namespace, label_selector)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
    pub(crate) fn drain_news(watch: &Watch, max: u32) -> Result<Vec<News>, Error> {
        let news = watch.take(max).into_iter().map(|event| {
            let Metadata { namespace, name } = metadata(&event);
            News {
                change: event.change,
                namespace,
                name,
            }
        });
        Ok(news.collect())
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
    pub(crate) fn lookup(
        watch: &Watch,
        namespace: &str,
        name: &str,
    ) -> Result<Option<String>, Error> {
        let events = with(|host| host.cluster.0.get(&watch.key).cloned().unwrap_or_default());
        let is_it = |event: &&Event| {
            let found = metadata(event);
            found.namespace == namespace && found.name == name && watch.sees(event)
        };
        let last = events.iter().rev().find(is_it);
        let there = last.filter(|event| event.change != Change::Deleted);
        Ok(there.map(|event| event.object.clone()))
    }

    impl Watch {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn drain(&self, max: u32) -> Result<Vec<Event>, Error> {
            Ok(self.take(max))
        }

        fn take(&self, max: u32) -> Vec<Event> {
            let events: Vec<Event> = with(|host| {
                let events = host.cluster.0.get(&self.key).into_iter().flatten();
                let events = events.skip(self.seen.get()).take(max as usize);
                events.cloned().collect()
            });
            self.seen.set(self.seen.get() + events.len());
            events
                .into_iter()
                .filter(|event| self.sees(event))
                .collect()
        }

        fn sees(&self, event: &Event) -> bool {
            let namespace = self.namespace.as_ref();
            namespace.is_none_or(|namespace| metadata(event).namespace == *namespace)
        }

        pub(crate) fn synced(&self) -> bool {
            true
        }
    }
}

pub(crate) mod refreshing {
    //! As the import `refreshing`.

    use crate::fake::with;

    pub(crate) fn only_changes() {}

    pub(crate) fn more_to_come() {
        with(|host| host.has_more = true);
    }

    pub(crate) fn looked_up(count: u32, failed: u32) {
        with(|host| {
            host.looked_up.0 += count;
            host.looked_up.1 += failed;
        });
    }
}
