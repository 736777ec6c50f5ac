//! A process dies at every request of every sync, before it, behind it and with an object half
//! written, and at every operation on the disk with which blocks leave it. The next one finds
//! everything, once, and goes on.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use narthex_block::{META_FILE, SLICE_MS};
use narthex_bucket::MARK_FILE;
use narthex_disk::{Disk as _, Fault};
use narthex_tsdb::RemoteBlocks;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use tokio::sync::watch;

use crate::fixture::{Beside, Disk, NOW_MS, samples};
use crate::mortal::{Moment, Mortal, Request};
use crate::world::{DELAY_MS, Known, Process, World};

/// Rounds of the life that is interrupted: in each a block's time goes by. Blocks become longer,
/// leave the disk, are replaced in the bucket, marked, deleted, and become too old for it.
const ROUNDS: usize = 12;

/// Deaths by what the process was about to do.
#[derive(Debug, Default)]
struct Deaths {
    before_looks: usize,
    before_puts: usize,
    in_puts: usize,
    behind_puts: usize,
    behind_deletes: usize,
    on_disk: usize,
    /// What was about to be deleted, in turn.
    before_deletes: Vec<Path>,
}

impl Deaths {
    fn all(&self) -> usize {
        let bucket = self.before_looks + self.before_puts + self.in_puts + self.behind_puts;
        bucket + self.before_deletes.len() + self.behind_deletes + self.on_disk
    }

    /// The files that were about to go, in turn, by block.
    fn deleted(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut deleted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in &self.before_deletes {
            let (block, file) = path.as_ref().split_once('/').unwrap();
            deleted.entry(block).or_default().push(file);
        }
        deleted
    }

    /// What the next process knows of the bucket, in turn.
    fn known(&self) -> Known {
        [Known::All, Known::Nothing, Known::Torn][self.all() % 3]
    }
}

/// What becomes of a world whose process has died.
async fn after(mut world: World, story: &str) {
    world.check_bucket(story).await;
    let process = world.start().await;
    world.check_or_unknown(&process, story).await;
    process.sync().await.unwrap();
    world.check_bucket(story).await;
    world.check(&process, story).await;
    process.tsdb.maintain().await.unwrap();
    world.check(&process, story).await;
    world.append(&process);
    process.tsdb.maintain().await.unwrap();
    process.sync().await.unwrap();
    world.check(&process, story).await;
    for _ in 0..3 {
        world.wait(&process, DELAY_MS / 2);
        process.sync().await.unwrap();
    }
    world.check_settled(&process, story).await;
    process.end().await;
}

/// A sync, with a reader and a death at each of its requests.
async fn sync(world: &World, process: &Process, round: usize, deaths: &mut Deaths) {
    let (_stop, stopping) = watch::channel(false);
    let blocks = process.tsdb.local_blocks();
    let mut syncing = pin!(process.bucket.sync(&blocks, &stopping));
    world.store.watch(true);
    loop {
        if let Poll::Ready(done) = futures::poll!(&mut syncing) {
            done.unwrap();
            break;
        }
        while let Some(moment) = world.store.moment() {
            world.store.watch(false);
            let story = format!("round {round}, death {}: {}", deaths.all(), moment.name());
            world.check(process, &story).await;
            world.check_bucket(&story).await;
            match &moment {
                Moment::Before(Request::Look | Request::Part) => deaths.before_looks += 1,
                Moment::Before(Request::Put(path, bytes)) => {
                    for part in [0, bytes.len() / 2] {
                        let torn = world.fork(deaths.known());
                        let part = bytes.slice(..part);
                        torn.store.inner.put(path, part.into()).await.unwrap();
                        after(torn, &story).await;
                        deaths.in_puts += 1;
                    }
                    deaths.before_puts += 1;
                }
                Moment::Before(Request::Delete(path)) => deaths.before_deletes.push(path.clone()),
                Moment::After(Request::Put(..)) => deaths.behind_puts += 1,
                Moment::After(_) => deaths.behind_deletes += 1,
            }
            after(world.fork(deaths.known()), &story).await;
            world.store.watch(true);
            world.store.go_on();
        }
        tokio::task::yield_now().await;
    }
    world.store.watch(false);
}

/// What is due on the disk is done, with a death at each of its operations, if blocks leave it.
async fn maintain(world: &World, process: &Process, round: usize, deaths: &mut Deaths) {
    let before = world.fork(Known::All);
    let had = process.tsdb.local_blocks();
    process.tsdb.maintain().await.unwrap();
    world.check(process, "after what was due").await;
    let has = process.tsdb.local_blocks();
    let is_gone = |block: &narthex_block::Block| {
        let name = &block.meta().ulid;
        let stays = |other: &narthex_block::Block| {
            other.meta().ulid == *name || other.meta().replaced().any(|parent| parent == name)
        };
        !has.iter().any(|other| stays(other))
    };
    if !had.iter().any(|block| is_gone(block)) {
        return;
    }
    for at in 0.. {
        let known = [Known::All, Known::Nothing][at % 2];
        let story = format!("round {round}, operation {at} on the disk");
        let mut dying = before.fork(known);
        let process = dying.start().await;
        process.sync().await.unwrap();
        let next = dying.disk.operations() + at as u64;
        dying.disk.fault_at(next, Fault::Kill);
        let done = process.tsdb.maintain().await;
        if !dying.disk.is_dead() {
            done.unwrap();
            return process.end().await;
        }
        process.bucket.close().await;
        drop(process);
        deaths.on_disk += 1;
        dying.disk = match at % 4 {
            0 | 1 => dying.disk.kill(),
            _ => dying.disk.cut_power(),
        };
        after(dying, &story).await;
    }
}

#[tokio::test]
async fn a_process_that_dies_at_any_step_of_an_upload_loses_nothing_and_doubles_nothing() {
    let mut world = World::new();
    let process = world.start().await;
    process.sync().await.unwrap();
    let mut deaths = Deaths::default();
    for round in 0..ROUNDS {
        world.append(&process);
        maintain(&world, &process, round, &mut deaths).await;
        sync(&world, &process, round, &mut deaths).await;
        world.check(&process, "after a sync").await;
    }
    eprintln!("{} deaths: {deaths:?}", deaths.all());
    assert!(deaths.all() > 500, "{deaths:?}");
    assert!(deaths.on_disk > 50, "{deaths:?}");
    // What makes it a block goes first, then its four files, and last what says that it goes.
    let deleted = deaths.deleted();
    assert_eq!(deleted.len(), 3, "{deaths:?}");
    for files in deleted.values() {
        assert_eq!(files.len(), 6, "{deaths:?}");
        assert_eq!((files[0], files[5]), (META_FILE, MARK_FILE));
    }
    assert_eq!(deaths.behind_deletes, 3 * 6);
    assert!(world.disk.list("").unwrap().len() < ROUNDS);
}

#[tokio::test]
async fn a_process_that_dies_while_a_large_file_goes_up_in_parts_leaves_no_part_of_a_block() {
    let mut disk = Disk::new();
    let dice = crate::toxic::Dice::new(5);
    let noise = |_| f64::from_bits(dice.throw(u64::from(u32::MAX)) << 20 | dice.throw(1 << 20));
    let slice = NOW_MS / SLICE_MS - 1;
    let block = disk.cut_with(slice, 2_600, 480, noise).await;
    assert!(block.meta().size() > 8 << 20, "{}", block.meta().size());
    let expected = samples(&disk.blocks).await.unwrap();
    let store = Mortal::new(InMemory::new());
    let beside = Beside::open(Arc::new(store.clone())).await;
    let mut syncing = pin!(beside.sync(&disk));
    let (mut deaths, mut parts) = (0, 0);
    store.watch(true);
    loop {
        if let Poll::Ready(done) = futures::poll!(&mut syncing) {
            done.unwrap();
            break;
        }
        while let Some(moment) = store.moment() {
            store.watch(false);
            let mut left = vec![store.inner.fork()];
            if let Moment::Before(Request::Put(path, bytes)) = &moment {
                let torn = store.inner.fork();
                let half = bytes.slice(..bytes.len() / 2);
                torn.put(path, half.into()).await.unwrap();
                left.push(torn);
            }
            parts += usize::from(matches!(moment, Moment::Before(Request::Part)));
            for left in left {
                let beside = Beside::open(Arc::new(left)).await;
                beside.sync(&Disk::new()).await.unwrap();
                let found = beside.samples().await.unwrap();
                assert!(found.is_empty() || found == expected, "{}", moment.name());
                beside.sync(&disk).await.unwrap();
                assert!(beside.bucket.has(&block), "{}", moment.name());
                beside.bucket.close().await;
                deaths += 1;
            }
            store.watch(true);
            store.go_on();
        }
        tokio::task::yield_now().await;
    }
    store.watch(false);
    assert!(beside.samples().await.unwrap() == expected);
    beside.bucket.close().await;
    eprintln!("{deaths} deaths, {parts} parts");
    assert!(parts >= 2 && deaths > 20, "{deaths} {parts}");
}
