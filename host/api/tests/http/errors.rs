//! What each endpoint says of a request that it cannot answer.

use axum::body::Body;
use axum::http::{Request, header};

use crate::fixture::Api;

#[tokio::test]
async fn faults_are_told_in_prometheus_words() {
    let api = Api::ready().await;
    for (path, status, kind, message) in [
        (
            "query?query=up&time=x",
            400,
            "bad_data",
            r#"invalid parameter "time": Invalid time value for 'time': cannot parse "x" to a valid timestamp"#,
        ),
        (
            "query?query=up&timeout=x",
            400,
            "bad_data",
            r#"invalid parameter "timeout": cannot parse "x" to a valid duration"#,
        ),
        // Who has no time gets no answer, however fast it would come.
        (
            "query?query=up&timeout=0",
            503,
            "timeout",
            "query timed out in query queue",
        ),
        (
            "query_range?query=up&start=1&end=2&step=1&timeout=-1",
            503,
            "timeout",
            "query timed out in query queue",
        ),
        (
            "query?query=up&limit=-1",
            400,
            "bad_data",
            r#"invalid parameter "limit": limit must be non-negative"#,
        ),
        (
            "query?query=up&lookback_delta=x",
            400,
            "bad_data",
            r#"error parsing lookback delta duration: cannot parse "x" to a valid duration"#,
        ),
        (
            "query?query=up&max_source_resolution=coarse",
            400,
            "bad_data",
            r#"invalid parameter "max_source_resolution": cannot parse "coarse" to a valid duration"#,
        ),
        (
            "query?query=up&max_source_resolution=-5m",
            400,
            "bad_data",
            r#"invalid parameter "max_source_resolution": cannot parse "-5m" to a valid duration"#,
        ),
        (
            "query?query=up&max_source_resolution=-300",
            400,
            "bad_data",
            r#"invalid parameter "max_source_resolution": negative value is not accepted. Try a positive integer"#,
        ),
        (
            "query?query=",
            400,
            "bad_data",
            r#"invalid parameter "query": unknown position: parse error: no expression found in input"#,
        ),
        (
            "query?query=up%7B",
            400,
            "bad_data",
            r#"invalid parameter "query": 1:4: parse error: unexpected end of input inside braces"#,
        ),
        (
            "query_range?query=up&end=1&step=1",
            400,
            "bad_data",
            r#"invalid parameter "start": cannot parse "" to a valid timestamp"#,
        ),
        (
            "query_range?query=up&start=x&end=1&step=1",
            400,
            "bad_data",
            r#"invalid parameter "start": cannot parse "x" to a valid timestamp"#,
        ),
        (
            "query_range?query=up&start=1&end=x&step=1",
            400,
            "bad_data",
            r#"invalid parameter "end": cannot parse "x" to a valid timestamp"#,
        ),
        (
            "query_range?query=up&start=2&end=1&step=1",
            400,
            "bad_data",
            r#"invalid parameter "end": end timestamp must not be before start time"#,
        ),
        (
            "query_range?query=up&start=1&end=2&step=x",
            400,
            "bad_data",
            r#"invalid parameter "step": cannot parse "x" to a valid duration"#,
        ),
        (
            "query_range?query=up&start=1&end=2&step=0",
            400,
            "bad_data",
            r#"invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer"#,
        ),
        (
            "query_range?query=up&start=0&end=11001&step=1",
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ),
        (
            "query_range?query=up%5B5m%5D&start=0&end=1&step=1",
            400,
            "bad_data",
            r#"invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector"#,
        ),
        (
            "query?query=up%20%2B%20on()%20up",
            422,
            "execution",
            "found duplicate series for the match group",
        ),
        ("series", 400, "bad_data", "no match[] parameter provided"),
        (
            "series?match[]=%7B%7D",
            400,
            "bad_data",
            r#"invalid parameter "match[]": match[] must contain at least one non-empty matcher"#,
        ),
        (
            "series?match[]=up&start=x",
            400,
            "bad_data",
            r#"invalid parameter "start": Invalid time value for 'start': cannot parse "x" to a valid timestamp"#,
        ),
        (
            "labels?match[]=%7Bx%3D~%22.*%22%7D",
            400,
            "bad_data",
            r#"invalid parameter "match[]": match[] must contain at least one non-empty matcher"#,
        ),
        (
            "label/U__/values",
            400,
            "bad_data",
            r#"invalid label name: """#,
        ),
        ("label/%FF/values", 400, "bad_data", "invalid label name: "),
        (
            "query_exemplars?query=up&start=2&end=1",
            400,
            "bad_data",
            "end timestamp must not be before start timestamp",
        ),
        (
            "format_query?query=(",
            400,
            "bad_data",
            r#"invalid parameter "query": 1:2: parse error: unclosed left parenthesis"#,
        ),
        (
            "metadata?limit=x",
            400,
            "bad_data",
            "limit must be a number",
        ),
        (
            "metadata?limit_per_metric=x",
            400,
            "bad_data",
            "limit_per_metric must be a number",
        ),
        (
            "rules?type=other",
            400,
            "bad_data",
            r#"invalid parameter "type": not supported value "other""#,
        ),
        (
            "status/tsdb?limit=10001",
            400,
            "bad_data",
            "limit must be a positive number not larger than 10000",
        ),
    ] {
        let (found, body) = api.get(&format!("/api/v1/{path}")).await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (found, &body["status"], &body["errorType"]),
            (status, &"error".into(), &kind.into()),
            "{path}: {body}"
        );
        let text = body["error"].as_str().unwrap();
        assert!(text.starts_with(message), "{path}\n{text}\n{message}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_a_wrong_method_is_refused() {
    let api = Api::ready().await;
    assert_eq!(api.get("/api/v1/nothing").await.0, 404);
    for path in ["/nothing", "/api/v1/", "/-/nothing"] {
        let expected = (404, "404 page not found\n".to_owned());
        assert_eq!(api.get(path).await, expected, "{path}");
    }
    let expected = (405, "Method Not Allowed\n".to_owned());
    assert_eq!(api.post("targets", "").await, expected);
    assert_eq!(api.get("/federate?match[]=%7B").await.0, 400);
    // Alertmanager's paths in its words: they named no method at all.
    let request = Request::post("/api/v2/alerts/groups").body(Body::empty());
    let said = r#"{"code":405,"message":"method POST is not allowed, but [GET] are"}"#;
    let answer = api.send(request.unwrap()).await;
    assert_eq!(answer, (405, said.to_owned()));
}

#[tokio::test]
async fn every_path_can_be_asked_for_its_methods() {
    let api = Api::ready().await;
    for (path, status, methods) in [
        ("/federate?match[]=up", 200, Some("GET,HEAD,OPTIONS")),
        ("/-/healthy", 200, Some("GET,HEAD,OPTIONS")),
        ("/api/v1/query", 204, None),
        ("/nothing", 404, None),
    ] {
        let request = Request::options(path).body(Body::empty()).unwrap();
        let answer = api.response(request).await;
        let allowed = answer.headers().get(header::ALLOW);
        let allowed = allowed.map(|value| value.to_str().unwrap());
        assert_eq!(
            (answer.status().as_u16(), allowed),
            (status, methods),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_form_past_its_bound_is_refused() {
    let api = Api::ready().await;
    let form = format!("query={}", "1".repeat(narthex_api::FORM_BYTES_MAX));
    let (status, body) = api.post("query", &form).await;
    assert_eq!(status, 413, "{body}");
    let form = "a=1&".repeat(narthex_api::FIELDS_MAX + 1);
    let (status, body) = api.post("query", &form).await;
    assert!(status == 400 && body.contains("fields"), "{body}");
}
