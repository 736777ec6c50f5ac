//! Answers that stream, and what becomes of one that nobody reads: it must not keep its place for ever.
//!
//! A client that stops reading stops its answer from being asked for, so that nothing here would
//! ever notice. So a task of its own makes the answer, one message ahead of the client, and gives it
//! up when that one is not taken in time, or when the time that the client gave is over.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tonic::{Code, Status};

use super::metrics::Call;
use super::service::Messages;

/// So long a message waits for the client to take it. Queries are mostly given up after two minutes,
/// and one that reads many answers side by side may let one of them wait.
const UNREAD_MAX: Duration = Duration::from_secs(300);

/// What who asked is told when its time is over.
pub(super) const LATE: &str = "the time for the answer is over";

/// What who asked is told where it did not read.
const UNREAD: &str = "the answer was not read";

/// A message of an answer; its end is one too, so that an answer that was given up is no whole one.
type Frame<A> = Option<Result<A, Status>>;

/// The messages for a client.
pub(super) fn sending<A: Send + 'static>(
    messages: Messages<A>,
    call: Call,
    until: Option<Instant>,
) -> Messages<A> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut call = Some(call);
        let is_late = tokio::select! {
            // The client has left.
            () = sender.closed() => false,
            // Even where it does not read.
            () = over(until) => true,
            is_late = send(messages, &sender, &mut call) => is_late,
        };
        if let Some(call) = call.filter(|_| is_late) {
            call.end(Code::DeadlineExceeded);
        }
    });
    let taken = stream::unfold(Some(receiver), move |receiver| async move {
        let mut receiver: mpsc::Receiver<Frame<A>> = receiver?;
        match receiver.recv().await {
            Some(Some(Ok(message))) => Some((Ok(message), Some(receiver))),
            Some(Some(Err(status))) => Some((Err(status), None)),
            Some(None) => None,
            None => Some((Err(given_up(until)), None)),
        }
    });
    taken.boxed()
}

/// Sends one message after the other; true where one was not taken in time.
async fn send<A>(
    mut messages: Messages<A>,
    sender: &mpsc::Sender<Frame<A>>,
    call: &mut Option<Call>,
) -> bool {
    loop {
        let message = messages.next().await;
        let code = match &message {
            None => Some(Code::Ok),
            Some(Err(status)) => Some(status.code()),
            Some(Ok(_)) => None,
        };
        // It is counted before the client can know that it has all.
        if let Some(code) = code
            && let Some(call) = call.take()
        {
            call.end(code);
        }
        match timeout(UNREAD_MAX, sender.send(message)).await {
            Err(_) => return true,
            Ok(sent) if sent.is_err() || code.is_some() => return false,
            Ok(_) => {}
        }
    }
}

/// When the time is over that the client gave, if it gave one.
async fn over(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn given_up(until: Option<Instant>) -> Status {
    let is_late = until.is_some_and(|until| until <= Instant::now());
    Status::deadline_exceeded(if is_late { LATE } else { UNREAD })
}

#[cfg(test)]
mod tests {
    use futures::stream::pending;
    use prometheus_client::registry::Registry;
    use tokio::sync::oneshot;

    use super::*;
    use crate::server::GrpcMetrics;

    /// An answer that holds a place until it is dropped.
    fn holding(place: oneshot::Sender<()>, messages: Messages<u32>) -> Messages<u32> {
        let held = messages.map(move |message| {
            let _held = &place;
            message
        });
        held.boxed()
    }

    fn call() -> Call {
        let metrics = GrpcMetrics::register(&mut Registry::default());
        metrics.begin("/thanos.Store/Series", "server_stream")
    }

    fn numbers() -> Messages<u32> {
        stream::iter((0..10).map(Ok)).boxed()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_read_is_whole() {
        let read: Vec<_> = sending(numbers(), call(), None).collect().await;
        let read: Result<Vec<u32>, Status> = read.into_iter().collect();
        assert_eq!(read.unwrap(), (0..10).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_stops_keeps_no_place_and_is_told() {
        let (place, is_free) = oneshot::channel();
        let mut answer = sending(holding(place, numbers()), call(), None);
        assert_eq!(answer.next().await.unwrap().unwrap(), 0);
        // Nobody reads on. The clock goes on when all are idle.
        assert!(is_free.await.is_err());
        assert_eq!(answer.next().await.unwrap().unwrap(), 1);
        let ended = answer.next().await.unwrap().unwrap_err();
        assert_eq!(ended.code(), Code::DeadlineExceeded);
        assert_eq!(ended.message(), UNREAD);
        assert!(answer.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_was_given_bounds_the_whole_answer() {
        let (place, is_free) = oneshot::channel();
        let endless = numbers().chain(pending()).boxed();
        let until = Instant::now() + Duration::from_secs(5);
        let answer = sending(holding(place, endless), call(), Some(until));
        let read: Vec<_> = answer.collect().await;
        assert_eq!(read.len(), 11);
        let ended = read.into_iter().next_back().unwrap().unwrap_err();
        assert_eq!(
            (ended.code(), ended.message()),
            (Code::DeadlineExceeded, LATE)
        );
        assert!(is_free.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_leaves_frees_its_place_at_once() {
        let (place, is_free) = oneshot::channel();
        let endless = numbers().chain(pending()).boxed();
        let begun = Instant::now();
        drop(sending(holding(place, endless), call(), None));
        assert!(is_free.await.is_err());
        assert_eq!(Instant::now(), begun);
    }
}
