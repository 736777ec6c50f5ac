//! Something that ends, and is fetched anew before it does: one fetch for all who ask.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::credential_metrics::FetchCounters;

/// It is fetched anew this long before it ends, or after three quarters of its time.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// It is not used any more this long before its end, so that a request is not overtaken by it.
const LAST_MARGIN: Duration = Duration::from_secs(10);

/// Where nothing new is to be had while the old one is still good, it is tried again after this time.
const RETRY: Duration = Duration::from_secs(30);

/// Where nothing is to be had at all, nobody is asked again before this time is over: who asks
/// meanwhile gets the error of the last time. A job of many targets asks as often as it has targets.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// Something, and how long it is good.
#[derive(Debug)]
pub(crate) struct Lease<T> {
    pub(crate) value: T,
    times: Option<Times>,
}

#[derive(Debug)]
struct Times {
    renew: Instant,
    ends: Instant,
}

impl<T> Lease<T> {
    /// What does not end.
    pub(crate) fn forever(value: T) -> Self {
        Self { value, times: None }
    }

    /// What lasts so long from now.
    pub(crate) fn lasting(value: T, lasts: Duration) -> Self {
        Self::renewed_after(value, lasts, lasts - MARGIN.min(lasts / 4))
    }

    /// The same where it is said when it is fetched anew.
    pub(crate) fn renewed_after(value: T, lasts: Duration, renewed: Duration) -> Self {
        let now = Instant::now();
        let ends = now + lasts.saturating_sub(LAST_MARGIN);
        Self {
            value,
            times: Some(Times {
                renew: ends.min(now + renewed),
                ends,
            }),
        }
    }

    fn is_fresh(&self, now: Instant) -> bool {
        self.times.as_ref().is_none_or(|times| now < times.renew)
    }

    fn is_good(&self, now: Instant) -> bool {
        self.times.as_ref().is_none_or(|times| now < times.ends)
    }

    /// Whether it is good now.
    #[cfg(test)]
    pub(crate) fn is_held(&self) -> bool {
        self.is_good(Instant::now())
    }

    /// It is fetched anew some time later, and at its end at the latest.
    fn postpone(&mut self, now: Instant) {
        if let Some(times) = &mut self.times {
            times.renew = times.ends.min(now + RETRY);
        }
    }
}

/// The one that is held, and what it was fetched with: where that changes, so does what is held.
pub(crate) struct Leased<T, K = ()> {
    held: Arc<Mutex<Held<T, K>>>,
    fetch_timeout: Duration,
    counters: FetchCounters,
}

struct Held<T, K> {
    lease: Option<(K, Lease<T>)>,
    /// What nothing was to be had with last, when, and why.
    failure: Option<(K, Instant, String)>,
    fetch: Option<Fetch<T, K>>,
}

/// One that is under way. It goes on where nobody waits for it any more.
struct Fetch<T, K> {
    with: K,
    outcome: Outcome<T>,
}

/// `None` as long as it is under way.
type Outcome<T> = watch::Receiver<Option<Result<T, String>>>;

/// What is there for who asks.
enum Found<T> {
    Good(T),
    /// Nothing is to be had.
    Nothing(String),
    Coming(Outcome<T>),
}

impl<T, K> Clone for Leased<T, K> {
    fn clone(&self) -> Self {
        Self {
            held: Arc::clone(&self.held),
            fetch_timeout: self.fetch_timeout,
            counters: self.counters.clone(),
        }
    }
}

impl<T, K> Leased<T, K> {
    /// Nothing is held. A fetch that takes longer than `fetch_timeout` has failed.
    pub(crate) fn new(fetch_timeout: Duration, counters: FetchCounters) -> Self {
        let held = Held {
            lease: None,
            failure: None,
            fetch: None,
        };
        Self {
            held: Arc::new(Mutex::new(held)),
            fetch_timeout,
            counters,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held<T, K>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, K> Leased<T, K>
where
    T: Clone + Send + Sync + 'static,
    K: Clone + PartialEq + Send + 'static,
{
    /// What is held of `with`, or else what `fetch` brings. While nothing good is held, all wait for
    /// one fetch, and where it fails or takes too long they fail with it. It is nobody's own: who is
    /// broken off leaves it to the others. While what is held is good, a new one is fetched beside
    /// the requests, and where that fails the old one is used on.
    ///
    /// # Errors
    /// Nothing good is held, and nothing was brought.
    pub(crate) async fn get<F>(&self, with: &K, fetch: impl FnOnce() -> F) -> Result<T, String>
    where
        F: Future<Output = Result<Lease<T>, String>> + Send + 'static,
    {
        let mut outcome = match self.find(with, fetch) {
            Found::Good(value) => return Ok(value),
            Found::Nothing(error) => return Err(error),
            Found::Coming(outcome) => outcome,
        };
        let brought = match outcome.wait_for(Option::is_some).await {
            Ok(brought) => brought.clone(),
            Err(_) => None,
        };
        brought.unwrap_or_else(|| Err("interrupted".to_owned()))
    }

    fn find<F>(&self, with: &K, fetch: impl FnOnce() -> F) -> Found<T>
    where
        F: Future<Output = Result<Lease<T>, String>> + Send + 'static,
    {
        let mut held = self.lock();
        let now = Instant::now();
        // One whose task is gone brings nothing any more.
        let under_way = held
            .fetch
            .as_ref()
            .filter(|under_way| under_way.with == *with && under_way.outcome.has_changed().is_ok());
        let coming = under_way.map(|under_way| under_way.outcome.clone());
        let good = held.lease.as_mut().filter(|(of, _)| of == with);
        if let Some((_, lease)) = good.filter(|(_, lease)| lease.is_good(now)) {
            let value = lease.value.clone();
            if coming.is_none() && !lease.is_fresh(now) {
                lease.postpone(now);
                held.fetch = Some(self.start(with, fetch()));
            }
            return Found::Good(value);
        }
        if let Some(outcome) = coming {
            return Found::Coming(outcome);
        }
        if let Some((of, when, error)) = &held.failure
            && of == with
            && now < *when + FAILURE_PAUSE
        {
            return Found::Nothing(error.clone());
        }
        let started = self.start(with, fetch());
        let outcome = started.outcome.clone();
        held.fetch = Some(started);
        Found::Coming(outcome)
    }

    fn start<F>(&self, with: &K, fetch: F) -> Fetch<T, K>
    where
        F: Future<Output = Result<Lease<T>, String>> + Send + 'static,
    {
        let (over, outcome) = watch::channel(None);
        let (leased, with_it) = (self.clone(), with.clone());
        tokio::spawn(async move {
            let limit = leased.fetch_timeout;
            let fetched = timeout(limit, fetch).await.unwrap_or_else(|_| {
                let seconds = limit.as_secs();
                Err(format!("nobody handed out credentials within {seconds} s"))
            });
            let brought = leased.settle(with_it, fetched);
            // Whether anybody still waits is all the same.
            over.send_replace(Some(brought));
        });
        Fetch {
            with: with.clone(),
            outcome,
        }
    }

    /// Takes over what a fetch brought.
    fn settle(&self, with: K, fetched: Result<Lease<T>, String>) -> Result<T, String> {
        self.counters.count(fetched.is_err());
        let mut held = self.lock();
        let under_way = held.fetch.as_ref();
        // Where another secret came meanwhile, this is only for those who waited for it.
        let is_current = under_way.is_some_and(|under_way| under_way.with == with);
        if is_current {
            held.fetch = None;
        }
        match fetched {
            Ok(lease) => {
                let value = lease.value.clone();
                if is_current {
                    held.failure = None;
                    held.lease = Some((with, lease));
                }
                Ok(value)
            }
            Err(error) => {
                let now = Instant::now();
                let lease = held.lease.as_ref().filter(|(of, _)| *of == with);
                if lease.is_some_and(|(_, lease)| lease.is_good(now)) {
                    tracing::warn!(
                        error,
                        "credentials are used until they end, since there are no new ones"
                    );
                }
                if is_current {
                    held.failure = Some((with, now, error.clone()));
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
