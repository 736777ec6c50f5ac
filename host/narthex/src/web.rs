//! The task that answers HTTP.
//!
//! It is not: what is answered, which is the API's.

use std::sync::Arc;

use narthex_api::{ApiState, ServerOptions};
use narthex_web::Entrance;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The task that answers HTTP.
pub(crate) struct Web {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Web {
    /// Answers at these addresses from here on.
    pub(crate) fn start(
        listeners: Vec<TcpListener>,
        state: &ApiState,
        options: ServerOptions,
        entrance: Arc<Entrance>,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let app = narthex_api::router(state.clone());
        let stopped = async {
            // It also ends where the sender is gone.
            let _ = stopped.await;
        };
        let serving = narthex_api::serve(listeners, app, options, entrance, stopped);
        let task = tokio::spawn(serving);
        Self { stop, task }
    }

    /// Answers what was asked, and no more.
    pub(crate) async fn stop(self) {
        // It has ended already only where it panicked, which the log has said.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
