//! What a query may take, whose turn it is, and who stops when nobody waits.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use narthex_model::Labels;
use narthex_storage::{SelectRequest, SeriesStream, StorageError};

use super::*;
use crate::evaluate::column::Workers;

#[test]
fn a_query_over_its_samples_fails() {
    let store = store(&["x 0+1x99", "y 0+1x99"]);
    let engine = engine(|o| o.max_samples = 150);
    let too_many =
        "error: query processing would load too many samples into memory in query execution";
    assert_eq!(
        told(at(&engine, &store, "sum_over_time(x[100m])", 99)),
        "{} 4950"
    );
    for query in [
        "{__name__=~'x|y'}[100m]",
        "x[1000d:1s]",
        "sum_over_time(rate(x[5m])[1000d:1ms])",
        "sum_over_time(x[10m:1s])",
    ] {
        assert_eq!(told(at(&engine, &store, query, 99)), too_many, "{query}");
    }
}

#[test]
fn a_query_that_reads_too_much_fails() {
    let store = store(&["x 0+1x99"]);
    let engine = engine(|o| o.max_bytes = 60 * 16);
    assert_eq!(told(at(&engine, &store, "sum(x)", 99)), "{} 99");
    assert_eq!(
        told(at(&engine, &store, "sum_over_time(x[100m])", 99)),
        "error: query processing would load more than 960 bytes into memory in query execution"
    );
    // Seen in steps of ten minutes, ten samples are kept.
    assert_eq!(
        told(at(&engine, &store, "count_over_time(x[100m:10m])", 99)),
        "{} 10"
    );
}

#[test]
fn an_answer_counts_as_what_the_query_holds() {
    let store = store(&["x 0+1x99", "y 0+1x99"]);
    let query = r#"{__name__=~"x|y"}"#;
    let engine_of = |samples, bytes| engine(|o| (o.max_samples, o.max_bytes) = (samples, bytes));
    let failed = |engine: Engine| match over(&engine, &store, query, 99) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    assert_eq!(failed(engine_of(400, 1 << 20)), "");
    assert_eq!(
        failed(engine_of(250, 1 << 20)),
        "query processing would load too many samples into memory in query execution"
    );
    assert_eq!(
        failed(engine_of(1000, 5000)),
        "query processing would load more than 5000 bytes into memory in query execution"
    );
}

/// A store without series, whose reads take until they are let go, and which counts them.
#[derive(Default)]
struct Slow {
    reading: AtomicUsize,
    most_reading: AtomicUsize,
    let_go: Option<tokio::sync::Semaphore>,
}

impl Queryable for Slow {
    fn select<'a>(
        &'a self,
        _: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async {
            let reading = self.reading.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_reading.fetch_max(reading, Ordering::SeqCst);
            match &self.let_go {
                Some(let_go) => drop(let_go.acquire().await),
                None => std::future::pending().await,
            }
            self.reading.fetch_sub(1, Ordering::SeqCst);
            Ok(futures::stream::empty().boxed())
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_ends() {
    let engine = engine(|o| o.timeout = PromDuration::from_millis(1));
    let result = engine
        .instant(Arc::new(Slow::default()), "x", 0, &QueryOptions::default())
        .await;
    assert_eq!(
        told(result),
        "error: query timed out in expression evaluation"
    );
}

#[tokio::test]
async fn a_query_whose_turn_never_comes_says_where_it_waited() {
    let engine = engine(|o| o.max_concurrency = 1);
    let storage = Arc::new(Slow {
        let_go: Some(tokio::sync::Semaphore::new(0)),
        ..Slow::default()
    });
    let (long, short) = (
        QueryOptions::default(),
        QueryOptions {
            timeout: Some(PromDuration::from_millis(1)),
            ..QueryOptions::default()
        },
    );
    let first = engine.instant(storage.clone(), "x", 0, &long);
    let second = async {
        let second = engine.instant(storage.clone(), "y", 0, &short).await;
        if let Some(let_go) = &storage.let_go {
            let_go.add_permits(1);
        }
        second
    };
    let (first, second) = futures::join!(first, second);
    assert!(first.is_ok());
    assert_eq!(told(second), "error: query timed out in query queue");
    assert_eq!(engine.running(), 0);
}

/// Remembers what runs.
#[derive(Debug, Default)]
struct Running(Arc<std::sync::Mutex<Vec<String>>>);

struct Ends(Arc<std::sync::Mutex<Vec<String>>>, String);

impl QueryTracker for Running {
    fn begin(&self, query: &str) -> Box<dyn Send> {
        self.0.lock().unwrap().push(query.to_owned());
        Box::new(Ends(Arc::clone(&self.0), query.to_owned()))
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.lock().unwrap().retain(|query| *query != self.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_whose_client_has_left_stops_working() {
    // Smoothing that differs at each step looks at each window: 100 series times 11,000 steps
    // times 1,000 samples, a minute of work.
    let lines: Vec<String> = (0..100)
        .map(|i| format!("x{{i=\"{i}\"}} 0+1x1000"))
        .collect();
    let store = store(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let running = Running::default();
    let queries = Arc::clone(&running.0);
    let engine = engine(|o| o.threads_per_query = 2).tracked_by(Arc::new(running));
    let engine = Arc::new(engine);
    let query =
        "double_exponential_smoothing(x[1000m], 0.3, scalar(vector(time() % 7 / 10 + 0.1)))";
    let asked = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move {
            let step = PromDuration::from_secs(5);
            let options = QueryOptions::default();
            engine
                .range(store, query, 0, 55_000_000, step, &options)
                .await
        }
    });
    while queries.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!((engine.running(), queries.lock().unwrap().len()), (1, 1));
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    // That it ends at all is the test: nobody waits for it. How soon is counted in samples, by
    // the tests of the budget.
    while engine.running() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(queries.lock().unwrap().is_empty());
}

#[tokio::test]
async fn reading_lets_others_have_their_turn() {
    /// Series without an end that are always there at once.
    struct Endless;

    impl Queryable for Endless {
        fn select<'a>(
            &'a self,
            _: &'a SelectRequest,
        ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
            let series = || {
                narthex_storage::Series::of_numbers(
                    Labels::empty(),
                    (0..1000).collect::<Vec<_>>(),
                    (0..1000).map(f64::from).collect::<Vec<_>>(),
                )
            };
            let read = futures::stream::repeat_with(move || Ok(series())).take(1 << 20);
            async { Ok(read.boxed()) }.boxed()
        }
    }

    let engine = engine(|o| o.max_bytes = 64 << 20);
    let options = QueryOptions::default();
    let storage = Arc::new(Endless);
    let query = engine.instant(storage, "count_over_time(x[1h])", 1000, &options);
    let mut query = std::pin::pin!(query);
    // One thread: somebody else has a turn only where the query gives it.
    let turns = AtomicUsize::new(0);
    let other = async {
        loop {
            turns.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    };
    let result = tokio::select! {
        result = &mut query => result,
        () = other => unreachable!("it has no end"),
    };
    assert_eq!(
        told(result),
        "error: query processing would load more than 67108864 bytes into memory in query \
         execution"
    );
    assert!(turns.load(Ordering::SeqCst) > 10);
}

#[tokio::test]
async fn queries_wait_for_their_turn() {
    let engine = engine(|o| o.max_concurrency = 2);
    let storage = Arc::new(Slow {
        let_go: Some(tokio::sync::Semaphore::new(0)),
        ..Slow::default()
    });
    let options = QueryOptions::default();
    let queries = (0..6).map(|_| {
        let storage = Arc::clone(&storage) as Arc<dyn Queryable>;
        engine.instant(storage, "x", 0, &options)
    });
    let all = futures::future::join_all(queries);
    let release = async {
        if let Some(let_go) = &storage.let_go {
            let_go.add_permits(1);
        }
    };
    let (results, ()) = futures::join!(all, release);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(storage.most_reading.load(Ordering::SeqCst), 2);
}

#[test]
fn an_abandoned_query_stops_at_the_next_series() {
    let budget = Budget::new(1000, 1000);
    let workers = Workers {
        threads: 1,
        budget: &budget,
    };
    let (computed, series) = (AtomicUsize::new(0), crate::evaluate::unlabelled());
    let vector = crate::evaluate::column::Vector {
        series: vec![series; 10],
        fill: Box::new(|index, out| {
            computed.fetch_add(1, Ordering::SeqCst);
            out.fill(1.0);
            if index == 3 {
                budget.stop(Stop::Canceled);
            }
        }),
    };
    let result = workers.for_each(&vector, 1, |_, _| Ok(()));
    assert_eq!(
        result.unwrap_err().to_string(),
        "query was canceled in expression evaluation"
    );
    assert_eq!(computed.load(Ordering::SeqCst), 4);
}
