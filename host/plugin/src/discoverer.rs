//! The seam between a plugin and the service discovery of a job.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use narthex_discovery::{Discoverer, KnownGroups, TargetGroup};
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::bindings::discovery::exports::narthex::plugin::discoverer::Group;
use crate::error::CallError;
use crate::instance::{Allowance, Answer, Request};
use crate::job::Job;
use crate::limits::{CALL_TIMEOUT_DEFAULT, GROUPS_MAX, REFRESH_GAP, TARGETS_MAX};

/// Asks a plugin for targets: at an interval, when one of its watches changes, and when another
/// version is put to work.
pub(crate) struct PluginDiscoverer {
    job: Arc<Job>,
    interval: Duration,
}

impl PluginDiscoverer {
    pub(crate) fn new(job: Arc<Job>, interval: Duration) -> Self {
        Self { job, interval }
    }

    async fn refresh(&self) -> Result<Vec<TargetGroup>, CallError> {
        let version = self.job.plugin.current();
        let timeout = version.map_or(CALL_TIMEOUT_DEFAULT, |v| v.bounds.call_timeout());
        let answer = self.job.call("", Request::Refresh, Allowance::of(timeout));
        match answer.await? {
            Answer::Groups(groups) => checked(groups),
            _ => Err(CallError::NotReady("it is no discovery".to_owned())),
        }
    }

    /// Waits until there is a reason to ask again.
    async fn wait(&self, swapped: Pin<&mut tokio::sync::futures::Notified<'_>>) {
        let start = Instant::now();
        let changed = any(self.job.watch_changes());
        tokio::select! {
            () = tokio::time::sleep(self.interval) => {}
            () = changed => tokio::time::sleep_until(start + REFRESH_GAP).await,
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
            match self.refresh().await {
                Ok(groups) => {
                    last_error = None;
                    let news = known.changes(groups);
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
                () = self.wait(swapped) => {}
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

fn checked(groups: Vec<Group>) -> Result<Vec<TargetGroup>, CallError> {
    let targets = groups.iter().map(|group| group.targets.len()).sum();
    for (what, count, max) in [
        ("groups", groups.len(), GROUPS_MAX),
        ("targets", targets, TARGETS_MAX),
    ] {
        if count > max {
            return Err(CallError::TooMany { what, count, max });
        }
    }
    let groups = groups.into_iter().map(|group| TargetGroup {
        source: group.source,
        targets: group
            .targets
            .into_iter()
            .map(|labels| labels.into_iter().collect())
            .collect(),
        labels: group.labels.into_iter().collect(),
    });
    Ok(groups.collect())
}
