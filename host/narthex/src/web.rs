//! A task that answers HTTP until it is stopped.

use std::sync::Arc;

use narthex_api::{Router, ServerOptions};
use narthex_web::Entrance;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The task. Without its value it stops too, and nobody waits for it.
pub(crate) struct Web {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Web {
    /// Begins to answer.
    pub(crate) fn start(
        listeners: Vec<TcpListener>,
        app: Router,
        options: ServerOptions,
        entrance: Arc<Entrance>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // It also ends where the sender is gone.
            let _ = stopped.await;
        };
        let serving = narthex_api::serve(listeners, app, options, entrance, stopped);
        let task = tokio::spawn(serving);
        Self { stop, task }
    }

    /// Lets answers under way end, and waits for them.
    pub(crate) async fn stop(self) {
        // It has ended already only where it panicked, which the log has said.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
