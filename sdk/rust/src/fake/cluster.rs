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

    use crate::Error;
    use crate::fake::with;
    use crate::kubernetes::Event;

    #[derive(Debug)]
    pub(crate) struct Watch {
        key: (String, String),
        /// How many events it has seen.
        seen: usize,
    }

    pub(crate) fn open(
        api_version: &str,
        kind: &str,
        _namespace: Option<&str>,
        _label_selector: Option<&str>,
    ) -> Result<Watch, Error> {
        let key = (api_version.to_owned(), kind.to_owned());
        match with(|host| host.cluster.0.contains_key(&key)) {
            true => Ok(Watch { key, seen: 0 }),
            false => Err(Error::Denied(format!("{api_version}/{kind} is not there"))),
        }
    }

    impl Watch {
        #[expect(clippy::unnecessary_wraps, reason = "as the import has it")]
        pub(crate) fn drain(&mut self, max: u32) -> Result<Vec<Event>, Error> {
            let events: Vec<Event> = with(|host| {
                let events = host.cluster.0.get(&self.key).into_iter().flatten();
                events.skip(self.seen).take(max as usize).cloned().collect()
            });
            self.seen += events.len();
            Ok(events)
        }

        pub(crate) fn synced(&self) -> bool {
            true
        }
    }
}
