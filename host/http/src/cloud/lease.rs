//! Something that ends, and is fetched anew before it does.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// It is fetched anew this long before it ends, or after three quarters of its time.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// It is not used any more this long before its end, so that a request is not overtaken by it.
const LAST_MARGIN: Duration = Duration::from_secs(10);

/// Where nothing new is to be had while the old one is still good, it is tried again after this time.
const RETRY: Duration = Duration::from_secs(30);

/// While the old one is still good, the one request that fetches a new one waits no longer than this:
/// it is less than any timeout that requests have where nothing is said.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(5);

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

    /// It is fetched anew some time later, and at its end at the latest.
    fn postpone(&mut self, now: Instant) {
        if let Some(times) = &mut self.times {
            times.renew = times.ends.min(now + RETRY);
        }
    }
}

/// The one that is held.
#[derive(Debug)]
pub(crate) struct Leased<T>(Mutex<Held<T>>);

#[derive(Debug)]
struct Held<T> {
    lease: Option<Lease<T>>,
    /// When nothing was to be had last, and why.
    failure: Option<(Instant, String)>,
}

impl<T> Default for Leased<T> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            lease: None,
            failure: None,
        }))
    }
}

impl<T: Clone> Leased<T> {
    /// What is held, or else what `fetch` brings. While nothing good is held, the others wait for it,
    /// and where it fails they fail with it. While what is held is good, one request fetches a new one
    /// and the others go on; where it fails, hangs or is broken off, the old one is used on.
    ///
    /// # Errors
    /// Nothing good is held, and nothing was brought.
    pub(crate) async fn get(
        &self,
        fetch: impl Future<Output = Result<Lease<T>, String>>,
    ) -> Result<T, String> {
        let asked = Instant::now();
        let mut held = self.0.lock().await;
        let now = Instant::now();
        if let Some(lease) = held.lease.as_mut().filter(|lease| lease.is_good(now)) {
            let old = lease.value.clone();
            if lease.is_fresh(now) {
                return Ok(old);
            }
            lease.postpone(now);
            drop(held);
            let error = match timeout(RENEWAL_TIMEOUT, fetch).await {
                Ok(Ok(lease)) => {
                    let value = lease.value.clone();
                    self.0.lock().await.lease = Some(lease);
                    return Ok(value);
                }
                Ok(Err(error)) => error,
                Err(_) => format!("no answer within {} s", RENEWAL_TIMEOUT.as_secs()),
            };
            tracing::warn!(
                error,
                "credentials are used until they end, since there are no new ones"
            );
            return Ok(old);
        }
        if let Some((when, error)) = &held.failure
            && *when > asked
        {
            return Err(error.clone());
        }
        match fetch.await {
            Ok(lease) => {
                let value = lease.value.clone();
                held.lease = Some(lease);
                Ok(value)
            }
            Err(error) => {
                held.failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_renewed_before_it_ends() {
        let seconds = Duration::from_secs;
        for (lasts, stale, ended) in [
            (3600, 3301, 3591),
            (60, 46, 51),
            // What is about to end is used for nothing.
            (8, 1, 1),
        ] {
            let before = Instant::now();
            let lease = Lease::lasting((), seconds(lasts));
            // Less than a second has gone since.
            let is_fresh = stale > 1 && lease.is_fresh(before + seconds(stale - 2));
            assert_eq!(is_fresh, stale > 1, "{lasts}");
            assert!(!lease.is_fresh(before + seconds(stale)), "{lasts}");
            assert_eq!(lease.is_good(before + seconds(stale)), stale < ended);
            assert!(!lease.is_good(before + seconds(ended)), "{lasts}");
        }
        let forever = Lease::forever(());
        assert!(forever.is_fresh(Instant::now() + seconds(1 << 30)));
    }

    #[test]
    fn what_could_not_be_renewed_is_not_used_beyond_its_end() {
        let before = Instant::now();
        let mut lease = Lease::renewed_after((), LAST_MARGIN * 2, Duration::ZERO);
        lease.postpone(before);
        // It ends ten seconds from now, before it would be tried again.
        assert!(!lease.is_fresh(before + Duration::from_secs(25)));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_renewal_that_hangs() {
        let held = Leased::default();
        let hour = Duration::from_secs(3600);
        let first = async { Ok(Lease::renewed_after(1, hour, Duration::ZERO)) };
        assert_eq!(held.get(first).await, Ok(1));
        let mut hangs = Box::pin(held.get(std::future::pending()));
        let is_held = std::future::poll_fn(|context| {
            std::task::Poll::Ready(hangs.as_mut().poll(context).is_pending())
        });
        assert!(is_held.await);
        let refused = || async { Err::<Lease<u8>, _>("no".to_owned()) };
        assert_eq!(held.get(refused()).await, Ok(1));
        // A request that is broken off takes its fetching along.
        drop(hangs);
        assert_eq!(held.get(refused()).await, Ok(1));
    }

    #[tokio::test]
    async fn who_waited_for_what_failed_does_not_ask_again() {
        let held = Leased::<u8>::default();
        let fails = async {
            tokio::task::yield_now().await;
            Err("no".to_owned())
        };
        let mut first = Box::pin(held.get(fails));
        let mut second = Box::pin(held.get(async { Ok(Lease::forever(2)) }));
        let both_wait = std::future::poll_fn(|context| {
            let first = first.as_mut().poll(context).is_pending();
            std::task::Poll::Ready(first && second.as_mut().poll(context).is_pending())
        });
        assert!(both_wait.await);
        assert_eq!(first.await, Err("no".to_owned()));
        assert_eq!(second.await, Err("no".to_owned()));
        assert_eq!(held.get(async { Ok(Lease::forever(3)) }).await, Ok(3));
    }

    #[tokio::test]
    async fn what_is_still_good_is_used_where_nothing_new_is_to_be_had() {
        let held = Leased::default();
        let hour = Duration::from_secs(3600);
        let refused = || async { Err::<Lease<u8>, _>("no".to_owned()) };
        assert_eq!(held.get(refused()).await, Err("no".to_owned()));
        let first = async { Ok(Lease::renewed_after(1, hour, Duration::ZERO)) };
        assert_eq!(held.get(first).await, Ok(1));
        // It should be renewed by now, and cannot be.
        assert_eq!(held.get(refused()).await, Ok(1));
        // Nobody is asked again at once.
        let second = async { Ok(Lease::forever(2)) };
        assert_eq!(held.get(second).await, Ok(1));
        let ended = Leased::default();
        let last = async { Ok(Lease::lasting(1, Duration::ZERO)) };
        assert_eq!(ended.get(last).await, Ok(1));
        assert_eq!(ended.get(refused()).await, Err("no".to_owned()));
    }
}
