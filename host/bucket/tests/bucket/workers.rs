//! Workers that die at each step, that are frozen at each step while others go on, and that work
//! at the same time in any order: at every moment a reader finds each sample once.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use narthex_bucket::Compactor;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::field::{Field, LEASE_OVER_MS, Worker, options_on, worker_on};
use crate::mortal::{Moment, Mortal, Request};
use crate::toxic::{Dice, Toxic};

/// Lives of two workers that are played.
const SEEDS: u64 = 60;

/// Workers of a life with a store that goes wrong.
const SICK_WORKERS: u64 = 8;

/// After every so many deaths it is looked what is left in the end.
const SETTLED_EVERY: usize = 3;

/// Every so many moments a worker is frozen for good; a number without divisors, so that all kinds
/// of them come.
const FROZEN_EVERY: usize = 7;

/// A bucket with something to compact, something to make coarser, and nothing else.
async fn field() -> Field {
    let mut field = Field::new();
    // Two days, of which windows are made; then eight hours that become one block.
    field.bring(0, 24, 6 * 3_600_000).await;
    for slice in 24..29 {
        field.bring(slice, 1, 3_600_000).await;
    }
    field
}

/// A watched client of a field's bucket, and a worker that uses it.
async fn watched(field: &Field, number: u64) -> (Mortal, Worker) {
    let store = Mortal::on(Arc::clone(&field.store));
    let shared: Arc<dyn ObjectStore> = Arc::new(store.clone());
    let worker = worker_on(shared, number, field.now_ms, |_| {}).await;
    store.watch(true);
    (store, worker)
}

/// Whether readers may find another bucket after a moment than before it.
fn is_change(moment: &Moment) -> bool {
    matches!(moment, Moment::After(Request::Put(..) | Request::Delete(_)))
}

#[tokio::test]
async fn a_worker_that_dies_at_any_step_loses_nothing_and_doubles_nothing() {
    let field = field().await;
    let (store, worker) = watched(&field, 1).await;
    let mut passing = pin!(worker.pass());
    let (mut deaths, mut torn) = (0_usize, 0);
    let report = loop {
        if let Poll::Ready(done) = futures::poll!(&mut passing) {
            break done.unwrap();
        }
        while let Some(moment) = store.moment() {
            let story = format!("death {deaths}: {}", moment.name());
            field.check(&story).await;
            let mut left = vec![field.fork()];
            if let Moment::Before(Request::Put(path, bytes)) = &moment {
                // What a store may have that does not write an object at once.
                let half = field.fork();
                let bytes = bytes.slice(..bytes.len() / 2);
                half.store.put(path, bytes.into()).await.unwrap();
                left.push(half);
                torn += 1;
            }
            for mut left in left {
                left.now_ms += LEASE_OVER_MS;
                let next = left.worker(2).await;
                let report = next.pass().await.unwrap();
                assert_eq!(report.busy, 0, "{story}: a lease is stuck");
                left.check(&story).await;
                if deaths % SETTLED_EVERY == 0 {
                    left.settle(&story).await;
                }
                deaths += 1;
            }
            store.go_on();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(report.made, 2, "{report:?}");
    field.check("in the end").await;
    eprintln!("{deaths} deaths, {torn} torn objects");
    assert!(deaths > 100 && torn > 10, "{deaths} {torn}");
}

#[tokio::test]
async fn a_worker_that_was_frozen_at_any_step_publishes_nothing_that_another_one_made() {
    let mut frozen = 0;
    for at in (0..).step_by(FROZEN_EVERY) {
        let field = field().await;
        let (store, worker) = watched(&field, 1).await;
        let mut passing = pin!(worker.pass());
        let mut moments = 0;
        let ended = loop {
            if let Poll::Ready(done) = futures::poll!(&mut passing) {
                break done;
            }
            while let Some(moment) = store.moment() {
                let story = format!("frozen at {at}, moment {moments}: {}", moment.name());
                if moments == at {
                    // Hours go by for everybody else.
                    let late = worker_on(
                        Arc::clone(&field.store) as _,
                        2,
                        field.now_ms + LEASE_OVER_MS,
                        |_| {},
                    )
                    .await;
                    late.pass().await.unwrap();
                    worker.clock.advance(2 * LEASE_OVER_MS);
                    frozen += 1;
                }
                if moments >= at && (moments == at || is_change(&moment)) {
                    field.check(&story).await;
                }
                moments += 1;
                store.go_on();
            }
            tokio::task::yield_now().await;
        };
        if moments <= at {
            break;
        }
        // It may fail where a block has gone that it had just seen; it never does harm.
        drop(ended);
        let story = format!("frozen at {at}");
        field.check(&story).await;
        let mut field = field;
        field.now_ms += 3 * LEASE_OVER_MS;
        field.settle(&story).await;
    }
    eprintln!("frozen {frozen} times");
    assert!(frozen > 8, "{frozen}");
}

async fn life(seed: u64) {
    let dice = Dice::new(seed);
    let mut field = field().await;
    let (first, second) = (watched(&field, 1).await, watched(&field, 2).await);
    let workers = [&first, &second];
    let mut one = pin!(first.1.pass());
    let mut two = pin!(second.1.pass());
    let mut done = [false, false];
    let mut waiting: [Option<Moment>; 2] = [None, None];
    let mut steps = 0;
    while done != [true, true] {
        if !done[0] && futures::poll!(&mut one).is_ready() {
            done[0] = true;
        }
        if !done[1] && futures::poll!(&mut two).is_ready() {
            done[1] = true;
        }
        for (place, (store, _)) in workers.iter().enumerate() {
            if waiting[place].is_none() {
                waiting[place] = store.moment();
            }
        }
        // A worker that does not halt is at work on its disk.
        let is_settled = (0..2).all(|place| done[place] || waiting[place].is_some());
        if !is_settled || done == [true, true] {
            tokio::task::yield_now().await;
            continue;
        }
        let place = match (done[0], done[1]) {
            (true, _) => 1,
            (_, true) => 0,
            _ => usize::from(dice.throw(2) == 0),
        };
        if dice.throw(40) == 0 {
            // Time goes by, for both or, as clocks go, for one of them.
            let by_ms = i64::try_from(dice.throw(2)).unwrap() * LEASE_OVER_MS;
            workers[place].1.clock.advance(by_ms);
        }
        if let Some(moment) = waiting[place].take() {
            workers[place].0.go_on();
            steps += 1;
            if matches!(&moment, Moment::After(Request::Put(path, _)) if path.as_ref().ends_with(".json"))
            {
                let story = format!("seed {seed}, step {steps}: {}", moment.name());
                field.check(&story).await;
            }
        }
    }
    let story = format!("seed {seed}");
    field.check(&story).await;
    // Later than any clock was.
    field.now_ms += 100 * LEASE_OVER_MS;
    field.settle(&story).await;
}

#[tokio::test]
async fn no_order_in_which_two_workers_take_their_steps_loses_or_doubles_a_sample() {
    let only = std::env::var("NARTHEX_BUCKET_SEED").ok();
    let only: Option<u64> = only.and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        life(seed).await;
    }
}

/// Workers come and go while the store goes wrong in all the ways that real ones do.
async fn sick_life(seed: u64) {
    let dice = Dice::new(seed);
    let mut field = field().await;
    let toxic = Arc::new(Toxic::current(Arc::clone(&field.store), dice.clone()));
    for number in 1..=SICK_WORKERS {
        let store: Arc<dyn ObjectStore> = Arc::clone(&toxic) as _;
        let story = format!("seed {seed}, worker {number}");
        let options = options_on(store, number, field.now_ms);
        let opened = Compactor::open(options, &mut Registry::default()).await;
        if let Ok(compactor) = opened {
            let (_stop, stopping) = watch::channel(false);
            // Some die in the middle of it.
            let patience = Duration::from_secs(5 + dice.throw(120));
            let _ = tokio::time::timeout(patience, compactor.pass(&stopping)).await;
        }
        field.check(&story).await;
        field.now_ms += i64::try_from(dice.throw(3)).unwrap() * LEASE_OVER_MS / 2;
    }
    toxic.heal();
    field.now_ms += 2 * LEASE_OVER_MS;
    field.settle(&format!("seed {seed}")).await;
    let objects = field.objects().await;
    let is_mark = |path: &&String| path.ends_with("-mark.json");
    assert_eq!(objects.iter().find(is_mark), None, "seed {seed}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_wrong_costs_no_sample_and_sets_nothing_aside() {
    let only = std::env::var("NARTHEX_BUCKET_SEED").ok();
    let only: Option<u64> = only.and_then(|seed| seed.parse().ok());
    for seed in only.map_or(0..SEEDS, |seed| seed..seed + 1) {
        sick_life(seed).await;
    }
}
