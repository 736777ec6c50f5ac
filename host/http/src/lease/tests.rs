//! What is held, what is fetched, and who waits for it. Time stands still until all wait for it.

use std::future::pending;

use tokio::task::yield_now;
use tokio::time::{advance, sleep};

use super::*;

const LIMIT: Duration = Duration::from_secs(8);

const HOUR: Duration = Duration::from_secs(3600);

fn leased<K>() -> Leased<u8, K> {
    Leased::new(LIMIT, FetchCounters::default())
}

async fn no() -> Result<Lease<u8>, String> {
    yield_now().await;
    Err("no".to_owned())
}

async fn one() -> Result<Lease<u8>, String> {
    Ok(Lease::forever(1))
}

async fn two() -> Result<Lease<u8>, String> {
    Ok(Lease::forever(2))
}

/// One that is good for an hour, and to be renewed at once.
async fn one_due() -> Result<Lease<u8>, String> {
    Ok(Lease::renewed_after(1, HOUR, Duration::ZERO))
}

fn refused<T>() -> Result<T, String> {
    Err("no".to_owned())
}

/// Waits until no fetch is under way.
async fn settled(held: &Leased<u8>) {
    while held.lock().fetch.is_some() {
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_it_ends() {
    let seconds = Duration::from_secs;
    for (lasts, stale, ended) in [
        (3600, 3300, 3590),
        (60, 45, 50),
        // What is about to end is used for nothing.
        (8, 0, 0),
    ] {
        let lease = Lease::lasting((), seconds(lasts));
        let now = Instant::now();
        let is_fresh = stale > 0 && lease.is_fresh(now + seconds(stale - 1));
        assert_eq!(is_fresh, stale > 0, "{lasts}");
        assert!(!lease.is_fresh(now + seconds(stale)), "{lasts}");
        assert_eq!(lease.is_good(now + seconds(stale)), stale < ended);
        assert!(!lease.is_good(now + seconds(ended)), "{lasts}");
    }
    let forever = Lease::forever(());
    assert!(forever.is_fresh(Instant::now() + seconds(1 << 30)));
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_renewed_is_not_used_beyond_its_end() {
    let now = Instant::now();
    let mut lease = Lease::renewed_after((), LAST_MARGIN * 2, Duration::ZERO);
    lease.postpone(now);
    // It ends ten seconds from now, before it would be tried again.
    assert!(lease.is_fresh(now + LAST_MARGIN - Duration::from_secs(1)));
    assert!(!lease.is_fresh(now + LAST_MARGIN));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_share_one_fetch_and_its_error() {
    let held = leased();
    let all = tokio::join!(held.get(&(), no), held.get(&(), no), held.get(&(), one),);
    assert_eq!(all, (refused(), refused(), refused()));
    assert_eq!(held.counters.counts(), (1, 1));
    // Who comes right behind it does not ask again either.
    assert_eq!(held.get(&(), one).await, refused());
    assert_eq!(held.counters.counts(), (1, 1));
    advance(FAILURE_PAUSE).await;
    let both = tokio::join!(held.get(&(), one), held.get(&(), two));
    assert_eq!(both, (Ok(1), Ok(1)));
    assert_eq!(held.get(&(), two).await, Ok(1));
    assert_eq!(held.counters.counts(), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_hangs_fails_after_its_timeout_for_all_who_wait() {
    let held = leased();
    let hangs = pending::<Result<Lease<u8>, String>>;
    let both = tokio::join!(held.get(&(), hangs), held.get(&(), one));
    let error = Err("nobody handed out credentials within 8 s".to_owned());
    assert_eq!(both, (error.clone(), error));
    assert_eq!(held.counters.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_goes_on_where_who_began_it_is_broken_off() {
    let held = leased();
    let slow = || async {
        sleep(LIMIT / 2).await;
        one().await
    };
    let first = timeout(LIMIT / 4, held.get(&(), slow)).await;
    assert!(first.is_err());
    assert_eq!(held.get(&(), two).await, Ok(1));
    assert_eq!(held.counters.counts(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn another_secret_is_tried_at_once() {
    let held = leased();
    assert_eq!(held.get(&"old", no).await, refused());
    assert_eq!(held.get(&"new", one).await, Ok(1));
    assert_eq!(held.get(&"newer", two).await, Ok(2));
    assert_eq!(held.counters.counts(), (3, 1));
    // What an old secret still brings does not take the place of what a new one brought.
    let slow = || async {
        sleep(LIMIT / 2).await;
        one().await
    };
    let both = tokio::join!(held.get(&"last", slow), async {
        yield_now().await;
        held.get(&"newest", two).await
    });
    assert_eq!(both, (Ok(1), Ok(2)));
    assert_eq!(held.get(&"newest", no).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_renewal() {
    let held = leased();
    assert_eq!(held.get(&(), one_due).await, Ok(1));
    let hangs = pending::<Result<Lease<u8>, String>>;
    assert_eq!(held.get(&(), hangs).await, Ok(1));
    // One renewal is enough.
    assert_eq!(held.get(&(), two).await, Ok(1));
    settled(&held).await;
    assert_eq!(held.counters.counts(), (2, 1));
    advance(RETRY).await;
    assert_eq!(held.get(&(), two).await, Ok(1));
    settled(&held).await;
    assert_eq!(held.get(&(), no).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_still_good_is_used_where_nothing_new_is_to_be_had() {
    let held = leased();
    assert_eq!(held.get(&(), one_due).await, Ok(1));
    // It should be renewed by now, and cannot be.
    assert_eq!(held.get(&(), no).await, Ok(1));
    settled(&held).await;
    // Nobody is asked again at once.
    assert_eq!(held.get(&(), two).await, Ok(1));
    assert_eq!(held.counters.counts(), (2, 1));
    let ended = leased();
    let last = || async { Ok(Lease::lasting(1, Duration::ZERO)) };
    assert_eq!(ended.get(&(), last).await, Ok(1));
    assert_eq!(ended.get(&(), no).await, refused());
}

#[test]
fn a_fetch_whose_runtime_is_gone_is_begun_anew() {
    let held = leased();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let hangs = pending::<Result<Lease<u8>, String>>;
    let broken_off = runtime().block_on(async {
        let asked = timeout(LIMIT / 2, held.get(&(), hangs));
        asked.await.is_err()
    });
    assert!(broken_off);
    assert_eq!(runtime().block_on(held.get(&(), one)), Ok(1));
}
