//! Whether a request went over a connection that was there already.
//!
//! A server may close such a connection at the very moment when a request is sent over it, as one
//! does whose patience is as long as the scrape interval. Nobody has read that request then: a GET
//! can be sent again over a new connection, and Go's client does so.

use std::cell::Cell;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    /// Whether the request of this task has asked for a new connection.
    static DIALLED: Cell<bool>;
}

/// Sends a request, and says whether it asked for a new connection.
pub(crate) async fn watch<F: Future>(send: F) -> (F::Output, bool) {
    let watched = async {
        let answer = send.await;
        (answer, DIALLED.with(Cell::get))
    };
    DIALLED.scope(Cell::new(false), watched).await
}

/// Notes each new connection. The client asks for one in the task of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NoteDialled;

/// A connector that is noted.
#[derive(Debug, Clone)]
pub(crate) struct Noted<S>(S);

impl<S> Layer<S> for NoteDialled {
    type Service = Noted<S>;

    fn layer(&self, inner: S) -> Noted<S> {
        Noted(inner)
    }
}

impl<R, S: Service<R>> Service<R> for Noted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        // A connection that outlives its request may be asked for outside of any.
        let _ = DIALLED.try_with(|dialled| dialled.set(true));
        self.0.call(request)
    }
}
