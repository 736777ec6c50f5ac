//! Plugins that misbehave: each costs its own scrape, and says why.

use tokio::time::{Duration, Instant};

use crate::harness::{Bench, collect, target, target_within};

#[tokio::test]
async fn whatever_a_plugin_does_costs_its_own_scrape() {
    let bench = Bench::new().await;
    let neighbour = bench.job("neighbour", r#"{"do": "work"}"#);
    let mut calls = 0;
    for (config, error) in [
        (
            r#"{"do": "trap"}"#,
            "trap: wasm `unreachable` instruction executed",
        ),
        (
            r#"{"do": "trap_in_init"}"#,
            "trap: wasm `unreachable` instruction executed",
        ),
        (r#"{"do": "recurse"}"#, "trap: call stack exhausted"),
        (r#"{"do": "grow"}"#, "memory limit of 8MiB reached"),
        (r#"{"do": "unready"}"#, "not ready: not today"),
        (r#"{"do": "refuse"}"#, "config: no"),
        (
            r#"{"do": "torn"}"#,
            "invalid batch: batch has 3 label symbols, expected 2",
        ),
        (
            r#"{"do": "dance"}"#,
            "config: plugin_config: unknown variant `dance`",
        ),
    ] {
        let job = bench.job("bad", config);
        // The second time there is a new instance, which does the same.
        for _ in 0..2 {
            let answer = collect(&job).await.unwrap_err();
            let expected = format!("plugin guest: {error}");
            assert!(answer.starts_with(&expected), "{config}: {answer}");
        }
        calls += 1;
        let text = collect(&neighbour).await.unwrap();
        assert_eq!(text, format!("guest_version 1\nguest_calls_total {calls}"));
    }
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_deadline_and_lets_others_run() {
    let bench = Bench::compiled().await;
    let looping = bench.job("looping", r#"{"do": "loop"}"#);
    let neighbour = bench.job("neighbour", r#"{"do": "work"}"#);
    let target_of_loop = target_within("localhost:1", "300ms");
    let timeout = Duration::from_millis(300);
    // Time passes when the neighbour has had its turns, however long they take.
    tokio::time::pause();
    // One thread runs both: the loop is interrupted for the neighbour.
    let endless = looping.collect(&target_of_loop, Instant::now() + timeout);
    let others = async {
        for _ in 0..5 {
            collect(&neighbour).await.unwrap();
        }
        tokio::time::advance(timeout).await;
    };
    let (answer, ()) = tokio::join!(endless, others);
    let text = answer.unwrap_err().to_string();
    assert_eq!(text, "plugin guest: stopped after 300ms: deadline");
    bench.assert_metrics(&[
        "narthex_plugin_calls_total{plugin=\"guest\",job=\"looping\",result=\"timeout\"} 1",
        "narthex_plugin_restarts_total{plugin=\"guest\",job=\"looping\"} 1",
    ]);
}

#[tokio::test]
async fn a_call_that_waits_is_told_so_before_its_deadline() {
    let bench = Bench::compiled().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let job = bench.job("a", r#"{"do": "hang"}"#);
    tokio::time::pause();
    let deadline = Instant::now() + Duration::from_secs(20);
    let answer = job.collect(&target_within(&address, "20s"), deadline).await;
    let text = answer.unwrap_err().to_string();
    assert_eq!(text, "plugin guest: timeout");
}

#[tokio::test]
async fn after_a_trap_the_next_scrape_has_a_new_instance() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "trap_every", "calls": 3}"#);
    let mut answers = Vec::new();
    for _ in 0..9 {
        answers.push(collect(&job).await.is_ok());
    }
    let [good, bad] = [true, false];
    assert_eq!(answers, [good, good, bad, good, good, bad, good, good, bad]);
    bench.assert_metrics(&[
        "narthex_plugin_calls_total{plugin=\"guest\",job=\"a\",result=\"trap\"} 3",
        "narthex_plugin_restarts_total{plugin=\"guest\",job=\"a\"} 3",
    ]);
}

#[tokio::test]
async fn traps_leave_nothing_behind() {
    let bench = Bench::new().await;
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let job = bench.job("a", r#"{"do": "trap"}"#);
    let target = target("localhost:1");
    let mut before = 0;
    for round in 0..300 {
        let deadline = Instant::now() + crate::harness::GENEROUS;
        assert!(job.collect(&target, deadline).await.is_err());
        // The next round is no sooner than a quarantine ends.
        bench.clock.advance(600_000);
        if round == 10 {
            before = open_files();
        }
    }
    // Other tests of this process open files as well, but not hundreds.
    assert!(open_files() < before + 100);
}

#[tokio::test]
async fn connections_are_counted() {
    let bench = Bench::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let target = target(&address);
    let few = bench.job("few", r#"{"do": "connect", "times": 16}"#);
    // Twice: the connections of the first call are closed with it.
    for _ in 0..2 {
        assert!(crate::harness::collect_from(&few, &target).await.is_ok());
    }
    let many = bench.job("many", r#"{"do": "connect", "times": 17}"#);
    let error = crate::harness::collect_from(&many, &target)
        .await
        .unwrap_err();
    assert_eq!(
        error,
        "plugin guest: denied: more than 16 open connections in one call"
    );
}
