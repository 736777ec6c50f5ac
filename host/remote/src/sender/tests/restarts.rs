//! Senders and receivers that end and come back: nothing is lost, nothing is there twice.

use std::time::Duration;

use super::world::{Fate, World, config, status};
use crate::MessageKind;

#[tokio::test(start_paused = true)]
async fn a_sender_that_comes_back_goes_on_where_it_was() {
    let mut world = World::new();
    let mut second = -1000;
    for _ in 0..5 {
        world.send(&[config(MessageKind::V2)]).await;
        for _ in 0..10 {
            world.append(5, second);
            second += 1;
        }
        world.stop().await;
        // What comes while no sender runs.
        world.append(5, second);
        second += 1;
        world.reopen();
    }
    world.send(&[config(MessageKind::V2)]).await;
    world.until(|world| world.far.written() >= 275).await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 275);
    assert_eq!(world.far.written(), 275, "nothing was sent twice");
}

#[tokio::test(start_paused = true)]
async fn what_is_left_when_the_deadline_is_over_is_sent_by_the_next_process() {
    let mut world = World::new();
    let mut config = config(MessageKind::V1);
    config.queue_config.max_samples_per_send = 10;
    config.queue_config.capacity = 20;
    world.far.answer([Fate::Take, Fate::Take], status(503));
    world.send(std::slice::from_ref(&config)).await;
    for second in -100..0 {
        world.append(5, second);
    }
    world.until(|world| world.far.sent().len() >= 4).await;
    assert_eq!(world.far.written(), 20);
    world.stop().await;
    world.reopen();
    world.far.answer([], Fate::Take);
    world.send(&[config]).await;
    world.until(|world| world.far.written() >= 500).await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 500);
    assert_eq!(world.far.written(), 500, "nothing was sent twice");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_killed_loses_nothing() {
    let mut world = World::new();
    let mut config = config(MessageKind::V2);
    config.queue_config.min_shards = 3;
    config.queue_config.max_samples_per_send = 7;
    for round in 0..5 {
        world.send(std::slice::from_ref(&config)).await;
        for second in 0..20 {
            world.append(11, -1000 + round * 100 + second);
        }
        // Some of it is on its way, some of it is written down as sent.
        tokio::time::sleep(Duration::from_millis(2_500 * round.unsigned_abs())).await;
        world.kill().await;
        world.reopen();
    }
    world.send(&[config]).await;
    let whole = 5 * 20 * 11;
    for _ in 0..1_000 {
        if world.far.samples().await == whole {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(world.far.samples().await, whole);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_dies_after_storing_stores_nothing_twice() {
    let mut world = World::new();
    let fates = [
        Fate::Lose,
        Fate::Fail,
        status(503),
        Fate::Lose,
        Fate::Take,
        Fate::Lose,
    ];
    world.far.answer(fates, Fate::Take);
    let mut config = config(MessageKind::V2);
    config.queue_config.max_samples_per_send = 20;
    world.send(&[config]).await;
    for second in -50..0 {
        world.append(4, second);
    }
    world
        .until(|world| world.metric("samples_pending") == 0.0 && world.far.sent().len() > 10)
        .await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_new_sender_begins_with_what_comes_then() {
    let mut world = World::new();
    world.append(5, -3);
    world.send(&[config(MessageKind::V1)]).await;
    world.append(5, -2);
    world.until(|world| world.far.written() == 5).await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_reload_ends_and_begins_only_what_changed() {
    let mut world = World::new();
    let first = config(MessageKind::V1);
    let mut second = config(MessageKind::V1);
    second.name = "second".to_owned();
    world.send(&[first.clone(), second.clone()]).await;
    world.append(5, -3);
    world.until(|world| world.far.written() == 10).await;
    second.queue_config.max_shards = 2;
    world.send(&[first.clone(), second.clone()]).await;
    world.append(5, -2);
    world.until(|world| world.far.written() == 20).await;
    // One that goes and comes back has what came in between.
    world.send(std::slice::from_ref(&first)).await;
    world.append(5, -1);
    world.until(|world| world.far.written() == 25).await;
    world.send(&[first, second]).await;
    world.until(|world| world.far.written() == 30).await;
    world.stop().await;
    assert_eq!(world.far.samples().await, 15);
    assert_eq!(world.far.written(), 30);
}
