//! What each endpoint says.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::fixture::Api;

#[tokio::test]
async fn queries_give_what_prometheus_gives() {
    let api = Api::ready().await;
    for (path, expected) in [
        (
            "query?query=up%7Bjob%3D%22a%22%7D",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","instance":"i","job":"a"},"value":[600,"1"]}]}}"#,
        ),
        (
            "query?query=nothing",
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
        ),
        (
            "query?query=1%2B1&time=4.5",
            r#"{"status":"success","data":{"resultType":"scalar","result":[4.5,"2"]}}"#,
        ),
        (
            "query?query=%22a%5C%22%22&time=1970-01-01T00:00:01Z",
            r#"{"status":"success","data":{"resultType":"string","result":[1,"a\""]}}"#,
        ),
        // A byte that is no UTF-8.
        (
            "query?query=%22a%5Cxff%22&time=1",
            "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[1,\"a\u{fffd}\"]}}",
        ),
        (
            "query?query=1%2F0",
            r#"{"status":"success","data":{"resultType":"scalar","result":[600,"+Inf"]}}"#,
        ),
        (
            "query?query=requests_total%5B90s%5D&time=300",
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total","job":"a"},"values":[[240,"240"],[300,"300"]]}]}}"#,
        ),
        (
            "query_range?query=requests_total&start=60&end=180.5&step=1m",
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total","job":"a"},"values":[[60,"60"],[120,"120"],[180,"180"]]}]}}"#,
        ),
        (
            "query_range?query=requests_total&start=60&end=120&step=1m&max_source_resolution=1h",
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"requests_total","job":"a"},"values":[[60,"60"],[120,"120"]]}]}}"#,
        ),
        (
            "query?query=up&limit=1&lookback_delta=30s&timeout=10",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up","http.status":"x","job":"b"},"value":[600,"0"]}]},"warnings":["results truncated due to limit"]}"#,
        ),
    ] {
        let (status, body) = api.get(&format!("/api/v1/{path}")).await;
        let (found, wanted): (Value, Value) = (
            serde_json::from_str(&body).unwrap(),
            serde_json::from_str(expected).unwrap(),
        );
        if path.contains("limit=1") {
            // Which series comes first is the engine's to say.
            assert_eq!(
                found["data"]["result"].as_array().unwrap().len(),
                1,
                "{body}"
            );
            assert_eq!(found["warnings"], wanted["warnings"]);
        } else {
            assert_eq!((status, body.as_str()), (200, expected), "{path}");
        }
    }
    let form = "query=requests_total&start=60&end=180&step=60";
    let by_form = api.post("query_range", form).await;
    assert_eq!(
        by_form,
        api.get(&format!("/api/v1/query_range?{form}")).await
    );
}

#[tokio::test]
async fn a_query_tells_what_it_took_where_asked() {
    let api = Api::ready().await;
    let none = api.json("query?query=up").await;
    assert!(none["data"].get("stats").is_none(), "{none}");
    let some = api.json("query?query=up&stats=1").await;
    let samples = &some["data"]["stats"]["samples"];
    assert_eq!(samples["totalQueryableSamples"], 2, "{some}");
    assert!(
        samples.get("totalQueryableSamplesPerStep").is_none(),
        "{some}"
    );
    assert!(some["data"]["stats"]["timings"]["execTotalTime"].is_number());
    let range = "query_range?query=count_over_time(up[2m])&start=300&end=420&step=60&stats=all";
    let all = api.json(range).await;
    let samples = &all["data"]["stats"]["samples"];
    assert_eq!(samples["totalQueryableSamples"], 12, "{all}");
    assert_eq!(
        samples["totalQueryableSamplesPerStep"],
        json!([[300, 4], [360, 4], [420, 4]])
    );
    assert_eq!(
        samples["samplesReadPerStep"],
        json!([[300, 4], [360, 2], [420, 2]])
    );
    for query in ["1", "'a'", "up%5B1m%5D"] {
        let answer = api.json(&format!("query?query={query}&stats=true")).await;
        assert!(answer["data"]["stats"]["samples"].is_object(), "{answer}");
    }
}

#[tokio::test]
async fn a_query_that_runs_is_written_down() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("queries.active");
    let clock = std::sync::Arc::new(narthex_model::SimulatedClock::at(0));
    let (log, unfinished) = narthex_api::ActiveQueries::open(&path, 20, clock).unwrap();
    assert_eq!(unfinished, None);
    let api = Api::ready().await;
    api.state.track_queries(log);
    let (status, _) = api.get("/api/v1/query?query=up%2Bup").await;
    assert_eq!(status, 200);
    // It has come and gone: what is left are the zeros of its place.
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 1001);
    assert!(bytes[1..].iter().all(|byte| *byte == 0));
}

#[tokio::test]
async fn series_and_labels_are_sorted_and_cut_to_their_limit() {
    let api = Api::ready().await;
    for (path, expected) in [
        (
            "series?match[]=requests_total",
            json!([{"__name__": "requests_total", "job": "a"}]),
        ),
        ("series?match[]=nothing", json!([])),
        (
            "series?match[]=up&match[]=%7Bjob%3D%22a%22%7D",
            json!([
                {"__name__": "requests_total", "job": "a"},
                {"__name__": "up", "http.status": "x", "job": "b"},
                {"__name__": "up", "instance": "i", "job": "a"}
            ]),
        ),
        ("series?match[]=up&start=1000&end=2000", json!([])),
        (
            "labels",
            json!(["__name__", "http.status", "instance", "job"]),
        ),
        ("labels?match[]=requests_total", json!(["__name__", "job"])),
        ("label/job/values", json!(["a", "b"])),
        (
            "label/job/values?match[]=requests_total&match[]=nothing",
            json!(["a"]),
        ),
        ("label/U__http_2e_status/values", json!(["x"])),
        ("label/http.status/values", json!(["x"])),
        ("label/nothing/values", json!([])),
    ] {
        let found = api.json(path).await;
        assert_eq!(found["status"], "success", "{path}: {found}");
        let (mut found, mut expected) = (found["data"].clone(), expected);
        for list in [&mut found, &mut expected] {
            let list = list.as_array_mut().unwrap();
            if path.contains("&match[]=%7B") {
                list.sort_by_key(Value::to_string);
            }
        }
        assert_eq!(found, expected, "{path}");
    }
    let cut = api.json("labels?limit=2").await;
    assert_eq!(cut["data"], json!(["__name__", "http.status"]));
    assert_eq!(cut["warnings"], json!(["results truncated due to limit"]));
    let (status, body) = api.post("series", "match%5B%5D=up&limit=1").await;
    assert!(status == 200 && body.contains("truncated"), "{body}");
}

#[tokio::test]
async fn queries_are_formatted_and_taken_apart() {
    let api = Api::ready().await;
    let formatted = api.json("format_query?query=sum(up)by(job)").await;
    assert_eq!(formatted["data"], "sum by (job) (up)");
    let tree = api
        .json("parse_query?query=rate(x%7Ba%3D%22b%22%7D%5B5m%5D%20offset%201m%20%40%2010)%20%2B%20on(l)%20y")
        .await;
    let tree = &tree["data"];
    assert_eq!(
        (&tree["type"], &tree["op"], &tree["matching"]["card"]),
        (&json!("binaryExpr"), &json!("+"), &json!("one-to-one"))
    );
    let call = &tree["lhs"];
    assert_eq!(
        call["func"],
        json!({"name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector"})
    );
    assert_eq!(
        call["args"][0],
        json!({
            "type": "matrixSelector", "name": "x", "range": 300_000, "offset": 60_000,
            "matchers": [
                {"name": "a", "value": "b", "type": "="},
                {"name": "__name__", "value": "x", "type": "="}
            ],
            "timestamp": 10_000, "startOrEnd": null, "anchored": false, "smoothed": false
        })
    );
}

#[tokio::test]
async fn matchers_come_in_the_order_of_prometheus() {
    let api = Api::ready().await;
    for (query, name, expected) in [
        ("x", "x", vec!["__name__"]),
        ("x{}", "x", vec!["__name__"]),
        (r#"x{b="1",a!="2"}"#, "x", vec!["b", "a", "__name__"]),
        (r#"{"x",b="1"}"#, "", vec!["__name__", "b"]),
        (r#"{b="1","x",a="2"}"#, "", vec!["b", "__name__", "a"]),
        (r#"{b="1",__name__=~"x"}"#, "", vec!["b", "__name__"]),
    ] {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", query)
            .finish();
        let tree = api.json(&format!("parse_query?{form}")).await;
        let matchers = tree["data"]["matchers"].as_array().unwrap();
        let found: Vec<_> = matchers.iter().map(|matcher| &matcher["name"]).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(tree["data"]["name"], name, "{query}");
    }
}

#[tokio::test]
async fn what_grafana_asks_on_its_start_is_answered() {
    let api = Api::ready().await;
    for (path, expected) in [
        (
            "query_exemplars?query=test&start=1700000000000&end=1700000100000",
            json!([]),
        ),
        ("rules", json!({"groups": []})),
        ("rules?type=alert", json!({"groups": []})),
        ("alerts", json!({"alerts": []})),
        (
            "alertmanagers",
            json!({"activeAlertmanagers": [], "droppedAlertmanagers": []}),
        ),
        ("metadata?limit=10", json!({})),
        ("targets/metadata", json!([])),
        ("scrape_pools", json!({"scrapePools": ["self"]})),
        ("status/config", json!({"yaml": "global: {}\n"})),
        ("status/flags", json!({"web.enable-lifecycle": "true"})),
    ] {
        let found = api.json(path).await;
        assert_eq!(
            (&found["status"], &found["data"]),
            (&json!("success"), &expected),
            "{path}"
        );
    }
    let build = api.json("status/buildinfo").await;
    assert_eq!(build["data"]["version"], "3.14.0");
    assert!(
        build["data"].get("features").is_none(),
        "it would make Grafana take us for Mimir"
    );
    let runtime = api.json("status/runtimeinfo").await;
    assert_eq!(runtime["data"]["startTime"], "1970-01-01T00:00:01Z");
    assert_eq!(runtime["data"]["reloadConfigSuccess"], true);
    assert_eq!(runtime["data"]["corruptionCount"], 7);
}

#[tokio::test]
async fn each_rule_of_a_job_says_what_it_makes_of_labels() {
    let api = Api::ready().await;
    let steps = |labels: &str| {
        let path = format!("targets/relabel_steps?scrapePool=self&labels={labels}");
        let api = &api;
        async move { api.json(&path).await }
    };
    let kept = steps("%7B%22__address__%22%3A%22a%3A1%22%7D").await;
    let replaced = json!({"__address__": "a:1", "host": "a"});
    assert_eq!(
        kept["data"],
        json!({"steps": [
            {
                "rule": {
                    "separator": ";", "regex": "(.*):.*", "replacement": "$1",
                    "action": "replace", "sourceLabels": ["__address__"], "targetLabel": "host",
                },
                "output": replaced,
                "keep": true,
            },
            {
                "rule": {
                    "separator": ";", "regex": "gone", "replacement": "$1", "action": "drop",
                    "sourceLabels": ["host"],
                },
                "output": replaced,
                "keep": true,
            },
        ]})
    );
    let dropped = steps("%7B%22__address__%22%3A%22gone%3A1%22%7D").await;
    assert_eq!(dropped["data"]["steps"][1]["keep"], json!(false));
    assert_eq!(dropped["data"]["steps"][1]["output"], json!({}));
    for (path, error) in [
        ("labels=%7B%7D", "no scrapePool parameter provided"),
        ("scrapePool=self", "no labels parameter provided"),
        (
            "scrapePool=other&labels=%7B%7D",
            "error retrieving scrape config: scrape pool \"other\" not found",
        ),
    ] {
        let answer = api.json(&format!("targets/relabel_steps?{path}")).await;
        assert_eq!(answer["error"], json!(error));
        assert_eq!(answer["errorType"], json!("bad_data"));
    }
    let answer = steps("x").await;
    let error = answer["error"].as_str().unwrap();
    assert!(error.starts_with("error parsing labels: "), "{error}");
}

#[tokio::test]
async fn a_job_shows_its_configuration() {
    let api = Api::ready().await;
    let answer = api.json("scrape_pools/config?scrapePool=self").await;
    assert_eq!(answer["data"], json!({"yaml": "job_name: self\n"}));
    for (path, error) in [
        ("", "no scrapePool parameter provided"),
        (
            "scrapePool=other",
            "error retrieving scrape config: scrape pool \"other\" not found",
        ),
    ] {
        let answer = api.json(&format!("scrape_pools/config?{path}")).await;
        assert_eq!(answer["error"], json!(error), "{path}");
        assert_eq!(answer["errorType"], json!("bad_data"), "{path}");
    }
}

#[tokio::test]
async fn only_a_target_of_this_server_is_looked_at_and_only_for_our_own_pages() {
    let api = Api::ready().await;
    let request = |form: &'static str, site: &'static str| {
        Request::post("/api/v1/targets/preview")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("Sec-Fetch-Site", site)
            .body(Body::from(form))
            .unwrap()
    };
    let other = "scrapePool=self&scrapeUrl=http%3A%2F%2Fa%2F&labels=%7B%7D";
    for (form, site, status, error) in [
        ("", "same-origin", 400, "no scrapePool parameter provided"),
        (
            "scrapePool=self",
            "same-origin",
            400,
            "no scrapeUrl parameter provided",
        ),
        (
            "scrapePool=self&scrapeUrl=a&labels=x",
            "same-origin",
            400,
            "error parsing labels: expected value at line 1 column 1",
        ),
        (
            other,
            "same-origin",
            404,
            "the scrape pool has no such target",
        ),
        (other, "cross-site", 403, ""),
    ] {
        let (answered, body) = api.send(request(form, site)).await;
        assert_eq!(answered, status, "{form}: {body}");
        assert!(body.contains(error), "{form}: {body}");
    }
    // Not by a link.
    let link = Request::get("/api/v1/targets/preview").body(Body::empty());
    assert_eq!(api.send(link.unwrap()).await.0, 405);
}

#[tokio::test]
async fn targets_are_shown_by_state_and_pool() {
    let api = Api::ready().await;
    let all = api.json("targets").await;
    let target = &all["data"]["activeTargets"][0];
    for (field, expected) in [
        ("scrapePool", json!("self")),
        ("scrapeUrl", json!("http://localhost:9090/metrics")),
        ("globalUrl", json!("https://prom.example/metrics")),
        ("scrapeInterval", json!("1h")),
        (
            "labels",
            json!({"host": "localhost", "instance": "localhost:9090", "job": "self"}),
        ),
    ] {
        assert_eq!(target[field], expected, "{field}");
    }
    assert_eq!(all["data"]["droppedTargetCounts"], json!({"self": 0}));
    let active = api.json("targets?state=active").await;
    assert_eq!(active["data"]["droppedTargetCounts"], Value::Null);
    assert_eq!(active["data"]["droppedTargets"], json!([]));
    let none = api.json("targets?scrapePool=other&state=Active").await;
    assert_eq!(none["data"]["activeTargets"], json!([]));
}

#[tokio::test]
async fn the_store_is_counted() {
    let api = Api::ready().await;
    let stats = api.json("status/tsdb?limit=1").await;
    assert_eq!(
        stats["data"]["headStats"],
        json!({"numSeries": 3, "numLabelPairs": 0, "chunkCount": 0, "minTime": 0, "maxTime": 600_000})
    );
    assert_eq!(
        stats["data"]["seriesCountByMetricName"],
        json!([{"name": "up", "value": 2}])
    );
}

#[tokio::test]
async fn blocks_are_listed() {
    let api = Api::ready().await;
    let listed = api.json("status/tsdb/blocks").await;
    assert_eq!(
        listed["data"],
        json!({"blocks": [{
            "ulid": "01K0000000000000000000000A",
            "minTime": 0,
            "maxTime": 7_200_000,
            "stats": {"numSamples": 33, "numSeries": 3},
            "compaction": {"level": 2, "sources": ["01K00000000000000000000001"]},
            "version": 1,
        }]})
    );
}

#[tokio::test]
async fn federation_writes_the_newest_samples_with_external_labels() {
    let api = Api::ready().await;
    let (status, body) = api.get("/federate?match[]=up&match[]=requests_total").await;
    assert_eq!(status, 200);
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(
        lines,
        [
            "# TYPE requests_total untyped",
            r#"requests_total{job="a",instance="",region="eu"} 600 600000"#,
            "# TYPE up untyped",
            r#"up{"http.status"="x",job="b",instance="",region="eu"} 0 600000"#,
            r#"up{instance="i",job="a",region="eu"} 1 600000"#,
        ]
    );
    // No matcher selects nothing, and not all that there is.
    let answer = api.get("/federate?match[]=%7B%7D").await;
    assert_eq!(answer, (200, String::new()));
    let request = Request::get("/federate?match[]=up")
        .header(header::ACCEPT, "application/openmetrics-text;version=1.0.0")
        .body(Body::empty())
        .unwrap();
    let (_, body) = api.send(request).await;
    assert!(
        body.ends_with("# EOF\n") && body.contains(" 600.000\n"),
        "{body}"
    );
}

#[tokio::test]
async fn own_metrics_count_the_requests() {
    let api = Api::ready().await;
    api.get("/api/v1/query?query=up").await;
    api.get("/api/v1/query?query=(").await;
    let (_, text) = api.get("/metrics").await;
    for line in [
        r#"prometheus_http_requests_total{handler="/api/v1/query",code="200"} 1"#,
        r#"prometheus_http_requests_total{handler="/api/v1/query",code="400"} 1"#,
        "# TYPE prometheus_engine_query_duration_seconds summary",
        r#"prometheus_engine_query_duration_seconds_count{slice="inner_eval"} 2"#,
        r#"prometheus_engine_query_duration_histogram_seconds_count{slice="inner_eval"} 2"#,
        "prometheus_engine_queries 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}

#[tokio::test]
async fn answers_are_packed_for_those_who_unpack_them() {
    let api = Api::ready().await;
    let request = Request::get("/api/v1/status/runtimeinfo")
        .header(header::ACCEPT_ENCODING, "gzip")
        .body(Body::empty())
        .unwrap();
    let response = api.response(request).await;
    assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
}

#[tokio::test]
async fn features_say_what_is_there_and_what_is_switched_on() {
    let api = Api::ready().await;
    let found = api.json("features").await;
    for (pointer, expected) in [
        ("/api/lifecycle", true),
        ("/api/remote_write_receiver", false),
        ("/api/query_stats", true),
        ("/prometheus/server_mode", true),
        ("/prometheus/agent_mode", false),
        ("/promql/per_step_stats", true),
        ("/promql/anchored", false),
        ("/promql_functions/rate", true),
        ("/promql_functions/mad_over_time", false),
        ("/promql_operators/topk", true),
        ("/promql_operators/limitk", false),
        ("/templating_functions/humanize1024", true),
        ("/tsdb/exemplar_storage", false),
    ] {
        assert_eq!(
            found["data"].pointer(pointer),
            Some(&json!(expected)),
            "{pointer}"
        );
    }
}
