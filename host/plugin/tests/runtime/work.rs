//! Plugins that behave: what they answer, what they keep, and what they log.

use narthex_plugin::PluginState;
use serde_json::json;

use crate::harness::{Bench, collect, collect_from, target};
use crate::peers::{bench, steps};

#[tokio::test]
async fn an_instance_stays_warm_between_scrapes() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "work"}"#);
    for calls in 1..=3 {
        let text = collect(&job).await.unwrap();
        assert_eq!(text, format!("guest_version 1\nguest_calls_total {calls}"));
    }
    let other = bench.job("b", r#"{"do": "work"}"#);
    assert_eq!(
        collect(&other).await.unwrap(),
        "guest_version 1\nguest_calls_total 1"
    );
    bench.assert_metrics(&[
        "narthex_plugin_calls_total{plugin=\"guest\",job=\"a\",result=\"ok\"} 3",
        "narthex_plugin_calls_total{plugin=\"guest\",job=\"b\",result=\"ok\"} 1",
        "narthex_plugin_call_duration_seconds_count{plugin=\"guest\",job=\"a\"} 3",
        "narthex_plugin_memory_limit_bytes{plugin=\"guest\"} 8388608",
        "narthex_plugin_reloads_total{plugin=\"guest\",result=\"ok\"} 1",
    ]);
}

#[tokio::test]
async fn text_is_handed_over_as_it_is() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "text", "text": "up 1\n"}"#);
    let text = collect(&job).await.unwrap();
    assert_eq!(text, "text/plain; version=0.0.4\nup 1\n");
}

#[tokio::test]
async fn plugins_are_listed_with_what_runs() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "trap"}"#);
    assert!(collect(&job).await.is_err());
    let list = bench.runtime.list();
    assert_eq!(list.len(), 1);
    let status = &list[0];
    assert_eq!(
        (status.name.as_str(), status.version.as_str()),
        ("guest", "1.2.3")
    );
    assert_eq!(status.state, PluginState::Running);
    assert_eq!(status.jobs, ["a"]);
    assert_eq!(status.digest.len(), 64);
    assert!(status.last_error.as_ref().unwrap().starts_with("trap: "));
    drop(job);
    assert!(bench.runtime.list()[0].jobs.is_empty());
}

#[tokio::test]
async fn an_unknown_name_lists_what_there_is() {
    let bench = Bench::new().await;
    let config = serde_json::Value::Null;
    let error = bench
        .runtime
        .collector("gusset", "a", &config)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "no plugin is named \"gusset\"; there are: guest"
    );
}

#[tokio::test]
async fn a_flood_of_log_lines_is_cut() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "log", "lines": 1000}"#);
    collect(&job).await.unwrap();
    collect(&job).await.unwrap();
    bench.assert_metrics(&[
        "narthex_plugin_log_messages_total{plugin=\"guest\",level=\"info\"} 100",
        "narthex_plugin_log_dropped_total{plugin=\"guest\"} 1900",
    ]);
}

#[tokio::test]
async fn standard_output_goes_into_the_log() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "print", "text": "one\ntwo"}"#);
    collect(&job).await.unwrap();
    bench.assert_metrics(&["narthex_plugin_log_messages_total{plugin=\"guest\",level=\"info\"} 2"]);
}

#[tokio::test]
async fn a_job_whose_target_hangs_holds_up_no_other() {
    let bench = Bench::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = target(&listener.local_addr().unwrap().to_string());
    let hanging = bench.job("hanging", r#"{"do": "hang"}"#);
    let working = bench.job("working", r#"{"do": "work"}"#);
    let mut hang = Box::pin(collect_from(&hanging, &silent));
    // The connection being there, the guest is in the middle of its call.
    let mut accepted = tokio::select! {
        accepted = listener.accept() => accepted.unwrap().0,
        answer = &mut hang => panic!("{answer:?}"),
    };
    for calls in 1..=20 {
        let text = tokio::select! {
            text = collect(&working) => text.unwrap(),
            answer = &mut hang => panic!("{answer:?}"),
        };
        assert!(text.ends_with(&format!("guest_calls_total {calls}")));
    }
    // Another target of the hanging job is read on an instance of its own.
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = target(&other.local_addr().unwrap().to_string());
    let answer = async {
        let (mut stream, _) = other.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"x")
            .await
            .unwrap();
    };
    let (text, ()) = tokio::join!(collect_from(&hanging, &second), answer);
    assert_eq!(text, Ok(String::new()));
    tokio::io::AsyncWriteExt::write_all(&mut accepted, b"x")
        .await
        .unwrap();
    assert_eq!(hang.await, Ok(String::new()));
}

#[tokio::test]
async fn a_plugin_may_ask_how_the_clock_is_disciplined() {
    let bench = bench("", "{}", Bench::options()).await;
    let answers = steps(&bench, "clock", &json!([{"op": "discipline"}])).await;
    // The kernel allows a hundred ticks a second, give or take a tenth; a machine may keep it all
    // to itself.
    let ticks = answers[0]
        .strip_prefix("true ")
        .or_else(|| answers[0].strip_prefix("false "));
    match ticks.map(str::parse::<u32>) {
        Some(tick) => assert!((9_000..=11_000).contains(&tick.unwrap()), "{answers:?}"),
        None => assert!(
            answers[0].starts_with("unavailable: adjtimex: "),
            "{answers:?}"
        ),
    }
    bench.assert_metrics(&[
        "narthex_plugin_host_calls_total{plugin=\"guest\",interface=\"clock\"} 1",
    ]);
}
