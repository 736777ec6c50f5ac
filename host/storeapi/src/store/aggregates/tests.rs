//! What an endpoint sends of a store that has windows.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use narthex_promblock::read_chunk;
use narthex_storage::{Queryable, Series, SeriesStream, StorageError};

use super::super::tests::UNLIMITED;
use super::super::view::tests::{Fixed, selectors};
use super::super::{StoreApi, StoreOptions};
use super::*;
use crate::message::store::{LabelMatcher, SeriesFrame};

/// A store with one series of 300 windows, of which each aggregate says its own number.
struct Windowed;

impl Queryable for Windowed {
    fn select<'a>(
        &'a self,
        _request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async { Ok(one(0.0)) }.boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        _request: &'a SelectRequest,
        wanted: Wanted,
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let value = match wanted.aggregate() {
            Aggregate::Newest if wanted == Wanted::Samples => 0.0,
            Aggregate::Newest => 1.0,
            Aggregate::Growth => 2.0,
            Aggregate::Count => 3.0,
            Aggregate::Sum => 4.0,
            Aggregate::Min => 5.0,
            Aggregate::Max => 6.0,
        };
        async move { Ok(one(value)) }.boxed()
    }

    fn resolution_ms(&self, _range: TimeRange, max_resolution_ms: i64) -> i64 {
        max_resolution_ms / 300_000 * 300_000
    }
}

fn one(value: f64) -> SeriesStream {
    let times: Vec<i64> = (1..=300).map(|window| window * 300_000).collect();
    let labels = Labels::from_pairs([("__name__", "x")]);
    let series = Series::of_numbers(labels, times, vec![value; 300]);
    stream::iter([Ok(series)]).boxed()
}

/// A store that has no samples before a time.
struct Retired(i64);

impl Queryable for Retired {
    fn select<'a>(
        &'a self,
        _request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async { Ok(one(0.0)) }.boxed()
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        match range.start_ms < self.0 {
            true => 3_600_000,
            false => max_resolution_ms / 300_000 * 300_000,
        }
    }
}

fn api(store: Arc<dyn Queryable>) -> StoreApi {
    let external = Labels::from_pairs([("replica", "a")]);
    StoreApi::new(StoreOptions {
        store,
        external_labels: Box::new(move || external.clone()),
        oldest_ms: Box::new(|| 0),
        selectors: selectors(),
        view: Box::new(Fixed),
        limits: UNLIMITED,
    })
}

#[test]
fn an_endpoint_says_until_when_it_has_nothing_but_windows() {
    let left = |store: Arc<dyn Queryable>| {
        let info = api(store).windows_info();
        (info.left_ms, info.left_until_ms)
    };
    assert_eq!(left(Arc::new(Windowed)), (0, 0));
    for until_ms in [300_000, 1_700_000_100_000] {
        assert_eq!(left(Arc::new(Retired(until_ms))), (3_600_000, until_ms));
        assert_eq!(left(Arc::new(Retired(until_ms - 1))), (3_600_000, until_ms));
    }
    // That past is left to others.
    for (since_ms, expected) in [(299_999, (3_600_000, 300_000)), (300_000, (0, 0))] {
        let api = api(Arc::new(Retired(300_000))).since(Box::new(move || since_ms));
        let info = api.windows_info();
        assert_eq!((info.left_ms, info.left_until_ms), expected);
    }
}

/// The chunks of an answer: how many, and the aggregates of the first with their values.
async fn ask(max_resolution_window: i64, aggregates: &[Aggr]) -> (usize, Vec<(Aggr, f64)>) {
    let api = Arc::new(api(Arc::new(Windowed)));
    let request = SeriesRequest {
        max_time: 100_000_000,
        matchers: vec![LabelMatcher {
            name: "__name__".to_owned(),
            value: "x".to_owned(),
            ..LabelMatcher::default()
        }],
        max_resolution_window,
        aggregates: aggregates.iter().map(|aggr| *aggr as i32).collect(),
        ..SeriesRequest::default()
    };
    let mut answer = api.series(request).await.unwrap();
    let mut chunks = Vec::new();
    while let Some(message) = answer.next().await {
        match message.unwrap().result {
            Some(SeriesFrame::Series(series)) => chunks.extend(series.chunks),
            other => panic!("{other:?}"),
        }
    }
    let mut first = chunks[0].clone();
    let all = [
        Aggr::Raw,
        Aggr::Count,
        Aggr::Sum,
        Aggr::Min,
        Aggr::Max,
        Aggr::Counter,
    ];
    let found = all.into_iter().filter_map(|aggr| {
        let chunk = field(&mut first, aggr).take()?;
        let read = read_chunk(1, &chunk.data, &Labels::empty(), TimeRange::ALL);
        Some((aggr, read.unwrap().unwrap().values[0]))
    });
    (chunks.len(), found.collect())
}

#[tokio::test]
async fn aggregates_of_the_same_windows_travel_in_one_chunk() {
    use Aggr::{Count, Counter, Max, Min, Raw, Sum};
    let found = ask(300_000, &[Count, Sum]).await;
    assert_eq!(found, (3, vec![(Count, 3.0), (Sum, 4.0)]));
    let found = ask(3_600_000, &[Counter]).await;
    assert_eq!(found, (3, vec![(Counter, 2.0)]));
    let found = ask(300_000, &[Max, Min, Max]).await;
    assert_eq!(found, (3, vec![(Min, 5.0), (Max, 6.0)]));
    let found = ask(300_000, &[Raw]).await;
    assert_eq!(found, (3, vec![(Raw, 1.0)]));
}

#[tokio::test]
async fn where_windows_are_not_wanted_or_not_there_samples_travel() {
    for (max_resolution_window, aggregates) in [
        (0, &[Aggr::Count, Aggr::Sum][..]),
        (-1, &[Aggr::Counter][..]),
        (60_000, &[Aggr::Count][..]),
        (300_000, &[][..]),
    ] {
        let found = ask(max_resolution_window, aggregates).await;
        assert_eq!(found, (3, vec![(Aggr::Raw, 0.0)]), "{aggregates:?}");
    }
}
