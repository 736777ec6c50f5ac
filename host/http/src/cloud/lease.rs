//! Something that ends, and is fetched anew before it does.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// It is fetched anew this long before it ends, or after three quarters of its time.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// It is not used any more this long before its end, so that a request is not overtaken by it.
const LAST_MARGIN: Duration = Duration::from_secs(10);

/// Where nothing new is to be had while the old one is still good, it is tried again after this time.
const RETRY: Duration = Duration::from_secs(30);

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
}

/// The one that is held.
#[derive(Debug)]
pub(crate) struct Leased<T>(Mutex<Option<Lease<T>>>);

impl<T> Default for Leased<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Leased<T> {
    /// What is held, or else what `fetch` brings. While it does, the others wait; where it fails and
    /// what is held is still good, that is used on.
    ///
    /// # Errors
    /// Nothing good is held, and nothing was brought.
    pub(crate) async fn get(
        &self,
        fetch: impl Future<Output = Result<Lease<T>, String>>,
    ) -> Result<T, String> {
        let mut held = self.0.lock().await;
        if let Some(lease) = held.as_ref().filter(|lease| lease.is_fresh(Instant::now())) {
            return Ok(lease.value.clone());
        }
        let error = match fetch.await {
            Ok(lease) => return Ok(held.insert(lease).value.clone()),
            Err(error) => error,
        };
        let now = Instant::now();
        let Some(lease) = held.as_mut().filter(|lease| lease.is_good(now)) else {
            return Err(error);
        };
        if let Some(times) = &mut lease.times {
            times.renew = now + RETRY;
        }
        Ok(lease.value.clone())
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
