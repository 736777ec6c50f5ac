//! `/api/v1/query_exemplars` over a store that has some.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use narthex_model::{Exemplar, Labels};
use narthex_storage::{
    ExemplarsRequest, MemoryStore, Queryable, SelectRequest, SeriesExemplars, SeriesStream,
    StorageError, TimeRange,
};
use serde_json::json;

use crate::fixture::Api;

/// Has the same exemplars for whoever asks, and remembers the question.
#[derive(Default)]
struct Answers {
    samples: MemoryStore,
    asked: Mutex<Vec<ExemplarsRequest>>,
}

impl Queryable for Answers {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.samples.select(request)
    }

    fn exemplars(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        self.asked.lock().unwrap().push(request.clone());
        let exemplar = |timestamp_ms, value, id: &str| Exemplar {
            labels: Labels::from_pairs([("trace_id", id)]),
            value,
            timestamp_ms,
        };
        vec![
            SeriesExemplars {
                labels: Labels::from_pairs([("__name__", "a"), ("job", "x")]),
                exemplars: vec![
                    exemplar(1_500, 0.25, "ü\""),
                    exemplar(2_000, f64::INFINITY, "y"),
                ],
            },
            SeriesExemplars {
                labels: Labels::from_pairs([("__name__", "b")]),
                exemplars: vec![exemplar(-1, 1e21, "z")],
            },
        ]
    }
}

#[tokio::test]
async fn exemplars_of_all_selectors_of_a_query_are_shown() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let store = Arc::new(Answers::default());
    let api = Api::over(store.clone()).await;
    let query = "query_exemplars?query=rate(a%7Bjob!%3D%22y%22%7D%5B5m%5D)%2Bb&start=1&end=3.5";
    let expected = json!([
        {
            "seriesLabels": {"__name__": "a", "job": "x"},
            "exemplars": [
                {"labels": {"trace_id": "ü\""}, "value": "0.25", "timestamp": 1.5},
                {"labels": {"trace_id": "y"}, "value": "+Inf", "timestamp": 2},
            ],
        },
        {
            "seriesLabels": {"__name__": "b"},
            "exemplars": [{"labels": {"trace_id": "z"}, "value": "1e+21", "timestamp": -0.001}],
        },
    ]);
    assert_eq!(api.json(query).await["data"], expected);
    let asked = store.asked.lock().unwrap().pop().unwrap();
    let range = TimeRange {
        start_ms: 1_000,
        end_ms: 3_500,
    };
    assert_eq!(asked.range, range);
    let selectors = asked.selectors.iter().map(|matchers| {
        let texts = matchers
            .iter()
            .map(|m| format!("{} {}", m.name(), m.value()));
        texts.collect::<Vec<_>>().join(", ")
    });
    let selectors: Vec<String> = selectors.collect();
    assert_eq!(selectors, ["__name__ a, job y", "__name__ b"]);
}
