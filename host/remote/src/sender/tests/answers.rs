//! What becomes of a request by its answer.

use std::time::Duration;

use super::world::{Fate, NOW_MS, World, config, status};
use crate::MessageKind;
use crate::sender::Answer;

/// What a sender has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Duty {
    Retry,
    Drop,
}

#[tokio::test(start_paused = true)]
async fn each_answer_is_a_duty() {
    for kind in MessageKind::ALL {
        for (fate, retries_429, duty) in [
            (status(500), false, Duty::Retry),
            (status(502), false, Duty::Retry),
            (status(503), false, Duty::Retry),
            (status(599), false, Duty::Retry),
            (Fate::Fail, false, Duty::Retry),
            (status(429), true, Duty::Retry),
            (status(429), false, Duty::Drop),
            (status(400), false, Duty::Drop),
            (status(401), false, Duty::Drop),
            (status(404), false, Duty::Drop),
            (status(409), false, Duty::Drop),
            (status(413), false, Duty::Drop),
            (status(415), false, Duty::Drop),
            (status(301), false, Duty::Drop),
        ] {
            let mut world = World::new();
            let mut config = config(kind);
            config.queue_config.retry_on_http_429 = retries_429;
            world.far.answer([fate.clone()], Fate::Take);
            world.send(&[config]).await;
            world.append(3, -1);
            world.until(|world| !world.far.sent().is_empty()).await;
            // The next batch shows that the sender goes on.
            world.append(2, 0);
            let expected = if duty == Duty::Retry { 5 } else { 2 };
            world.until(|world| world.far.written() == expected).await;
            world
                .until(|world| world.metric("samples_pending") == 0.0)
                .await;
            let attempts: Vec<u32> = world.far.sent().iter().map(|s| s.post.attempt).collect();
            let (expected, retried, failed) = match duty {
                Duty::Retry => (vec![0, 1, 0], 3.0, 0.0),
                Duty::Drop => (vec![0, 0], 0.0, 3.0),
            };
            assert_eq!(attempts, expected, "{kind} {fate:?}");
            assert_eq!(
                world.metric("samples_retried_total"),
                retried,
                "{kind} {fate:?}"
            );
            assert_eq!(
                world.metric("samples_failed_total"),
                failed,
                "{kind} {fate:?}"
            );
            world.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_is_the_same_body_after_twice_as_long() {
    let mut world = World::new();
    world.far.answer(vec![status(503); 12], Fate::Take);
    world.send(&[config(MessageKind::V1)]).await;
    world.append(3, -1);
    world.until(|world| world.far.written() == 3).await;
    let sent = world.far.sent();
    assert!(sent.iter().all(|s| s.post.body == sent[0].post.body));
    let waits: Vec<u128> = sent
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at).as_millis())
        .collect();
    let expected = [
        30, 60, 120, 240, 480, 960, 1920, 3840, 5000, 5000, 5000, 5000,
    ];
    for (wait, expected) in waits.iter().zip(expected) {
        assert!((expected..expected + 5).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_says_how_long_is_left_alone_so_long() {
    for (header, seconds) in [("17", 17), ("Tue, 14 Nov 2023 22:13:40 GMT", 20)] {
        let mut world = World::new();
        let answer = Fate::Answer(Answer {
            status: 503,
            retry_after: header.to_owned(),
            ..Answer::default()
        });
        world.far.answer([answer], Fate::Take);
        world.send(&[config(MessageKind::V2)]).await;
        world.append(3, -1);
        world.until(|world| world.far.written() == 3).await;
        let sent = world.far.sent();
        assert_eq!((sent[1].at - sent[0].at).as_secs(), seconds, "{header}");
    }
    assert_eq!(NOW_MS, 1_700_000_000_000, "the date above is 20 s later");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_was_written_did_not_fail() {
    let mut world = World::new();
    let partly = Fate::Answer(Answer {
        status: 400,
        written: Some([2, 0, 0]),
        ..Answer::default()
    });
    world.far.answer([partly], Fate::Take);
    world.send(&[config(MessageKind::V2)]).await;
    world.append(3, -1);
    world
        .until(|world| world.metric("samples_failed_total") > 0.0)
        .await;
    assert_eq!(world.metric("samples_failed_total"), 1.0);
    assert_eq!(world.far.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_wrote_nothing_does_not_know_the_message() {
    for written in [None, Some([0, 0, 0])] {
        let mut world = World::new();
        let empty = Fate::Answer(Answer {
            status: 204,
            written,
            ..Answer::default()
        });
        world.far.answer([], empty);
        world.send(&[config(MessageKind::V2)]).await;
        world.append(3, -1);
        world
            .until(|world| world.metric("samples_failed_total") == 3.0)
            .await;
        world.stop().await;
        assert_eq!(world.far.sent().len(), 1, "it is not sent again");
    }
}

#[tokio::test(start_paused = true)]
async fn what_became_too_old_is_not_sent() {
    let mut world = World::new();
    let mut config = config(MessageKind::V1);
    config.queue_config.sample_age_limit = narthex_model::PromDuration::from_secs(60);
    world.far.answer([], Fate::Fail);
    world.send(&[config]).await;
    world.append(2, -90);
    world.append(3, -10);
    world.until(|world| !world.far.sent().is_empty()).await;
    assert_eq!(world.metric("samples_dropped_total"), 2.0);
    world.clock.advance(120_000);
    world
        .until(|world| world.metric("samples_dropped_total") == 5.0)
        .await;
    world.append(4, 100);
    world.far.answer([], Fate::Take);
    world.until(|world| world.far.written() == 4).await;
    assert_eq!(world.metric("samples_failed_total"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_stops_the_reading_and_not_the_writing() {
    let mut world = World::new();
    let mut config = config(MessageKind::V1);
    config.queue_config.capacity = 50;
    config.queue_config.max_samples_per_send = 10;
    world.far.answer([], Fate::Fail);
    world.send(&[config]).await;
    for second in -500..0 {
        world.append(10, second);
    }
    world.until(|world| world.far.sent().len() >= 5).await;
    let pending = world.metric("samples_pending");
    assert!(pending <= 80.0, "{pending}");
    world.far.answer([], Fate::Take);
    world.until(|world| world.far.written() == 5_000).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.far.samples().await, 5_000);
    assert_eq!(world.far.written(), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_password_in_a_url_is_in_no_metric() {
    let mut world = World::new();
    let mut config = config(MessageKind::V1);
    config.url = "http://u:hunter2@far.example/write".to_owned();
    world.send(&[config]).await;
    world.append(1, 0);
    world.until(|world| world.metrics().contains("url=")).await;
    let metrics = world.metrics();
    let label = "url=\"http://u:xxxxx@far.example/write\"";
    assert!(metrics.contains(label), "{metrics}");
    assert!(!metrics.contains("hunter2"), "{metrics}");
    world.stop().await;
}
