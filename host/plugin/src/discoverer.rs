//! The seam between a plugin and the service discovery of a job.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use narthex_discovery::{Discoverer, KnownGroups, Refreshes, TargetGroup};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::error::CallError;
use crate::instance::{Allowance, Answer, Refreshed, Request};
use crate::job::Job;
use crate::limits::{CALL_TIMEOUT_DEFAULT, CALLS_PER_REFRESH_MAX, REFRESH_GAP};

/// Asks a plugin for targets: at an interval, when one of its watches changes, and when another
/// version is put to work.
pub(crate) struct PluginDiscoverer {
    job: Arc<Job>,
    interval: Duration,
    refreshes: Refreshes,
}

impl PluginDiscoverer {
    pub(crate) fn new(job: Arc<Job>, interval: Duration, refreshes: Refreshes) -> Self {
        Self {
            job,
            interval,
            refreshes,
        }
    }

    /// All that a plugin has to tell, in as many calls as it needs.
    async fn refresh(&self) -> Result<Refreshed, CallError> {
        let mut told = self.call().await?;
        let mut calls = 1;
        while told.has_more {
            let next = match self.call().await {
                Ok(_) if calls >= CALLS_PER_REFRESH_MAX => Err(CallError::TooMany {
                    what: "calls of one refresh",
                    count: calls + 1,
                    max: CALLS_PER_REFRESH_MAX,
                }),
                // Another instance, which tells all from the beginning.
                Ok(next) if told.is_change && !next.is_change => Ok(next),
                Ok(mut next) => {
                    next.groups.splice(..0, told.groups);
                    next.checked()
                }
                Err(error) => Err(error),
            };
            // What it has told before is lost.
            told = next.inspect_err(|_| self.job.begin_anew())?;
            calls += 1;
        }
        Ok(told)
    }

    async fn call(&self) -> Result<Refreshed, CallError> {
        let version = self.job.plugin.current();
        let timeout = version.map_or(CALL_TIMEOUT_DEFAULT, |v| v.bounds.call_timeout());
        let answer = self.job.call("", Request::Refresh, Allowance::of(timeout));
        match answer.await? {
            Answer::Groups(refreshed) => Ok(refreshed),
            _ => Err(CallError::NotReady("it is no discovery".to_owned())),
        }
    }

    /// Waits until there is a reason to ask again. The interval counts from `start`, when was
    /// asked last: a plugin that waits for its peer within a call loses nothing by it.
    async fn wait(
        &self,
        start: Instant,
        swapped: Pin<&mut tokio::sync::futures::Notified<'_>>,
        is_worn: bool,
    ) {
        let now = Instant::now();
        let soon = now + self.interval.min(REFRESH_GAP);
        let changed = any(self.job.watch_changes());
        // An instance that had to go has taken its watches along, and nobody hears of changes.
        let due = match is_worn {
            true => soon,
            false => soon.max(start + self.interval),
        };
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            () = changed => tokio::time::sleep_until(now + REFRESH_GAP).await,
            () = swapped => {}
        }
    }
}

#[async_trait]
impl Discoverer for PluginDiscoverer {
    async fn run(&self, sender: mpsc::Sender<Vec<TargetGroup>>) {
        let (mut known, mut is_first, mut last_error) = (KnownGroups::default(), true, None);
        let plugin = self.job.plugin.clone();
        loop {
            // From before the call on, so that no swap goes by unnoticed.
            let mut swapped = std::pin::pin!(plugin.swapped.notified());
            swapped.as_mut().enable();
            let start = Instant::now();
            let found = self.refresh().await;
            self.refreshes.observe(start.elapsed(), found.is_err());
            let is_worn = found.is_ok() && !self.job.is_warm();
            match found {
                Ok(Refreshed {
                    groups, is_change, ..
                }) => {
                    last_error = None;
                    let news = match is_change {
                        true => known.changed(groups),
                        false => known.changes(groups),
                    };
                    if (is_first || !news.is_empty()) && sender.send(news).await.is_err() {
                        return;
                    }
                    is_first = false;
                }
                Err(error) => {
                    let text = error.to_string();
                    let (name, job) = (plugin.name(), self.job.name());
                    if last_error.as_ref() != Some(&text) {
                        tracing::warn!(plugin = name, job, error = text, "plugin found no targets");
                    }
                    last_error = Some(text);
                }
            }
            tokio::select! {
                () = self.wait(start, swapped, is_worn) => {}
                () = sender.closed() => return,
            }
        }
    }
}

/// Waits for any of them; for ever, where there are none.
async fn any(notifies: Vec<Arc<Notify>>) {
    type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;
    let wait =
        |notify: Arc<Notify>| -> Waiting { Box::pin(async move { notify.notified().await }) };
    let mut waiting: Vec<Waiting> = notifies.into_iter().map(wait).collect();
    std::future::poll_fn(|context| {
        let mut waiting = waiting.iter_mut();
        match waiting.any(|one| one.as_mut().poll(context).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
