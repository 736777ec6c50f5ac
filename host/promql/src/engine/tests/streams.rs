//! Series that are folded into their groups a batch at a time. That the answers are those of series
//! that are seen at once is tested by all scripts (`script::tests`).

use super::*;

/// Forty series of a hundred samples: 64,000 bytes.
fn forty() -> Arc<MemoryStore> {
    let lines = (0..40).map(|i| format!("x{{a=\"{i:02}\",g=\"{}\"}} 0+1x99", (i + 3) % 4));
    let lines: Vec<String> = lines.collect();
    store(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn small(change: impl FnOnce(&mut EngineOptions)) -> Engine {
    engine(|o| {
        (o.max_bytes, o.batch_samples) = (16_000, 200);
        change(o);
    })
}

#[test]
fn of_series_that_are_folded_only_the_groups_are_kept() {
    let (engine, store) = (small(|_| {}), forty());
    let refused =
        "error: query processing would load more than 16000 bytes into memory in query execution";
    for (query, expected) in [
        ("sum(sum_over_time(x[100m]))", "{} 198000"),
        ("avg(-sum_over_time(x[100m]) * 2)", "{} -9900"),
        // Two that read the same.
        (
            "max(sum_over_time(x[100m])) + count(sum_over_time(x[100m]))",
            "{} 4990",
        ),
        (
            "sum(max_over_time(sum_over_time(x[99m])[10m:5m]))",
            "{} 182400",
        ),
        // What compares series sees them all, and so does who reads the same beside it.
        ("topk(1, sum_over_time(x[100m]))", refused),
        ("sum_over_time(x[100m])", refused),
        (
            "sum(sum_over_time(x[100m])) + scalar(sum_over_time(x[100m]))",
            refused,
        ),
    ] {
        assert_eq!(told(at(&engine, &store, query, 99)), expected, "{query}");
    }
}

#[test]
fn groups_come_in_the_order_of_their_series() {
    let store = forty();
    let at_once = engine(|_| {});
    let query = "sum by (g) (sum_over_time(x[100m]))";
    let expected = told(at(&at_once, &store, query, 99));
    assert!(expected.starts_with(r#"{g="3"}"#), "{expected}");
    assert_eq!(told(at(&small(|_| {}), &store, query, 99)), expected);
}

#[test]
fn series_that_come_to_have_the_same_labels_are_seen_at_once() {
    // The third one is the first one of the other metric.
    let store = store(&[
        r#"a{l="1"} 1 1 _ _"#,
        r#"a{l="2"} 1 1 1 1"#,
        r#"b{l="1"} _ _ 2 2"#,
    ]);
    let same = "error: vector cannot contain metrics with the same labelset";
    for (query, expected) in [
        // The two are never there at the same step.
        (r#"sum(abs({__name__=~"a|b"}))"#, "{} 2@0 2@1 3@2 3@3"),
        (r#"sum(sum_over_time({__name__=~"a|b"}[3m]))"#, same),
        (r#"count({__name__=~"a|b"})"#, "{} 2@0 2@1 2@2 2@3"),
    ] {
        for batch_samples in [1, 1 << 18] {
            let engine = engine(|o| {
                o.batch_samples = batch_samples;
                o.lookback_delta = PromDuration::from_secs(60);
            });
            assert_eq!(told(over(&engine, &store, query, 3)), expected, "{query}");
        }
    }
}
