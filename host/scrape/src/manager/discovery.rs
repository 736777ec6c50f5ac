//! Takes what a job's discoverers find over to its targets.

use std::sync::{Arc, Weak};
use std::time::Duration;

use narthex_discovery::{Plan, Providers};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::Inner;

/// A job's targets follow what is discovered at most this often; what is found meanwhile is taken
/// over at the end of it, and the first after a rest at once. Prometheus' `updatert`.
pub const UPDATE_INTERVAL: Duration = Duration::from_secs(5);

/// A job's discoverers, and the task that follows them.
pub(super) struct Discovery {
    pub(super) providers: Providers,
    follower: Follower,
}

/// The task ends when this is dropped.
struct Follower(AbortHandle);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Discovery {
    /// Begins what was planned for a job; `None` where it has nobody who finds anything.
    pub(super) fn follow(
        manager: &Arc<Inner>,
        job: &str,
        plan: Plan,
        before: Option<Self>,
    ) -> Option<Self> {
        let (providers, follower) = match before {
            Some(before) => (Some(before.providers), Some(before.follower)),
            None => (None, None),
        };
        let providers = Providers::start(plan, providers, &manager.discovery);
        if providers.is_empty() {
            return None;
        }
        let follower = follower.unwrap_or_else(|| {
            let follow = follow(Arc::downgrade(manager), job.to_owned(), providers.changed());
            Follower(tokio::spawn(follow).abort_handle())
        });
        Some(Self {
            providers,
            follower,
        })
    }
}

async fn follow(manager: Weak<Inner>, job: String, changed: Arc<Notify>) {
    loop {
        changed.notified().await;
        let Some(manager) = manager.upgrade() else {
            return;
        };
        manager.update(&job).await;
        drop(manager);
        tokio::time::sleep(UPDATE_INTERVAL).await;
    }
}
