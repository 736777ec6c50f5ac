//! Where the synchronous work of a query is done.

use std::sync::{Arc, Mutex};

use tokio::runtime::Handle;

use crate::error::QueryError;

/// Where a query's work is done.
pub(crate) enum Place {
    /// On the caller's thread.
    Here,
    /// On the blocking pool of a runtime.
    Pool {
        /// Whose pool.
        runtime: Handle,
        /// The query's turn. All work holds it, which may go on after nobody waits for it any
        /// more. Nobody looks inside; the lock is what lets threads share it.
        turn: Arc<Mutex<Box<dyn Send>>>,
    },
}

impl Place {
    /// The blocking pool of a runtime, and what is let go when the last work there has ended.
    pub(crate) fn pool(runtime: Handle, turn: Box<dyn Send>) -> Self {
        let turn = Arc::new(Mutex::new(turn));
        Self::Pool { runtime, turn }
    }

    /// Does some work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (runtime, turn) = match self {
            Self::Here => return work(),
            Self::Pool { runtime, turn } => (runtime, Arc::clone(turn)),
        };
        let working = runtime.spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        let lost = |error| QueryError::Execution(format!("unexpected error: {error}"));
        working.await.map_err(lost)?
    }
}
