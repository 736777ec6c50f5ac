use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::{self, join_all};
use narthex_model::{Labels, Sample, SeriesRef, SimulatedClock, WriteBatch};
use narthex_promql::{Engine, EngineOptions, QueryOptions};
use narthex_storage::{
    Appendable as _, MemoryStore, Queryable, SelectRequest, SeriesStream, StorageError, TimeRange,
};

use super::*;

const HOUR_MS: i64 = 3_600_000;

/// Counts who reads, and lets nobody read before the gate is open.
struct Gate {
    store: MemoryStore,
    reads: AtomicUsize,
    open: Semaphore,
}

impl Gate {
    /// Two days of a sample a minute, behind an open gate.
    fn open() -> Arc<Self> {
        let gate = Self::closed();
        gate.open.add_permits(Semaphore::MAX_PERMITS / 2);
        gate
    }

    fn closed() -> Arc<Self> {
        let store = MemoryStore::new();
        for minute in 0..48 * 60 {
            append(&store, minute * 60_000, 1.0);
        }
        Arc::new(Self {
            store,
            reads: AtomicUsize::new(0),
            open: Semaphore::new(0),
        })
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }
}

fn append(store: &MemoryStore, timestamp_ms: i64, value: f64) {
    let sample = Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "x"), ("job", "a")]),
        timestamp_ms,
        value,
    };
    store.append(&WriteBatch::from(vec![sample])).unwrap();
}

impl Queryable for Gate {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.open.acquire().await.unwrap().forget();
            self.store.select(request).await
        }
        .boxed()
    }

    fn version(&self, range: TimeRange) -> Option<u64> {
        self.store.version(range)
    }
}

fn options() -> FrontendOptions {
    FrontendOptions {
        clock: Arc::new(SimulatedClock::at(48 * HOUR_MS)),
        keeps_at_once: true,
        ..FrontendOptions::default()
    }
}

fn frontend(answers: Option<Arc<dyn SharedAnswers>>) -> Arc<Frontend> {
    Frontend::new(options(), answers, &mut Registry::default())
}

/// The hours from 1 to 47, which are two parts.
fn query(store: &Arc<Gate>, text: &str) -> RangeQuery {
    RangeQuery {
        engine: Arc::new(Engine::new(EngineOptions::default())),
        storage: Arc::clone(store) as _,
        query: text.to_owned(),
        start_ms: HOUR_MS,
        end_ms: 47 * HOUR_MS,
        step: PromDuration::from_secs(600),
        options: QueryOptions::default(),
        scope: String::new(),
        may_be_kept: true,
    }
}

fn shown(result: &QueryResult) -> String {
    format!("{:?}", result.value)
}

async fn whole(asked: &RangeQuery) -> String {
    shown(&asked.evaluate().await.unwrap())
}

#[tokio::test]
async fn what_is_kept_is_not_read_again() {
    let (store, frontend) = (Gate::open(), frontend(None));
    let asked = query(&store, "sum(x)");
    let expected = whole(&asked).await;
    let before = store.reads();
    for times in 1..=3 {
        let found = frontend.range(asked.clone()).await.unwrap();
        assert_eq!(shown(&found), expected);
        frontend.settled().await;
        assert_eq!(store.reads(), before + 2, "{times}");
    }
    assert_eq!(frontend.metrics.misses.get(), 2);
    assert_eq!(frontend.metrics.hits.get(), 4);
    // Written in another way it is the same query.
    let other = query(&store, "sum( x )");
    frontend.range(other).await.unwrap();
    assert_eq!(frontend.metrics.hits.get(), 6);
    // With other settings, of another scope, or at other steps it is not.
    let later = RangeQuery {
        start_ms: asked.start_ms + 1,
        ..asked.clone()
    };
    let scoped = RangeQuery {
        scope: "dedup".to_owned(),
        ..asked.clone()
    };
    let lookback = RangeQuery {
        options: QueryOptions {
            lookback_delta: Some(PromDuration::from_secs(60)),
            ..QueryOptions::default()
        },
        ..asked.clone()
    };
    for other in [later, scoped, lookback] {
        let expected = whole(&other).await;
        let found = frontend.range(other).await.unwrap();
        assert_eq!(shown(&found), expected);
    }
    assert_eq!(frontend.metrics.hits.get(), 6);
    // Who has no time gets nothing, were it kept a hundred times.
    let hurried = RangeQuery {
        options: QueryOptions {
            timeout: Some(PromDuration::from_secs(0)),
            ..QueryOptions::default()
        },
        ..asked.clone()
    };
    let error = frontend.range(hurried).await.unwrap_err();
    assert_eq!(error.to_string(), "query timed out in query queue");
    // Who wants nothing kept reads, and leaves nothing.
    let private = RangeQuery {
        may_be_kept: false,
        query: "x".to_owned(),
        ..asked
    };
    for _ in 0..2 {
        let before = store.reads();
        frontend.range(private.clone()).await.unwrap();
        frontend.settled().await;
        assert_eq!(store.reads(), before + 2);
    }
}

#[tokio::test]
async fn what_changed_is_read_again_and_nothing_else() {
    let (store, frontend) = (Gate::open(), frontend(None));
    let asked = RangeQuery {
        end_ms: 60 * HOUR_MS,
        ..query(&store, "x")
    };
    frontend.range(asked.clone()).await.unwrap();
    frontend.settled().await;
    // A series that nobody has seen yet comes with old samples, as after an outage.
    append_other(&store.store, 30 * HOUR_MS);
    let expected = whole(&asked).await;
    let before = store.reads();
    let found = frontend.range(asked.clone()).await.unwrap();
    assert_eq!(shown(&found), expected);
    assert!(expected.contains("\"late\""), "{expected}");
    // The first day is kept; of the third one all is new.
    assert_eq!(store.reads(), before + 2);
    assert_eq!(frontend.metrics.stale.get(), 1);
}

fn append_other(store: &MemoryStore, timestamp_ms: i64) {
    let sample = Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "x"), ("job", "late")]),
        timestamp_ms,
        value: 2.0,
    };
    store.append(&WriteBatch::from(vec![sample])).unwrap();
}

#[tokio::test]
async fn what_is_asked_for_once_up_to_now_is_not_evaluated_twice() {
    let options = FrontendOptions {
        keeps_at_once: false,
        max_freshness: PromDuration::from_secs(2 * 3_600),
        ..options()
    };
    let frontend = Frontend::new(options, None, &mut Registry::default());
    let store = Gate::open();
    let asked = query(&store, "sum(x)");
    let expected = whole(&asked).await;
    // The last hour of the second part is too young to be kept.
    for reads in [2, 3, 1] {
        let before = store.reads();
        let found = frontend.range(asked.clone()).await.unwrap();
        assert_eq!(shown(&found), expected);
        frontend.settled().await;
        assert_eq!(store.reads(), before + reads);
    }
    assert_eq!(frontend.metrics.misses.get(), 4);
    assert_eq!(frontend.metrics.hits.get(), 2);
}

/// A store that asks others, of whom one leaves whenever it is asked.
#[derive(Default)]
struct Leaving {
    store: MemoryStore,
    reads: AtomicUsize,
    has_left: AtomicBool,
}

impl Queryable for Leaving {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.has_left.store(true, Ordering::SeqCst);
        self.store.select(request)
    }

    fn version(&self, _range: TimeRange) -> Option<u64> {
        Some(u64::from(self.has_left.load(Ordering::SeqCst)))
    }
}

#[tokio::test]
async fn what_was_answered_after_somebody_left_is_not_taken_for_an_answer_of_all() {
    let (store, frontend) = (Arc::new(Leaving::default()), frontend(None));
    append(&store.store, 2 * HOUR_MS, 1.0);
    let asked = RangeQuery {
        storage: Arc::clone(&store) as _,
        end_ms: 20 * HOUR_MS,
        ..query(&Gate::open(), "x")
    };
    for times in 1..=3 {
        // It is back.
        store.has_left.store(false, Ordering::SeqCst);
        frontend.range(asked.clone()).await.unwrap();
        frontend.settled().await;
        assert_eq!(store.reads.load(Ordering::SeqCst), times);
    }
    assert_eq!(frontend.metrics.hits.get(), 0);
}

#[tokio::test]
async fn what_ten_ask_at_once_is_evaluated_once() {
    let (store, frontend) = (Gate::closed(), frontend(None));
    let asked = query(&store, "sum(x)");
    let ask = || {
        let (frontend, asked) = (Arc::clone(&frontend), asked.clone());
        tokio::spawn(async move { frontend.range(asked).await })
    };
    let first = ask();
    let others: Vec<_> = (0..9).map(|_| ask()).collect();
    // Two parts are evaluated, and nine times two are waited for.
    while frontend.metrics.shared.get() < 18 {
        tokio::task::yield_now().await;
    }
    // The one who asked first leaves; the others have their answer.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    store.open.add_permits(Semaphore::MAX_PERMITS / 2);
    let answers = join_all(others).await;
    let expected = whole(&asked).await;
    for answer in answers {
        assert_eq!(shown(&answer.unwrap().unwrap()), expected);
    }
    // The two parts, and the query as a whole.
    assert_eq!(store.reads(), 3);
}

#[tokio::test]
async fn an_answer_is_within_the_bounds_of_one_query() {
    let store = Gate::open();
    let frontend = frontend(None);
    let engine = |max_samples| {
        Arc::new(Engine::new(EngineOptions {
            max_samples,
            ..EngineOptions::default()
        }))
    };
    // 277 steps are read and 277 answered.
    let small = RangeQuery {
        engine: engine(200),
        ..query(&store, "time()")
    };
    let error = frontend.range(small).await.unwrap_err();
    assert!(error.to_string().contains("too many samples"), "{error}");
}

/// Objects in memory, and how they are to be had.
#[derive(Debug, Default)]
struct Objects {
    held: Mutex<HashMap<String, Vec<u8>>>,
    trouble: Trouble,
    asked: AtomicUsize,
}

#[derive(Debug, Default, Clone, Copy)]
enum Trouble {
    #[default]
    None,
    Errors,
    Hangs,
    Garbage,
}

impl SharedAnswers for Objects {
    fn get(&self, name: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, String>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.trouble {
            Trouble::None => {
                let found = self.held.lock().unwrap().get(&name).cloned();
                future::ready(Ok(found)).boxed()
            }
            Trouble::Errors => future::ready(Err("no".to_owned())).boxed(),
            Trouble::Hangs => future::pending().boxed(),
            Trouble::Garbage => future::ready(Ok(Some(vec![7; 1_000]))).boxed(),
        }
    }

    fn put(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'static, Result<(), String>> {
        match self.trouble {
            Trouble::None | Trouble::Garbage => {
                self.held.lock().unwrap().insert(name, bytes);
                future::ready(Ok(())).boxed()
            }
            Trouble::Errors => future::ready(Err("no".to_owned())).boxed(),
            Trouble::Hangs => future::pending().boxed(),
        }
    }
}

#[tokio::test]
async fn two_processes_share_what_one_of_them_evaluated() {
    let store = Gate::open();
    let objects = Arc::new(Objects::default());
    let first = frontend(Some(Arc::clone(&objects) as _));
    let second = frontend(Some(Arc::clone(&objects) as _));
    let asked = query(&store, "x");
    let expected = whole(&asked).await;
    first.range(asked.clone()).await.unwrap();
    first.settled().await;
    assert_eq!(first.metrics.shared_written.get(), 2);
    let before = store.reads();
    let found = second.range(asked.clone()).await.unwrap();
    assert_eq!(shown(&found), expected);
    assert_eq!(store.reads(), before);
    assert_eq!(second.metrics.shared_hits.get(), 2);
    // It is in memory now.
    second.range(asked).await.unwrap();
    assert_eq!(second.metrics.shared_hits.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_shared_cache_that_does_not_work_costs_the_evaluation_and_no_more() {
    for (trouble, asked_once) in [
        (Trouble::Errors, true),
        (Trouble::Hangs, true),
        (Trouble::Garbage, false),
    ] {
        let store = Gate::open();
        let objects = Arc::new(Objects {
            trouble,
            ..Objects::default()
        });
        let frontend = frontend(Some(Arc::clone(&objects) as _));
        for text in ["x", "sum(x)", "-x"] {
            let asked = query(&store, text);
            let expected = whole(&asked).await;
            let found = frontend.range(asked).await.unwrap();
            assert_eq!(shown(&found), expected, "{trouble:?}");
            frontend.settled().await;
        }
        assert!(frontend.metrics.shared_failures.get() > 0, "{trouble:?}");
        // After a failure it is left alone for a while: both parts of the first query asked.
        let asked = objects.asked.load(Ordering::SeqCst);
        assert_eq!(asked <= 2, asked_once, "{trouble:?}: {asked}");
    }
}

#[tokio::test]
async fn what_comes_while_too_much_waits_to_be_kept_is_not_kept() {
    let (store, frontend) = (Gate::open(), frontend(None));
    let asked = query(&store, "x");
    let others = frontend.keepers.acquire_many(permits(KEEPING_BYTES_MAX));
    let others = others.await.unwrap();
    frontend.range(asked.clone()).await.unwrap();
    assert_eq!(frontend.metrics.refused.get(), 2);
    drop(others);
    frontend.range(asked.clone()).await.unwrap();
    frontend.settled().await;
    assert_eq!(frontend.metrics.misses.get(), 4);
    frontend.range(asked).await.unwrap();
    assert_eq!(frontend.metrics.hits.get(), 2);
}
