use futures::{FutureExt as _, TryStreamExt as _};
use narthex_model::{Labels, Matcher};
use narthex_storage::{SelectRequest, TimeRange};
use tonic::Code;

use super::*;
use crate::store::StoreLimits;
use crate::store::tests::{UNLIMITED, api_with};

/// An endpoint that evaluates: every query gives the series of `up` as they are, and says so.
fn evaluating(external: &[(&str, &str)], limits: StoreLimits) -> Arc<StoreApi> {
    evaluating_those(external, limits, &[("replica", "r1")])
}

/// The same, of any replica.
fn evaluating_all(external: &[(&str, &str)], limits: StoreLimits) -> Arc<StoreApi> {
    evaluating_those(external, limits, &[])
}

fn evaluating_those(
    external: &[(&str, &str)],
    limits: StoreLimits,
    matchers: &'static [(&'static str, &'static str)],
) -> Arc<StoreApi> {
    let api = Arc::into_inner(api_with(external, limits)).unwrap();
    let api = api.evaluating(Box::new(move |store, part| {
        async move {
            let matchers = matchers.iter();
            let matchers = matchers.map(|(name, value)| Matcher::equal(*name, *value));
            let matchers = matchers.chain([Matcher::equal("__name__", "up")]);
            let request = SelectRequest {
                matchers: matchers.collect(),
                range: TimeRange {
                    start_ms: part.steps.start_ms,
                    end_ms: part.steps.end_ms(),
                },
            };
            let found = store.select(&request).await;
            let series = found.map_err(|error| error.to_string())?;
            let found: Result<Vec<Series>, _> = series.try_collect().await;
            Ok(Partial {
                values: found.map_err(|error| narthex_model::with_sources(&error))?,
                counts: Vec::new(),
                infos: vec![part.query],
            })
        }
        .boxed()
    }));
    Arc::new(api)
}

fn request(external: &[(&str, &str)], without: &[&str]) -> EvaluateRequest {
    let external = Labels::from_pairs(external.iter().copied());
    EvaluateRequest {
        query: "sum(up)".to_owned(),
        end: 7,
        first: 0,
        step: 15_000,
        count: 3,
        external_labels: Some(LabelSet::of(&external)),
        without_replica_labels: without.iter().map(|name| (*name).to_owned()).collect(),
        ..EvaluateRequest::default()
    }
}

async fn asked(
    api: &Arc<StoreApi>,
    request: EvaluateRequest,
) -> Result<Vec<EvaluateResponse>, Status> {
    let messages = Arc::clone(api).evaluate(request).await?;
    messages.try_collect().await
}

#[tokio::test]
async fn what_is_evaluated_has_the_external_labels_and_travels_as_chunks() {
    let external = [("region", "eu"), ("replica", "r1")];
    let api = evaluating(&external, UNLIMITED);
    assert_eq!(api.info().evaluation.unwrap().version, VERSION);
    let messages = asked(&api, request(&external, &["replica"])).await.unwrap();
    assert_eq!(messages[0].infos, ["sum(up)"]);
    let series: Vec<&Sent> = messages.iter().flat_map(|m| &m.values).collect();
    assert_eq!(series.len(), 6);
    for series in series {
        let labels: Vec<_> = series.labels.iter().collect();
        assert!(labels.iter().any(|l| l.name == "region" && l.value == "eu"));
        assert!(labels.iter().all(|l| l.name != "replica"));
        assert_eq!(
            (series.chunks.len(), series.chunks[0].max_time),
            (1, 30_000)
        );
    }
}

#[tokio::test]
async fn what_would_not_be_right_is_not_evaluated() {
    let external = [("region", "eu"), ("replica", "r1")];
    // All series have a label `cluster` of their own.
    let outer = [("cluster", "outer"), ("replica", "r1")];
    let one = StoreLimits {
        series_max: 1,
        ..UNLIMITED
    };
    for (api, request, code, text) in [
        (
            api_with(&external, UNLIMITED),
            request(&external, &[]),
            Code::Unimplemented,
            "not evaluated here",
        ),
        (
            evaluating(&external, UNLIMITED),
            request(&outer, &[]),
            Code::Aborted,
            "are others by now",
        ),
        (
            evaluating(&outer, UNLIMITED),
            request(&outer, &[]),
            Code::FailedPrecondition,
            "a label of its own",
        ),
        (
            evaluating(&external, UNLIMITED),
            request(&external, &["job"]),
            Code::FailedPrecondition,
            "a label of its own",
        ),
        (
            evaluating(&external, one),
            request(&external, &[]),
            Code::ResourceExhausted,
            "--store.limits.request-series",
        ),
        (
            evaluating(&[], UNLIMITED),
            request(&[], &[]),
            Code::FailedPrecondition,
            "global.external_labels",
        ),
        (
            evaluating(&external, UNLIMITED),
            request(&external, &["x"; 1_025]),
            Code::InvalidArgument,
            "labels to be left out",
        ),
    ] {
        let status = asked(&api, request).await.unwrap_err();
        assert_eq!(status.code(), code, "{status}");
        assert!(status.message().contains(text), "{status}");
    }
    assert_eq!(api_with(&external, UNLIMITED).info().evaluation, None);
    assert_eq!(evaluating(&[], UNLIMITED).info().evaluation, None);
}

#[tokio::test]
async fn a_store_evaluates_what_it_has_of_the_servers_that_it_is_taken_for() {
    // The series of `up` are under `cluster` and `job` here, as those of blocks are.
    let servers = |sets: &[&[(&str, &str)]]| -> Vec<Labels> {
        let sets = sets.iter();
        sets.map(|set| Labels::from_pairs(set.iter().copied()))
            .collect()
    };
    let store = |sets: &[&[(&str, &str)]]| {
        let held = servers(sets);
        let api = Arc::into_inner(evaluating_all(&[], UNLIMITED)).unwrap();
        Arc::new(api.with_holdings(Box::new(move || {
            let held = held.iter();
            held.map(|set| (set.clone(), TimeRange::ALL)).collect()
        })))
    };
    let taken_for = |sets: &[&[(&str, &str)]], without: &[&str]| EvaluateRequest {
        external_labels: None,
        label_sets: servers(sets).iter().map(LabelSet::of).collect(),
        ..request(&[], without)
    };
    let a: &[(&str, &str)] = &[("cluster", "inner"), ("job", "a")];
    let b: &[(&str, &str)] = &[("cluster", "inner"), ("job", "b")];
    let without_cluster: &[(&str, &str)] = &[("job", "c")];

    let api = store(&[a, b]);
    assert_eq!(api.info().evaluation.unwrap().version, VERSION);
    let messages = asked(&api, taken_for(&[b, a], &["cluster"])).await.unwrap();
    let series: Vec<&Sent> = messages.iter().flat_map(|m| &m.values).collect();
    assert_eq!(series.len(), 6);
    let mut labels = series.iter().flat_map(|series| &series.labels);
    assert!(labels.all(|label| label.name != "cluster"));

    let others = asked(&api, taken_for(&[a], &[])).await.unwrap_err();
    assert_eq!(others.code(), Code::Aborted);
    // It may be the series' own, of one of the servers.
    let mixed = [a, without_cluster];
    let own = asked(&store(&mixed), taken_for(&mixed, &["cluster"])).await;
    assert_eq!(own.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(store(&[]).info().evaluation, None);
}

#[tokio::test]
async fn results_that_nobody_reads_keep_a_place_and_others_wait() {
    let external = [("region", "eu"), ("replica", "r1")];
    let one = StoreLimits {
        requests_max: 1,
        ..UNLIMITED
    };
    let api = evaluating(&external, one);
    let evaluate = || Arc::clone(&api).evaluate(request(&external, &["replica"]));
    let unread = evaluate().await.unwrap();
    assert!(evaluate().now_or_never().is_none());
    drop(unread);
    let messages: Vec<_> = evaluate().await.unwrap().try_collect().await.unwrap();
    assert!(!messages.is_empty());
}

#[tokio::test]
async fn a_long_error_fits_into_the_header_that_it_travels_in() {
    let external = [("region", "eu")];
    let api = Arc::into_inner(api_with(&external, UNLIMITED)).unwrap();
    let api = api.evaluating(Box::new(|_, _| {
        async { Err("\u{e9}".repeat(100_000)) }.boxed()
    }));
    let status = asked(&Arc::new(api), request(&external, &[])).await;
    let why = status.unwrap_err().message().to_owned();
    assert_eq!(why.chars().count(), WHY_CHARS_MAX);
}
