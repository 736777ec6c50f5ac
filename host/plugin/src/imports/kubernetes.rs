//! `narthex:plugin/kubernetes`, over the host's watches.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::plugin::kubernetes;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::capability::Denied;
use crate::host::Host;
use crate::limits::{WATCH_EVENTS_MAX, WATCHES_MAX};
use crate::watches::{Watch, WatchChange};

/// What a guest's handle stands for: the watch itself belongs to the instance.
#[derive(Debug, Clone, Copy)]
#[expect(
    unreachable_pub,
    reason = "the generated code names it as a public type"
)]
pub struct WatchHandle {
    index: usize,
}

impl Host {
    async fn open_watch(
        &mut self,
        api_version: &str,
        kind: &str,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Box<dyn Watch>, Error> {
        let granted = self
            .capabilities
            .kubernetes(&format!("{api_version}/{kind}"));
        granted.map_err(|denied| self.refuse(denied))?;
        if self.watches.iter().flatten().count() >= WATCHES_MAX {
            return Err(self.refuse(Denied {
                capability: "kubernetes",
                message: format!("more than {WATCHES_MAX} watches of one instance"),
            }));
        }
        let Some(watches) = self.outside.watches.clone() else {
            let text = "kubernetes: this host is not connected to a cluster";
            return Err(Error::Unavailable(text.to_owned()));
        };
        let opened = watches.open(api_version, kind, namespace, selector).await;
        opened.map_err(|text| Error::Unavailable(format!("kubernetes: {text}")))
    }

    fn watch(&mut self, handle: &Resource<WatchHandle>) -> Result<&mut Box<dyn Watch>> {
        let index = self.table().get(handle)?.index;
        let watch = self.watches.get_mut(index).and_then(Option::as_mut);
        watch.ok_or_else(|| wasmtime::Error::msg("no watch has this handle"))
    }
}

impl kubernetes::Host for Host {
    async fn open(
        &mut self,
        api_version: String,
        kind: String,
        namespace: Option<String>,
        label_selector: Option<String>,
    ) -> Result<Result<Resource<WatchHandle>, Error>> {
        self.enter(Interface::Kubernetes)?;
        let opened = self
            .open_watch(
                &api_version,
                &kind,
                namespace.as_deref(),
                label_selector.as_deref(),
            )
            .await;
        let watch = match opened {
            Ok(watch) => watch,
            Err(error) => return Ok(Err(error)),
        };
        let free = self.watches.iter().position(Option::is_none);
        let index = free.unwrap_or(self.watches.len());
        match self.watches.get_mut(index) {
            Some(place) => *place = Some(watch),
            None => self.watches.push(Some(watch)),
        }
        Ok(Ok(self.table().push(WatchHandle { index })?))
    }
}

impl kubernetes::HostWatch for Host {
    async fn drain(
        &mut self,
        handle: Resource<WatchHandle>,
        max: u32,
    ) -> Result<Result<Vec<kubernetes::Event>, Error>> {
        self.enter(Interface::Kubernetes)?;
        let max = max.min(WATCH_EVENTS_MAX) as usize;
        let events = self.watch(&handle)?.drain(max);
        let bytes = events.iter().map(|event| event.object.len()).sum();
        if let Err(error) = self.spend_bytes(bytes) {
            return Ok(Err(error));
        }
        let events = events.into_iter().map(|event| kubernetes::Event {
            change: match event.change {
                WatchChange::Added => kubernetes::Change::Added,
                WatchChange::Modified => kubernetes::Change::Modified,
                WatchChange::Deleted => kubernetes::Change::Deleted,
            },
            object: event.object,
        });
        Ok(Ok(events.collect()))
    }

    async fn synced(&mut self, handle: Resource<WatchHandle>) -> Result<bool> {
        self.enter(Interface::Kubernetes)?;
        Ok(self.watch(&handle)?.synced())
    }

    async fn drop(&mut self, handle: Resource<WatchHandle>) -> Result<()> {
        let index = self.table().delete(handle)?.index;
        if let Some(place) = self.watches.get_mut(index) {
            *place = None;
        }
        Ok(())
    }
}
