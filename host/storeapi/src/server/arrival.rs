//! Requests that begin and do not end: what has come of one is held in memory, so nobody waits for the
//! rest for ever.
//!
//! It is not: how long an answer may take, which who asks says. See [`super::deadline`].

use std::future::{Future, pending};
use std::time::Duration;

use hyper::Response;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::body::Body;

/// A request has to be there as a whole so long after its head. It has 4 MiB at the most.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// What who asked is told where it was not.
pub(super) const LATE: &str = "the request was not there in time";

/// The answer to a request that is there when the other end of `arrived` is dropped; `None` where that
/// takes too long.
pub(super) async fn answered(
    arrived: oneshot::Receiver<()>,
    answer: impl Future<Output = Response<Body>>,
) -> Option<Response<Body>> {
    let late = async {
        // Nothing is sent; the end of it is what counts.
        if timeout(ARRIVAL_TIMEOUT, arrived).await.is_ok() {
            pending::<()>().await;
        }
    };
    tokio::select! {
        answer = answer => Some(answer),
        () = late => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_has_a_time_to_come_and_its_answer_has_none_here() {
        let (held, arrived) = oneshot::channel();
        assert!(answered(arrived, pending()).await.is_none());
        drop(held);
        let (held, arrived) = oneshot::channel();
        let slow = async move {
            drop(held);
            tokio::time::sleep(10 * ARRIVAL_TIMEOUT).await;
            Response::new(Body::default())
        };
        assert!(answered(arrived, slow).await.is_some());
    }
}
