//! A range query gives at each of its steps what an instant query gives at that time, whatever
//! slides, is merged or changes its labels on the way.

use std::collections::BTreeMap;

use narthex_model::Labels;

use super::*;

const MINUTES: i64 = 40;

/// Counters with resets, gaps, an end and start timestamps; info series that follow each other.
fn changing_store() -> Arc<MemoryStore> {
    let store = store(&[
        r#"c_total{instance="a",job="x"} 0+3x9 1+2x5 _x4 40+1x9 0+7x9"#,
        r#"c_total{instance="b",job="x"} _x5 9-1x3 0 100 5 stale _x6 1+1x20"#,
        r#"c_total{instance="c",job="y"} 5x12 _x12 6x15"#,
        r#"target_info{instance="a",job="x",version="1"} 1x11 stale"#,
        r#"target_info{instance="a",job="x",version="2"} _x12 1x9 _x8 1x10"#,
        r#"target_info{instance="b",job="x",version="1",zone="z"} 1x39"#,
    ]);
    let labels = Labels::from_pairs([("__name__", "s_total"), ("instance", "a"), ("job", "x")]);
    for minute in 0..MINUTES {
        // Counting begins anew every seven minutes, half a minute before the sample.
        let begun = minute - minute % 7;
        let value = f64::from(u8::try_from(minute % 7).unwrap()) + 2.0;
        let mut batch = WriteBatch::from(vec![Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms: minute * MINUTE_MS,
            value,
        }]);
        batch.starts.samples = vec![(0, begun * MINUTE_MS - 30_000)];
        store.append(&batch).unwrap();
    }
    store
}

fn steps(value: Value) -> BTreeMap<(i64, String), f64> {
    match value {
        Value::Vector(samples) => samples
            .into_iter()
            .map(|s| ((s.timestamp_ms, s.labels.to_string()), s.value))
            .collect(),
        Value::Matrix(matrix) => matrix
            .into_iter()
            .flat_map(|series| {
                let labels = series.labels.to_string();
                let points = series.timestamps.into_iter().zip(series.values);
                points.map(move |(time_ms, value)| ((time_ms, labels.clone()), value))
            })
            .collect(),
        other => panic!("neither a vector nor a matrix: {other:?}"),
    }
}

#[test]
fn a_range_gives_at_each_step_what_an_instant_gives() {
    let store = changing_store();
    let engine = engine(|options| {
        options.lookback_delta = PromDuration::from_secs(180);
        options.delayed_name_removal = true;
        options.use_start_timestamps = true;
    });
    let mut seen = 0;
    for query in [
        "c_total smoothed",
        "c_total smoothed offset 30s",
        "rate(c_total[90s] anchored)",
        "increase(c_total[4m] smoothed)",
        "delta(c_total[150s] smoothed offset -1m)",
        "changes(c_total[5m] anchored)",
        "resets(c_total[5m] anchored)",
        "info(c_total)",
        r#"info(rate(c_total[3m]), {version=~".+"})"#,
        r#"info(c_total offset 2m, {zone=~".*"})"#,
        r#"sum by (version) (info({__name__=~".+_total"}))"#,
        "max_over_time(info(c_total)[5m:2m])",
        "rate(s_total[3m])",
        "increase(s_total[10m])",
        "increase(s_total[59s])",
        "irate(s_total[3m])",
        "resets(s_total[20m])",
        "start_timestamp(s_total)",
        "start_timestamp(s_total offset 90s)",
        "limit_ratio(0.4, c_total)",
        "c_total + on (instance) fill(0) target_info",
    ] {
        let range = steps(over(&engine, &store, query, MINUTES).unwrap().value);
        let mut instants = BTreeMap::new();
        for minute in 0..=MINUTES {
            instants.extend(steps(at(&engine, &store, query, minute).unwrap().value));
        }
        assert_eq!(
            range.keys().collect::<Vec<_>>(),
            instants.keys().collect::<Vec<_>>(),
            "{query}"
        );
        for (at, value) in &range {
            let wanted = instants[at];
            let close = (value - wanted).abs() <= 1e-9 * wanted.abs().max(1.0);
            assert!(close, "{query} at {at:?}: {value}, not {wanted}");
        }
        assert!(!range.is_empty(), "{query}");
        seen += range.len();
    }
    assert!(seen > 1000, "{seen} samples");
}
