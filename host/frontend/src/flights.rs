//! What is being evaluated now, so that whoever asks for the same waits for it too.
//!
//! An evaluation goes on as long as anybody waits for it: who leaves ends it for himself alone.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::{BoxFuture, FutureExt as _, Shared, WeakShared};
use narthex_promql::{MatrixSeries, QueryError, QueryStats};

use crate::cache::Key;
use crate::steps::Steps;

/// The flights that have ended are looked for when there are twice as many as went on the last time,
/// or so many.
const SWEEP_MIN: usize = 64;

/// What an evaluation gave. A clone shares the matrix.
#[derive(Debug, Clone)]
pub(crate) struct Evaluated {
    pub(crate) matrix: Arc<Vec<MatrixSeries>>,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
    pub(crate) stats: QueryStats,
}

/// What became of an evaluation.
pub(crate) type Outcome = Result<Evaluated, Arc<QueryError>>;

/// An evaluation that several may wait for.
pub(crate) type Flight = Shared<BoxFuture<'static, Outcome>>;

/// What is evaluated, of samples of which version.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct FlightKey {
    pub(crate) key: Key,
    /// As it is written: the texts of an answer name places in it.
    pub(crate) text: Arc<str>,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
    pub(crate) version: u64,
    /// Whether samples are counted.
    pub(crate) with_samples: bool,
}

impl FlightKey {
    /// Of some steps of a part.
    pub(crate) fn new(key: &Key, text: &Arc<str>, steps: Steps, version: u64) -> Self {
        Self {
            key: key.clone(),
            text: Arc::clone(text),
            from_ms: steps.from_ms,
            to_ms: steps.to_ms,
            version,
            with_samples: false,
        }
    }
}

/// All evaluations that go on.
#[derive(Default)]
pub(crate) struct Flights(Mutex<Held>);

#[derive(Default)]
struct Held {
    flights: HashMap<FlightKey, WeakShared<BoxFuture<'static, Outcome>>>,
    sweep_at: usize,
}

impl Flights {
    /// The evaluation that goes on already, or the one that is begun; and whether it went on.
    pub(crate) fn join(
        &self,
        key: FlightKey,
        begin: impl FnOnce() -> BoxFuture<'static, Outcome>,
    ) -> (Flight, bool) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = held.flights.get(&key).and_then(WeakShared::upgrade) {
            return (flight, true);
        }
        if held.flights.len() >= held.sweep_at.max(SWEEP_MIN) {
            held.flights.retain(|_, flight| flight.upgrade().is_some());
            held.sweep_at = 2 * held.flights.len();
        }
        let flight = begin().shared();
        if let Some(weak) = flight.downgrade() {
            held.flights.insert(key, weak);
        }
        (flight, false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::channel::oneshot;
    use futures::executor::block_on;
    use futures::future::{join, ready};
    use futures::poll;

    use super::*;

    fn key(to_ms: i64, version: u64) -> FlightKey {
        let key = Key {
            query: "up".into(),
            part: 0,
        };
        let steps = Steps::new(0, to_ms, 10).unwrap();
        FlightKey::new(&key, &"up".into(), steps, version)
    }

    fn nothing() -> Evaluated {
        Evaluated {
            matrix: Arc::default(),
            warnings: Vec::new(),
            infos: Vec::new(),
            stats: QueryStats::default(),
        }
    }

    #[test]
    fn what_two_ask_for_is_evaluated_once_and_goes_on_when_one_leaves() {
        let (flights, begun) = (Flights::default(), AtomicUsize::new(0));
        let (end, ended) = oneshot::channel::<()>();
        let mut ended = Some(ended);
        let mut ask = |key| {
            flights.join(key, || {
                begun.fetch_add(1, Ordering::SeqCst);
                match ended.take() {
                    Some(ended) => async {
                        ended.await.unwrap();
                        Ok(nothing())
                    }
                    .boxed(),
                    None => ready(Ok(nothing())).boxed(),
                }
            })
        };
        block_on(async {
            let (mut first, _) = ask(key(100, 1));
            let (second, went_on) = ask(key(100, 1));
            assert!(went_on);
            // Other samples are another evaluation.
            let (third, went_on) = ask(key(100, 2));
            assert!(!went_on && third.await.is_ok());
            assert!(poll!(&mut first).is_pending());
            // The one who began leaves.
            drop(first);
            let (waited, ()) = join(second, async { end.send(()).unwrap() }).await;
            assert!(waited.is_ok());
            assert_eq!(begun.load(Ordering::SeqCst), 2);
            // Nobody waits any more: it begins anew.
            let (last, went_on) = ask(key(100, 1));
            assert!(!went_on && last.await.is_ok());
        });
    }

    #[test]
    fn flights_that_ended_are_not_kept() {
        let flights = Flights::default();
        for version in 0..10_000 {
            drop(flights.join(key(0, version), || ready(Ok(nothing())).boxed()));
        }
        let held = flights.0.lock().unwrap();
        assert!(held.flights.len() <= SWEEP_MIN);
    }
}
