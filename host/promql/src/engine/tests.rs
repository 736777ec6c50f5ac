//! The engine as its callers see it: answers and annotations. What the language means is
//! tested by scripts.

mod bounds;
mod steps;
mod streams;

use narthex_model::{Sample, SeriesRef, WriteBatch};
use narthex_storage::{Appendable, MemoryStore};

use super::*;
use crate::series_description::SequenceValue;
use crate::value::Value;

const MINUTE_MS: i64 = 60_000;

/// A store with these series, one sample a minute from the epoch on.
fn store(lines: &[&str]) -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    for line in lines {
        let described = crate::parse_series_description(line).unwrap();
        for (minute, value) in (0..).zip(&described.values) {
            let SequenceValue::Float(value) = value else {
                continue;
            };
            let sample = Sample {
                series: SeriesRef::UNKNOWN,
                labels: described.labels.clone(),
                timestamp_ms: minute * MINUTE_MS,
                value: *value,
            };
            let batch = WriteBatch::from(vec![sample]);
            store.append(&batch).unwrap();
        }
    }
    Arc::new(store)
}

fn engine(change: impl FnOnce(&mut EngineOptions)) -> Engine {
    let mut options = EngineOptions {
        parse: ParseOptions::all(),
        ..EngineOptions::default()
    };
    change(&mut options);
    Engine::new(options)
}

fn at(
    engine: &Engine,
    store: &Arc<MemoryStore>,
    query: &str,
    minute: i64,
) -> Result<QueryResult, QueryError> {
    let storage = Arc::clone(store) as Arc<dyn Queryable>;
    let options = QueryOptions::default();
    futures::executor::block_on(engine.instant(storage, query, minute * MINUTE_MS, &options))
}

fn over(
    engine: &Engine,
    store: &Arc<MemoryStore>,
    query: &str,
    minutes: i64,
) -> Result<QueryResult, QueryError> {
    let storage = Arc::clone(store) as Arc<dyn Queryable>;
    let (step, options) = (PromDuration::from_secs(60), QueryOptions::default());
    futures::executor::block_on(engine.range(
        storage,
        query,
        0,
        minutes * MINUTE_MS,
        step,
        &options,
    ))
}

/// An answer as text: a line a series, or the error.
fn told(result: Result<QueryResult, QueryError>) -> String {
    match result.map(|result| result.value) {
        Err(error) => format!("error: {error}"),
        Ok(Value::Scalar { value, .. }) => value.to_string(),
        Ok(Value::String { value, .. }) => value,
        Ok(Value::Vector(samples)) => {
            let lines = samples.iter().map(|s| format!("{} {}", s.labels, s.value));
            lines.collect::<Vec<_>>().join("\n")
        }
        Ok(Value::Matrix(matrix)) => {
            let lines = matrix.iter().map(|series| {
                let minutes = series.timestamps.iter().map(|t| t / MINUTE_MS);
                let points = minutes.zip(&series.values).map(|(t, v)| format!("{v}@{t}"));
                format!("{} {}", series.labels, points.collect::<Vec<_>>().join(" "))
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

/// A store that has windows of five minutes, of which each sample is one.
struct Windows(Arc<MemoryStore>);

impl Queryable for Windows {
    fn select<'a>(
        &'a self,
        request: &'a narthex_storage::SelectRequest,
    ) -> futures::future::BoxFuture<
        'a,
        Result<narthex_storage::SeriesStream, narthex_storage::StorageError>,
    > {
        self.0.select(request)
    }

    fn resolution_ms(&self, _: narthex_storage::TimeRange, max_resolution_ms: i64) -> i64 {
        max_resolution_ms.min(5 * MINUTE_MS)
    }
}

#[test]
fn the_mean_of_windows_keeps_the_name_that_is_removed_later() {
    let samples = store(&[r#"a{l="1"} 1+1x60"#, r#"b{l="1"} 2+2x60"#]);
    let (now, later) = (engine(|_| {}), engine(|o| o.delayed_name_removal = true));
    let same = "error: vector cannot contain metrics with the same labelset";
    let (both, one) = (r#"avg_over_time({l="1"}[1h])"#, "avg_over_time(a[1h])");
    let named = format!(r#"label_replace({both}, "n", "$1", "__name__", "(.*)")"#);
    for (engine, query, expected) in [
        (&now, one, r#"{l="1"} 31.5"#),
        (&later, one, r#"{l="1"} 31.5"#),
        (&now, both, same),
        (&later, both, same),
        (
            &later,
            named.as_str(),
            "{l=\"1\", n=\"a\"} 31.5\n{l=\"1\", n=\"b\"} 63",
        ),
    ] {
        let windows: Arc<dyn Queryable> = Arc::new(Windows(Arc::clone(&samples)));
        let options = QueryOptions::default();
        let found = engine.instant(windows, query, 60 * MINUTE_MS, &options);
        let found = told(futures::executor::block_on(found));
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn names_go_at_once_unless_their_removal_is_delayed() {
    let store = store(&[r#"a_total{l="1"} 0+60x10"#, r#"b_total{l="1"} 0+120x10"#]);
    let (now, later) = (engine(|_| {}), engine(|o| o.delayed_name_removal = true));
    let same = "error: vector cannot contain metrics with the same labelset";
    for (query, at_once, delayed) in [
        (r#"abs({l="1"})"#, same, same),
        (r#"rate({l="1"}[5m])"#, same, same),
        (r#"-{l="1"}"#, same, same),
        (r#"sum(rate({l="1"}[5m]))"#, same, "{} 3"),
        (
            r#"label_replace(rate(a_total[5m]), "n", "$1", "__name__", "(.*)")"#,
            r#"{l="1"} 1"#,
            r#"{l="1", n="a_total"} 1"#,
        ),
        (
            "last_over_time(a_total[5m])",
            r#"{__name__="a_total", l="1"} 600"#,
            r#"{__name__="a_total", l="1"} 600"#,
        ),
    ] {
        assert_eq!(
            told(at(&now, &store, query, 10)),
            at_once,
            "at once: {query}"
        );
        assert_eq!(
            told(at(&later, &store, query, 10)),
            delayed,
            "delayed: {query}"
        );
    }
}

#[test]
fn series_that_take_turns_become_one() {
    let store = store(&[
        r#"x{l="1", v="old"} 1 2 stale _ _"#,
        r#"x{l="1", v="new"} _ _ 3 4 5"#,
        r#"y{l="1"} 10x4"#,
    ]);
    let engine = engine(|_| {});
    for (query, expected) in [
        ("x + on (l) y", r#"{l="1"} 11@0 12@1 13@2 14@3 15@4"#),
        (
            "y - on (l) group_right x",
            concat!(
                r#"{l="1", v="new"} 7@2 6@3 5@4"#,
                "\n",
                r#"{l="1", v="old"} 9@0 8@1"#,
            ),
        ),
        (
            "y + on (l) group_left x",
            r#"{l="1"} 11@0 12@1 13@2 14@3 15@4"#,
        ),
        (
            r#"x{v="old"} or on (l) x"#,
            concat!(
                r#"{__name__="x", l="1", v="new"} 3@2 4@3 5@4"#,
                "\n",
                r#"{__name__="x", l="1", v="old"} 1@0 2@1"#,
            ),
        ),
        (
            r#"label_replace(x, "v", "", "", "")"#,
            r#"{__name__="x", l="1"} 1@0 2@1 3@2 4@3 5@4"#,
        ),
    ] {
        assert_eq!(told(over(&engine, &store, query, 4)), expected, "{query}");
    }
}

#[test]
fn matches_that_are_not_unique_are_refused_only_where_they_meet() {
    let store = store(&[
        r#"x{l="1", v="a"} 1x4"#,
        r#"x{l="1", v="b"} _ _ 1x2"#,
        r#"y{l="1"} 1x4"#,
    ]);
    let engine = engine(|_| {});
    assert_eq!(
        told(over(&engine, &store, "y + on (l) x", 1)),
        r#"{l="1"} 2@0 2@1"#
    );
    assert_eq!(
        told(over(&engine, &store, "y + on (l) x", 4)),
        "error: found duplicate series for the match group {l=\"1\"} on the right hand-side of \
         the operation: [{__name__=\"x\", l=\"1\", v=\"b\"}, {__name__=\"x\", l=\"1\", \
         v=\"a\"}];many-to-many matching not allowed: matching labels must be unique on one side"
    );
    assert_eq!(
        told(over(&engine, &store, "x + on (l) y", 4)),
        "error: multiple matches for labels: many-to-one matching must be explicit \
         (group_left/group_right)"
    );
    assert_eq!(
        told(over(&engine, &store, "x + on (l) group_left (v) y", 4)),
        "error: multiple matches for labels: grouping labels must ensure unique matches"
    );
}

#[test]
fn annotations_say_what_and_where() {
    let store = store(&["x 0+1x10", r#"b{le="one"} 1x10"#, r#"b{le="+Inf"} 1x10"#]);
    let engine = engine(|_| {});
    let non_counter = "PromQL info: metric might not be a counter, name does not end in \
                       _total/_sum/_count/_bucket: \"x\"";
    for (query, warnings, infos) in [
        ("rate(x[5m])", vec![], vec![format!("{non_counter} (1:6)")]),
        (
            "1 +\n increase(x[5m])",
            vec![],
            vec![format!("{non_counter} (2:11)")],
        ),
        ("rate(x[1s])", vec![], vec![]),
        (
            "quantile(2, x)",
            vec!["PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)"],
            vec![],
        ),
        (
            "histogram_quantile(0.5, b)",
            vec![
                "PromQL warning: bucket label \"le\" is missing or has a malformed value of \
                  \"one\" (1:25)",
            ],
            vec![],
        ),
    ] {
        let result = at(&engine, &store, query, 10).unwrap();
        assert_eq!(
            (result.warnings, result.infos),
            (warnings.into_iter().map(str::to_owned).collect(), infos),
            "{query}"
        );
    }
    let result = over(&engine, &store, "sum(sort(x))", 2).unwrap();
    assert_eq!(
        result.warnings,
        [
            "PromQL warning: sort is ineffective for range queries since results are always ordered \
          by labels (1:5)"
        ]
    );
}

#[test]
fn what_is_no_range_query_says_so() {
    let (store, engine) = (store(&["x 1"]), engine(|_| {}));
    for (query, expected) in [
        (
            "x[5m]",
            "error: invalid expression type \"range vector\" for range query, must be Scalar or instant Vector",
        ),
        (
            "'x'",
            "error: invalid expression type \"string\" for range query, must be Scalar or instant Vector",
        ),
        (
            "x x",
            "error: 1:3: parse error: unexpected identifier \"x\"",
        ),
    ] {
        assert_eq!(told(over(&engine, &store, query, 1)), expected);
    }
    assert_eq!(
        told(over(&engine, &store, "x", -1)),
        "error: end timestamp must not be before start time"
    );
}

#[test]
fn the_deepest_query_that_parses_is_evaluated() {
    let (store, engine) = (store(&["x 1"]), engine(|_| {}));
    let terms = crate::parser::TREE_HEIGHT_MAX - 1;
    let sum = vec!["x"; terms].join(" + ");
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    let options = QueryOptions::default();
    let storage = Arc::clone(&store) as Arc<dyn Queryable>;
    let result = runtime.block_on(engine.instant(storage, &sum, 0, &options));
    assert_eq!(told(result), format!("{{}} {terms}"));
}

#[test]
fn threads_change_nothing() {
    let lines: Vec<String> = (0..400)
        .map(|i| format!(r#"x{{l="{i}"}} 0+0.{i}x300"#))
        .collect();
    let store = store(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    for query in ["rate(x[5m])", "avg(x)", "x / on (l) x", "topk(3, x)"] {
        let told = |threads| {
            let engine = engine(|o| o.threads_per_query = threads);
            told(over(&engine, &store, query, 300))
        };
        assert!(told(1) == told(4), "{query}");
    }
}

#[test]
fn each_selector_reads_what_it_needs_and_no_more() {
    let times = QueryTimes {
        start_ms: 3_600_000,
        end_ms: 7_200_000,
        step_ms: 60_000,
    };
    let options = PlanOptions {
        lookback_ms: 300_000,
        subquery_step_ms: 60_000,
    };
    for (query, expected) in [
        ("x", vec![(3_300_001, 7_200_000)]),
        ("x - x", vec![(3_300_001, 7_200_000)]),
        (
            "x - y",
            vec![(3_300_001, 7_200_000), (3_300_001, 7_200_000)],
        ),
        ("rate(x[10m])", vec![(3_000_001, 7_200_000)]),
        ("x offset 10m", vec![(2_700_001, 6_600_000)]),
        ("x offset -10m", vec![(3_900_001, 7_800_000)]),
        ("x @ 100", vec![(-199_999, 100_000)]),
        ("x @ end()", vec![(6_900_001, 7_200_000)]),
        (
            "rate(x[10m] @ start() offset 1m)",
            vec![(2_940_001, 3_540_000)],
        ),
        // The first inner evaluation is one step after 3,000,000, the second after 2,940,000.
        ("max_over_time(x[10m:])", vec![(2_760_001, 7_200_000)]),
        ("max_over_time(x[10m:7m])", vec![(3_060_001, 7_140_000)]),
        ("x[10m * 2]", vec![(2_400_001, 7_200_000)]),
        ("1 + 1", vec![]),
    ] {
        let expr = parse(query, &ParseOptions::all()).unwrap();
        let plan = crate::plan::plan(&expr, times, options).unwrap();
        let ranges = plan
            .requests
            .iter()
            .map(|r| (r.select.range.start_ms, r.select.range.end_ms));
        assert_eq!(ranges.collect::<Vec<_>>(), expected, "{query}");
    }
}

#[test]
fn a_counter_is_told_by_its_name_or_by_its_type() {
    let store = store(&[
        r#"x{__type__="gauge",n="1"} 0+1x9"#,
        r#"y{__type__="counter",n="2"} 0+1x9"#,
        "z_total 0+1x9",
    ]);
    let query = r#"rate({__name__=~"x|y|z_total"}[5m])"#;
    let named = "PromQL info: metric might not be a counter, name does not end in \
                 _total/_sum/_count/_bucket";
    let typed = "PromQL info: metric might not be a counter, __type__ label is not set to \
                 \"counter\" or \"histogram\", got";
    for (type_and_unit_labels, expected) in [
        (
            false,
            [
                format!("{named}: \"x\" (1:6)"),
                format!("{named}: \"y\" (1:6)"),
            ],
        ),
        (
            true,
            [
                format!("{typed} \"\": \"z_total\" (1:6)"),
                format!("{typed} \"gauge\": \"x\" (1:6)"),
            ],
        ),
    ] {
        let engine = engine(|o| o.type_and_unit_labels = type_and_unit_labels);
        assert_eq!(at(&engine, &store, query, 9).unwrap().infos, expected);
    }
}

#[tokio::test]
async fn what_a_part_of_the_store_could_not_read_is_a_warning_and_an_error_where_all_is_wanted() {
    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use narthex_storage::{SelectRequest, SeriesStream, StorageError, Wanted};

    /// A store of which a part fails.
    struct Half(Arc<MemoryStore>);

    impl Queryable for Half {
        fn select<'a>(
            &'a self,
            request: &'a SelectRequest,
        ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
            self.0.select(request)
        }

        fn select_wanted<'a>(
            &'a self,
            request: &'a SelectRequest,
            _wanted: Wanted,
            warnings: &'a Warnings,
        ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
            async move {
                warnings.add("the other half is away");
                self.select(request).await
            }
            .boxed()
        }
    }

    let half = Arc::new(Half(store(&["x 1 2"])));
    let engine = engine(|_| {});
    // The second one is folded as it is read.
    for query in ["x + quantile(2, x)", "sum(x)"] {
        let options = QueryOptions::default();
        let answer = engine.instant(half.clone(), query, MINUTE_MS, &options);
        let warnings = answer.await.unwrap().warnings;
        let found = warnings
            .iter()
            .filter(|text| *text == "the other half is away");
        assert_eq!(found.count(), 1, "{query}: {warnings:?}");
        let options = QueryOptions {
            is_whole: true,
            ..QueryOptions::default()
        };
        let answer = engine.instant(half.clone(), query, MINUTE_MS, &options);
        let error = answer.await.unwrap_err().to_string();
        let expected = "a part of the answer is missing: the other half is away";
        assert_eq!(error, expected, "{query}");
    }
    // What is odd about the query itself is no part that is missing.
    let options = QueryOptions {
        is_whole: true,
        ..QueryOptions::default()
    };
    let odd = engine.instant(store(&["x 1 2"]), "quantile(2, x)", MINUTE_MS, &options);
    assert_eq!(odd.await.unwrap().warnings.len(), 1);
}

#[test]
fn a_light_query_is_answered_where_it_was_asked() {
    let started = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let (counter, seen) = (Arc::clone(&started), || {
        started.load(std::sync::atomic::Ordering::SeqCst)
    });
    let count = move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    };
    // All threads of this runtime are those of its blocking pool.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .on_thread_start(count)
        .build()
        .unwrap();
    let store = store(&["x{i=\"1\"} 0+60x99", "x{i=\"2\"} 0+120x99"]);
    let engine = engine(|_| {});
    let options = QueryOptions::default();
    for (query, expected, threads) in [
        ("sum by (i) (rate(x[5m])) > 1.5", "{i=\"2\"} 2", 0),
        ("absent(y)", "{} 1", 0),
        ("1 + 1", "2", 0),
        ("sum(sum_over_time(x[1m:1m]))", "{} 15840", 1),
    ] {
        let storage = Arc::clone(&store) as Arc<dyn Queryable>;
        let asked = engine.instant(storage, query, 88 * MINUTE_MS, &options);
        assert_eq!(told(runtime.block_on(asked)), expected, "{query}");
        assert_eq!(seen(), threads, "{query}");
    }
}
