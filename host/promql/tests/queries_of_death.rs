//! Queries that would take all memory or all time, or that no parser should choke on: each ends
//! in the error of a bound, or with an answer where it only looks dangerous, while samples go on
//! coming in on the same runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow_buffer::ScalarBuffer;
use futures::StreamExt;
use futures::future::{self, BoxFuture, FutureExt};
use futures::stream;
use narthex_model::{Labels, PromDuration, Sample, SeriesRef, WriteBatch};
use narthex_promql::{Engine, EngineOptions, ParseOptions, QueryError, QueryOptions};
use narthex_storage::{
    Appendable, MemoryStore, Queryable, SelectRequest, Series, SeriesStream, StorageError,
};

/// Thirty days.
const END_MS: i64 = 30 * 86_400_000;
const SERIES: usize = 1000;
const SAMPLES: usize = 10_000;

/// 10 million samples: a thousand series that share their columns, evenly over thirty days.
struct Wide {
    labels: Vec<Labels>,
    timestamps: ScalarBuffer<i64>,
    values: ScalarBuffer<f64>,
}

impl Wide {
    fn new() -> Self {
        let interval_ms = END_MS / SAMPLES as i64;
        let labels = |i| {
            Labels::from_pairs([
                ("__name__", "m".to_owned()),
                ("i", format!("{i:04}")),
                ("job", format!("j{}", i % 7)),
            ])
        };
        Self {
            labels: (0..SERIES).map(labels).collect(),
            timestamps: (1..=SAMPLES as i64).map(|i| i * interval_ms).collect(),
            values: (0..SAMPLES).map(|i| (i * 7919 % 10_007) as f64).collect(),
        }
    }
}

impl Queryable for Wide {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let from = self
            .timestamps
            .partition_point(|t| *t < request.range.start_ms);
        let to = self
            .timestamps
            .partition_point(|t| *t <= request.range.end_ms)
            .max(from);
        let found: Vec<_> = self
            .labels
            .iter()
            .filter(|labels| {
                let value = |name| labels.get(name).unwrap_or("");
                request.matchers.iter().all(|m| m.matches(value(m.name())))
            })
            .map(|labels| {
                Ok(Series::of_numbers(
                    labels.clone(),
                    self.timestamps.slice(from, to - from),
                    self.values.slice(from, to - from),
                ))
            })
            .collect();
        future::ready(Ok(stream::iter(found).boxed())).boxed()
    }
}

const BYTES: &str = "query processing would load more than 104857600 bytes into memory in query \
                     execution";
const SAMPLES_ERROR: &str =
    "query processing would load too many samples into memory in query execution";

/// How a query is to end.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// With the error of the bound on samples or of that on bytes, whichever is met first.
    Memory,
    /// With that of the bound on time.
    Time,
    /// With an error that has this text.
    Refused(&'static str),
    /// With an answer: it is less than it looks.
    Answer,
}

/// Where a query is evaluated.
#[derive(Debug, Clone, Copy)]
enum At {
    /// At the end.
    Once,
    /// At so many steps up to the end.
    Steps(i64),
}

use At::{Once, Steps};
use End::{Answer, Memory, Refused, Time};

fn nested(before: &str, inner: &str, after: &str, times: usize) -> String {
    format!("{}{inner}{}", before.repeat(times), after.repeat(times))
}

fn queries() -> Vec<(String, At, End)> {
    let smoothing =
        "double_exponential_smoothing(m[30d], 0.3, scalar(vector(time() % 7 / 10 + 0.1)))";
    let named = [
        // Everything there is.
        (r#"{__name__!=""}[30d]"#, Once, Memory),
        ("sum_over_time(m[30d])", Once, Memory),
        ("quantile_over_time(0.5, m[30d])", Steps(11_000), Memory),
        ("m", Steps(11_000), Memory),
        // Of any number of series the groups are all that is kept.
        (r#"count({__name__=~".+"})"#, Steps(11_000), Answer),
        ("sort(m) or sort_desc(m)", Steps(9000), Memory),
        ("absent(m)", Steps(11_000), Memory),
        ("rate(m[29d]) > rate(m[28d])", Steps(1000), Memory),
        // Answers that are too large, from little that is read.
        ("m @ 2592000", Steps(11_000), Memory),
        (
            r#"count_values without (v) ("v", m{job=~"j1|j2|j3"})"#,
            Steps(9000),
            Memory,
        ),
        (
            r#"sum by (i) (m{job=~"j1|j2|j3"} @ end())"#,
            Steps(11_000),
            Memory,
        ),
        ("vector(time())[1000d:1ms]", Once, Memory),
        ("sum_over_time(vector(1)[10y:1s])", Once, Memory),
        // Subqueries in subqueries.
        ("max_over_time(rate(m[5m])[30d:1s])", Once, Memory),
        (
            "sum_over_time(sum_over_time(m[30d:1m])[30d:1m])",
            Once,
            Memory,
        ),
        (
            "sum_over_time(count_over_time(sum_over_time(m[1d:1s])[1d:1s])[1d:1s])",
            Once,
            Memory,
        ),
        ("last_over_time(m[30d:1ms])", Once, Memory),
        // Work without an end.
        (smoothing, Steps(11_000), Memory),
        (
            r#"double_exponential_smoothing(m{job="j1"}[30d], 0.3, scalar(vector(time() % 7 / 10 + 0.1)))"#,
            Steps(11_000),
            Time,
        ),
        // Regular expressions.
        (
            r#"m{i=~"(a{1000}){1000}"}"#,
            Once,
            Refused("expression too large"),
        ),
        (
            r#"m{i=~"((((a{100}){100}){100}){100})"}"#,
            Once,
            Refused("expression too large"),
        ),
        (
            r#"label_replace(m, "x", "$1", "i", "(a{1000}){1000}")"#,
            Once,
            Refused("invalid regular expression in label_replace()"),
        ),
        (r#"m{i=~"(a+)+(a+)+(a+)+x"}"#, Once, Answer),
        (r#"m{i=~"(.*)(.*)(.*)(.*)(.*)[^0-9]"}"#, Once, Answer),
        // Matching.
        (
            "m * on () group_left m",
            Once,
            Refused("found duplicate series for the match group"),
        ),
        ("m * on (i) group_left (job) m", Once, Answer),
        // Large numbers.
        ("topk(1e18, m)", Once, Answer),
        ("topk(1e19, m)", Once, Refused("overflows int64")),
        ("limitk(1e18, m)", Once, Answer),
        ("m[1y] offset 400y", Once, Refused("duration out of range")),
        ("m @ 1e300", Once, Refused("timestamp out of bounds")),
        ("round(m, 1e-320)", Once, Answer),
    ];
    let mut queries: Vec<_> = named
        .into_iter()
        .map(|(query, at, end)| (query.to_owned(), at, end))
        .collect();
    let deep = Refused("nested too deep");
    let long = Refused("too large");
    queries.extend([
        // Texts.
        (nested("(", "m", ")", 10_000), Once, deep),
        (nested("sum(", "m", ")", 10_000), Once, deep),
        (nested("-", "m", "", 10_000), Once, deep),
        (nested("2^", "m", "", 10_000), Once, deep),
        (format!("m[{}]", nested("(", "5m", ")", 10_000)), Once, deep),
        (vec!["m"; 10_000].join(" or "), Once, long),
        (vec!["1"; 100_000].join("+"), Once, long),
        (
            format!("m{{i=\"{}\"}}", "x".repeat(2 << 20)),
            Once,
            Refused("query is too long"),
        ),
        (
            format!("\"{}", "x".repeat(1_000_000)),
            Once,
            Refused("unterminated quoted string"),
        ),
        (
            format!("m{{{}}}", vec![r#"i=~".+""#; 10_000].join(",")),
            Once,
            Answer,
        ),
        // Labels that double at each step.
        (
            format!(
                "{}m{}",
                "label_replace(".repeat(60),
                r#", "i", "$1$1", "i", "(.*)")"#.repeat(60)
            ),
            Once,
            Memory,
        ),
        (
            format!(
                "{}m{}",
                "label_join(".repeat(60),
                r#", "i", "", "i", "i")"#.repeat(60)
            ),
            Once,
            Memory,
        ),
        // Labels that grow to what no machine has, in two steps: 250 GB of one million bytes.
        (
            format!(
                r#"label_replace(label_replace(m{{i="0001"}}, "x", "{many}", "i", ".*"), "y", "{many}", "x", ".*")"#,
                many = "$0".repeat(250_000)
            ),
            Once,
            Memory,
        ),
        (
            format!(
                r#"label_join(label_join(m{{i="0001"}}, "x", ""{many_i}), "y", ""{many_x})"#,
                many_i = r#", "i""#.repeat(50_000),
                many_x = r#", "x""#.repeat(50_000)
            ),
            Once,
            Memory,
        ),
    ]);
    queries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_in_its_bound_while_samples_come_in() {
    let within = |timeout_ms| {
        Engine::new(EngineOptions {
            timeout: PromDuration::from_millis(timeout_ms),
            max_samples: 5_000_000,
            max_bytes: 100 << 20,
            parse: ParseOptions::all(),
            ..EngineOptions::default()
        })
    };
    // What ends in another bound ends there on a slow machine as well.
    let (hurried, patient) = (within(1_000), within(120_000));
    let storage: Arc<dyn Queryable> = Arc::new(Wide::new());
    let (ingested, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let ingestion = async {
        let store = MemoryStore::new();
        while !is_done.load(Ordering::SeqCst) {
            let samples = vec![Sample {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", "live")]),
                timestamp_ms: i64::try_from(ingested.fetch_add(1, Ordering::SeqCst)).unwrap(),
                value: 1.0,
            }];
            store.append(&WriteBatch::from(samples)).unwrap();
            tokio::task::yield_now().await;
        }
    };
    let all = async {
        let options = QueryOptions::default();
        let queries = queries();
        assert!(queries.len() >= 40, "{}", queries.len());
        let mut wrong = Vec::new();
        for (query, at, end) in queries {
            let before = ingested.load(Ordering::SeqCst);
            let storage = Arc::clone(&storage);
            let engine = if end == Time { &hurried } else { &patient };
            let result = match at {
                Once => engine.instant(storage, &query, END_MS, &options).await,
                Steps(steps) => {
                    let step_ms = u64::try_from(END_MS / steps).unwrap();
                    let start_ms = END_MS - (steps - 1) * (END_MS / steps);
                    let step = PromDuration::from_millis(step_ms);
                    engine
                        .range(storage, &query, start_ms, END_MS, step, &options)
                        .await
                }
            };
            let shown: String = query.chars().take(80).collect();
            let found = match result {
                Ok(_) => "an answer".to_owned(),
                Err(QueryError::Timeout(_)) => "timeout".to_owned(),
                Err(error) => error.to_string().chars().take(300).collect(),
            };
            let is_expected = match end {
                Answer => found == "an answer",
                Time => found == "timeout",
                Memory => found == BYTES || found == SAMPLES_ERROR,
                Refused(text) => found.contains(text),
            };
            if !is_expected {
                wrong.push(format!("{shown}: {end:?} expected, found {found}"));
            }
            // What is refused at once leaves no time for others.
            let waits = end == Time || found == BYTES;
            let now = ingested.load(Ordering::SeqCst);
            assert!(now > before || !waits, "{shown}");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        // The next query is answered as if nothing had been.
        let count = patient.instant(Arc::clone(&storage), "count(m)", END_MS, &options);
        assert!(count.await.is_ok());
        is_done.store(true, Ordering::SeqCst);
    };
    futures::join!(ingestion, all);
    // Threads that were told to stop do.
    while hurried.running() + patient.running() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(ingested.load(Ordering::SeqCst) > 1000);
}
