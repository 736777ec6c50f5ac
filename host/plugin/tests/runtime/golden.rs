//! A component that was made when 0.1 was frozen loads and answers, for ever.

use std::fs;

use narthex_plugin::Artifact;

use crate::harness::{Bench, MANIFEST, collect};

#[tokio::test]
async fn an_exporter_made_when_the_contract_was_frozen_still_answers() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/v0.1/exporter.wasm"
    );
    let component = fs::read(file).unwrap().leak();
    let embedded = vec![Artifact::embedded("guest", component, MANIFEST)];
    let bench = Bench::with(embedded, "{}").await;
    let job = bench.job("golden", "{}");
    for _ in 0..3 {
        let answer = collect(&job).await.unwrap();
        assert_eq!(answer, "text/plain; version=0.0.4\ngolden 1\n");
    }
    bench.assert_metrics(&[
        "narthex_plugin_log_messages_total{plugin=\"guest\",level=\"info\"} 3",
        "narthex_plugin_host_calls_total{plugin=\"guest\",interface=\"clock\"} 3",
    ]);
}
