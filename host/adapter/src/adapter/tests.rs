use narthex_model::{Labels, Sample, SeriesRef, WriteBatch};
use narthex_promql::EngineOptions;
use narthex_storage::{Appendable as _, MemoryStore};
use serde_json::json;

use super::*;

/// When everything is asked.
const NOW_MS: i64 = 1_700_000_000_000;

/// Name and labels of a series, its first value, and by how much the second is greater.
type Grown<'a> = (&'a str, &'a [(&'a str, &'a str)], f64, f64);

/// Samples one and two scrapes ago: what is counted grows by the second value.
fn source(series: &[Grown<'_>]) -> Source {
    let store = MemoryStore::new();
    let mut samples = Vec::new();
    for (name, labels, value, growth) in series {
        let name = [("__name__", *name)];
        let labels = Labels::from_pairs(name.iter().chain(labels.iter()).copied());
        for (ago_ms, value) in [(30_000, *value), (0, value + growth)] {
            samples.push(Sample {
                series: SeriesRef::UNKNOWN,
                labels: labels.clone(),
                timestamp_ms: NOW_MS - ago_ms,
                value,
            });
        }
    }
    store.append(&WriteBatch::from(samples)).unwrap();
    Source {
        engine: Arc::new(Engine::new(EngineOptions::default())),
        storage: Arc::new(store),
        now_ms: NOW_MS,
    }
}

fn usage() -> Source {
    let main = [
        ("namespace", "n"),
        ("pod", "a"),
        ("container", "main"),
        ("node", "w"),
    ];
    let again = [
        ("namespace", "n"),
        ("pod", "a"),
        ("container", "main"),
        ("metrics_path", "/metrics/resource"),
    ];
    let pause = [
        ("namespace", "n"),
        ("pod", "a"),
        ("container", "POD"),
        ("node", "w"),
    ];
    let new = [("namespace", "m"), ("pod", "new"), ("container", "main")];
    let root = [("id", "/"), ("node", "w")];
    let (cpu, memory) = (
        "container_cpu_usage_seconds_total",
        "container_memory_working_set_bytes",
    );
    source(&[
        (cpu, &main, 10.0, 15.0),
        (memory, &main, 4096.0, 0.0),
        // The kubelet's own word on the same container.
        (cpu, &again, 10.0, 14.0),
        (memory, &again, 4000.0, 0.0),
        (cpu, &pause, 10.0, 15.0),
        (memory, &pause, 4096.0, 0.0),
        // Of a container whose cores are not known yet, nothing is said.
        (memory, &new, 4096.0, 0.0),
        (cpu, &root, 0.0, 60.0),
        (memory, &root, 8192.0, 0.0),
        ("waiting", &[("namespace", "n"), ("pod", "a")], 0.5, 0.0),
        ("waiting", &[("namespace", "n"), ("pod", "b")], 2.0, 0.0),
        ("waiting", &[("namespace", "m"), ("pod", "a")], 9.0, 0.0),
        ("temperature", &[("node", "w")], 20.5, 0.0),
        ("queue", &[("name", "mail")], 7.0, 0.0),
    ])
}

fn adapter() -> Adapter {
    let config = json!({
        "rules": [
            {
                "seriesQuery": "waiting",
                "resources": {"overrides": {"namespace": {"resource": "namespace"},
                                            "pod": {"resource": "pod"}}},
            },
            {
                "seriesQuery": "{__name__=~\"temp.*\"}",
                "resources": {"template": "<<.Resource>>"},
                "name": {"matches": "^(.*)$", "as": "${1}_celsius"},
                "metricsQuery": "max(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
            },
        ],
        "externalRules": [{
            "seriesQuery": "queue",
            "metricsQuery": "<<.Series>>{<<.LabelMatchers>>,name!=\"\"}",
        }],
    });
    let config: MetricsApisConfig = serde_json::from_value(config).unwrap();
    Adapter::new(&config, None).unwrap()
}

async fn get(path: &str, accept: &str) -> ApiAnswer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = ApiRequest::parse(path, query, accept);
    adapter().answer(&request, &usage()).await
}

const RESOURCES: &str = "/apis/metrics.k8s.io/v1beta1";
const CUSTOM: &str = "/apis/custom.metrics.k8s.io/v1beta2";
const EXTERNAL: &str = "/apis/external.metrics.k8s.io/v1beta1";

#[tokio::test]
async fn pods_and_nodes_use_what_their_series_say() {
    // Cores are written in billionths.
    let usage = json!({"cpu": "500000000n", "memory": "4Ki"});
    let found = get(&format!("{RESOURCES}/pods"), "").await;
    assert_eq!(
        (found.status, &found.body["kind"]),
        (200, &json!("PodMetricsList"))
    );
    let items = found.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    assert_eq!(items[0]["metadata"]["namespace"], "n");
    assert_eq!(items[0]["timestamp"], "2023-11-14T22:13:20Z");
    assert_eq!(items[0]["window"], "1m0s");
    let containers = json!([{"name": "main", "usage": usage}]);
    assert_eq!(items[0]["containers"], containers);

    let found = get(&format!("{RESOURCES}/nodes/w"), "").await;
    assert_eq!(found.body["kind"], "NodeMetrics");
    assert_eq!(found.body["usage"], json!({"cpu": "2", "memory": "8Ki"}));

    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let found = get(&format!("{RESOURCES}/nodes"), accept).await;
    assert_eq!(found.body["kind"], "Table");
    let cells = json!(["w", "2000000000n", "8Ki", "1m0s"]);
    assert_eq!(found.body["rows"][0]["cells"], cells);
}

#[tokio::test]
async fn metrics_of_objects_follow_the_rules() {
    for (path, expected) in [
        ("namespaces/n/pods/a/waiting", json!([["Pod", "a", "500m"]])),
        (
            "namespaces/n/pods/%2A/waiting",
            json!([["Pod", "a", "500m"], ["Pod", "b", "2"]]),
        ),
        (
            "namespaces/n/pods/*/waiting?metricLabelSelector=pod%20in%20(b)",
            json!([["Pod", "b", "2"]]),
        ),
        (
            "namespaces/n/metrics/waiting",
            json!([["Namespace", "n", "2500m"]]),
        ),
        (
            "nodes/w/temperature_celsius",
            json!([["Node", "w", "20500m"]]),
        ),
        (
            "nodes/*/temperature_celsius",
            json!([["Node", "w", "20500m"]]),
        ),
    ] {
        let found = get(&format!("{CUSTOM}/{path}"), "").await;
        assert_eq!(found.status, 200, "{path}: {}", found.body);
        let items = found.body["items"].as_array().unwrap().iter();
        let items = items.map(|item| {
            let object = &item["describedObject"];
            json!([object["kind"], object["name"], item["value"]])
        });
        assert_eq!(json!(items.collect::<Vec<Value>>()), expected, "{path}");
    }
    let old = get(
        &format!("{}/nodes/w/temperature_celsius", CUSTOM.replace('2', "1")),
        "",
    )
    .await;
    assert_eq!(old.body["items"][0]["metricName"], "temperature_celsius");
}

#[tokio::test]
async fn metrics_of_nothing_in_the_cluster_have_their_labels() {
    let found = get(&format!("{EXTERNAL}/namespaces/n/queue"), "").await;
    let item = &found.body["items"][0];
    assert_eq!(item["metricLabels"], json!({"name": "mail"}));
    assert_eq!(item["value"], "7");
    let found = get(
        &format!("{EXTERNAL}/namespaces/n/queue?labelSelector=name!=mail"),
        "",
    )
    .await;
    assert_eq!(found.body["items"], json!([]));
}

#[tokio::test]
async fn clients_find_out_what_there_is() {
    let found = get("/apis", "application/json").await;
    let groups = found.body["groups"].as_array().unwrap();
    let names: Vec<&Value> = groups.iter().map(|group| &group["name"]).collect();
    let expected = [
        "metrics.k8s.io",
        "custom.metrics.k8s.io",
        "external.metrics.k8s.io",
    ];
    assert_eq!(names, expected);
    for (path, expected) in [
        (RESOURCES, vec!["nodes", "pods"]),
        (
            CUSTOM,
            vec![
                "namespaces/waiting",
                "nodes/temperature_celsius",
                "pods/waiting",
            ],
        ),
        (EXTERNAL, vec!["queue"]),
    ] {
        let found = get(path, "").await;
        assert_eq!(found.body["kind"], "APIResourceList");
        let resources = found.body["resources"].as_array().unwrap();
        let names: Vec<&Value> = resources.iter().map(|it| &it["name"]).collect();
        assert_eq!(names, expected, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_a_status_with_its_reason() {
    for (path, status, reason) in [
        (
            "/apis/metrics.k8s.io/v1beta1/pods?watch=1",
            405,
            "MethodNotAllowed",
        ),
        ("/apis/metrics.k8s.io/v1beta1/nodes/gone", 404, "NotFound"),
        (
            "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods/gone",
            404,
            "NotFound",
        ),
        ("/apis/metrics.k8s.io/v1beta1/services", 404, "NotFound"),
        // There is no cluster that could say which pods those are.
        (
            "/apis/metrics.k8s.io/v1beta1/pods?labelSelector=a%3Db",
            503,
            "ServiceUnavailable",
        ),
        (
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/n/pods/*/unknown",
            404,
            "NotFound",
        ),
        (
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/n/services/s/waiting",
            404,
            "NotFound",
        ),
        (
            "/apis/custom.metrics.k8s.io/v1beta2/namespaces/n/pods/*/waiting?metricLabelSelector=%7D",
            400,
            "BadRequest",
        ),
        ("/apis/custom.metrics.k8s.io/v1", 404, "NotFound"),
        ("/apis/apps/v1", 404, "NotFound"),
        ("/api/v1/nodes", 404, "NotFound"),
        ("/", 404, "NotFound"),
    ] {
        let found = get(path, "").await;
        let shown = (found.status, found.body["reason"].as_str().unwrap_or(""));
        assert_eq!(shown, (status, reason), "{path}: {}", found.body);
        assert_eq!(found.body["kind"], "Status");
    }
}

#[tokio::test]
async fn what_the_rules_found_counts_for_a_while() {
    let adapter = adapter();
    let request = ApiRequest::parse(CUSTOM, "", "");
    let found = |source: Source| {
        let (adapter, request) = (&adapter, &request);
        async move {
            let found = adapter.answer(request, &source).await;
            found.body["resources"].as_array().map_or(0, Vec::len)
        }
    };
    let age_ms = i64::try_from(CATALOGUE_AGE.as_millis()).unwrap();
    assert_eq!(found(usage()).await, 3);
    let mut empty = source(&[]);
    assert_eq!(found(empty.clone()).await, 3);
    empty.now_ms += age_ms;
    assert_eq!(found(empty).await, 0);
}
