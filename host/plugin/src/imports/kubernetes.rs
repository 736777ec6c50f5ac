//! `narthex:plugin/kubernetes`, over the host's watches.

use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::plugin::kubernetes;
use crate::bindings::plugin::types::Error;
use crate::budget::Interface;
use crate::capability::Denied;
use crate::host::Host;
use crate::limits::{WATCH_BYTES_MAX, WATCH_EVENTS_MAX, WATCHES_MAX};
use crate::watches::{Watch, WatchChange, WatchRequest};

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
    async fn open_watch(&mut self, request: WatchRequest) -> Result<Box<dyn Watch>, Error> {
        let kind = format!("{}/{}", request.api_version, request.kind);
        let granted = self.capabilities.kubernetes(&kind);
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
        // A cluster that does not answer is an error of the guest's, and not the end of its call.
        let opened = tokio::time::timeout_at(self.patience(), watches.open(request)).await;
        let opened = opened.map_err(|_| Error::Timeout)?;
        opened.map_err(|text| Error::Unavailable(format!("kubernetes: {text}")))
    }

    async fn open_handle(
        &mut self,
        request: WatchRequest,
    ) -> Result<Result<Resource<WatchHandle>, Error>> {
        self.enter(Interface::Kubernetes)?;
        let watch = match self.open_watch(request).await {
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

    fn watch(&mut self, handle: &Resource<WatchHandle>) -> Result<&mut Box<dyn Watch>> {
        let index = self.table().get(handle)?.index;
        let watch = self.watches.get_mut(index).and_then(Option::as_mut);
        watch.ok_or_else(|| wasmtime::Error::msg("no watch has this handle"))
    }
}

fn guests(change: WatchChange) -> kubernetes::Change {
    match change {
        WatchChange::Added => kubernetes::Change::Added,
        WatchChange::Modified => kubernetes::Change::Modified,
        WatchChange::Deleted => kubernetes::Change::Deleted,
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
        self.open_handle(WatchRequest {
            api_version,
            kind,
            namespace,
            label_selector,
            field_selector: None,
        })
        .await
    }

    async fn open_selected(
        &mut self,
        api_version: String,
        kind: String,
        namespace: Option<String>,
        label_selector: Option<String>,
        field_selector: Option<String>,
    ) -> Result<Result<Resource<WatchHandle>, Error>> {
        self.open_handle(WatchRequest {
            api_version,
            kind,
            namespace,
            label_selector,
            field_selector,
        })
        .await
    }

    async fn drain_news(
        &mut self,
        handle: Resource<WatchHandle>,
        max: u32,
    ) -> Result<Result<Vec<kubernetes::News>, Error>> {
        self.enter(Interface::Kubernetes)?;
        let max = max.min(WATCH_EVENTS_MAX) as usize;
        let news = self.watch(&handle)?.drain_news(max).into_iter();
        let news = news.map(|news| kubernetes::News {
            change: guests(news.change),
            namespace: news.namespace,
            name: news.name,
        });
        Ok(Ok(news.collect()))
    }

    async fn lookup(
        &mut self,
        handle: Resource<WatchHandle>,
        namespace: String,
        name: String,
    ) -> Result<Result<Option<String>, Error>> {
        self.enter(Interface::Kubernetes)?;
        let Some(object) = self.watch(&handle)?.lookup(&namespace, &name) else {
            return Ok(Ok(None));
        };
        if let Err(error) = self.spend_bytes(object.len()) {
            return Ok(Err(error));
        }
        Ok(Ok(Some(String::from(&*object))))
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
        // What is drained is gone, so what may not be taken is not drained.
        if self.call.budget.bytes_left() < WATCH_BYTES_MAX as u64
            && let Err(error) = self.spend_bytes(WATCH_BYTES_MAX)
        {
            return Ok(Err(error));
        }
        let events = self.watch(&handle)?.drain(max, WATCH_BYTES_MAX);
        let bytes = events.iter().map(|event| event.object.len()).sum();
        if let Err(error) = self.spend_bytes(bytes) {
            return Ok(Err(error));
        }
        let events = events.into_iter().map(|event| kubernetes::Event {
            change: guests(event.change),
            object: String::from(&*event.object),
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
