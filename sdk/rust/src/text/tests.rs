use super::*;
use crate::bindings::narthex::plugin::types;

const BODY: &str = r#"# HELP http_requests_total How many.\nBy path.
# TYPE http_requests_total counter
http_requests_total{path="/a",pod="x"} 3
http_requests_total{path="/b", pod="x",} 4 1700000000000

# TYPE latency histogram
# HELP latency How long.
latency_bucket{pod="x",le="0.1"} 1
latency_bucket{pod="x",le="1"} 2
latency_bucket{pod="x",le="+Inf"} 3
latency_sum{pod="x"} 1.5
latency_count{pod="x"} 3
# TYPE rpc summary
rpc{pod="x",quantile="0.5"} 0.25
rpc_sum{pod="x"} 9
rpc_count{pod="x"} 4
# a comment
up 1
temperature -Inf
weight NaN
{"a.b", "c.d"="quoted \"x\" \\ \n"} 1e3
# EOF
"#;

fn filter(json: &str) -> Filter {
    serde_json::from_str(json).unwrap()
}

fn read(body: &str, json: &str) -> (String, Parsed) {
    let mut batch = Batch::new();
    let parsed = parse(body.as_bytes(), Format::Classic, &filter(json), &mut batch).unwrap();
    (batch.to_text(), parsed)
}

#[test]
fn all_of_a_text_without_a_filter() {
    let (text, parsed) = read(BODY, "{}");
    let expected = r#"http_requests_total{path="/a",pod="x"} 3
http_requests_total{path="/b",pod="x"} 4 1700000000000
latency_bucket{pod="x",le="0.1"} 1
latency_bucket{pod="x",le="1"} 2
latency_bucket{pod="x",le="+Inf"} 3
latency_sum{pod="x"} 1.5
latency_count{pod="x"} 3
rpc{pod="x",quantile="0.5"} 0.25
rpc_sum{pod="x"} 9
rpc_count{pod="x"} 4
up 1
temperature -inf
weight NaN
a.b{c.d="quoted \"x\" \\ \n"} 1000
"#;
    assert_eq!(text, expected);
    assert_eq!(parsed.kept, 14);
    assert_eq!(parsed.dropped + parsed.merged, 0);
}

#[test]
fn families_keep_type_and_help() {
    let mut batch = Batch::new();
    parse(
        BODY.as_bytes(),
        Format::Classic,
        &Filter::default(),
        &mut batch,
    )
    .unwrap();
    let types::Batch {
        symbols, families, ..
    } = batch.into_parts();
    let text = |index: u32| symbols[index as usize].as_str();
    let said: Vec<String> = families
        .iter()
        .map(|f| {
            format!(
                "{} {:?} {:?} {}",
                text(f.name),
                f.kind,
                text(f.help),
                f.samples
            )
        })
        .collect();
    let expected = [
        "http_requests_total MetricKind::Counter \"How many.\\nBy path.\" 2",
        "latency MetricKind::Histogram \"How long.\" 5",
        "rpc MetricKind::Summary \"\" 3",
        "up MetricKind::Unknown \"\" 1",
        "temperature MetricKind::Unknown \"\" 1",
        "weight MetricKind::Unknown \"\" 1",
        "a.b MetricKind::Unknown \"\" 1",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_a_filter_leaves() {
    for (json, expected, dropped, merged) in [
        (r#"{"keep": ["up"]}"#, "up 1\n", 13, 0),
        (
            r#"{"keep": ["up", "latency_count", "rpc*"], "drop": ["rpc_sum"]}"#,
            "latency_count{pod=\"x\"} 3\nrpc{pod=\"x\",quantile=\"0.5\"} 0.25\n\
             rpc_count{pod=\"x\"} 4\nup 1\n",
            10,
            0,
        ),
        (
            r#"{"keep": ["latency"], "rules": [{"families": ["lat*"], "buckets": [1], "drop_labels": ["pod"]}]}"#,
            "latency_bucket{le=\"1\"} 2\nlatency_bucket{le=\"+Inf\"} 3\nlatency_sum 1.5\n\
             latency_count 3\n",
            10,
            0,
        ),
        (
            r#"{"keep": ["http_*"], "rules": [{"keep_labels": ["pod"]}]}"#,
            "http_requests_total{pod=\"x\"} 7\n",
            12,
            1,
        ),
        (
            r#"{"keep": ["http_*"], "rules": [{"only": {"path": ["/a", "/c*"]}}]}"#,
            "http_requests_total{path=\"/a\",pod=\"x\"} 3\n",
            13,
            0,
        ),
        (
            r#"{"keep": ["http_*", "up"], "rules": [{"except": {"path": ["/*"]}}]}"#,
            "up 1\n",
            13,
            0,
        ),
        (
            r#"{"keep": ["rpc"], "rules": [{"drop_labels": ["*"]}]}"#,
            "rpc_sum 9\nrpc_count 4\n",
            12,
            0,
        ),
        (
            // The first rule that names a family is its rule.
            r#"{"keep": ["http_*"], "rules": [{"families": ["http_*"]}, {"drop_labels": ["pod"]}]}"#,
            "http_requests_total{path=\"/a\",pod=\"x\"} 3\n\
             http_requests_total{path=\"/b\",pod=\"x\"} 4 1700000000000\n",
            12,
            0,
        ),
    ] {
        let (text, parsed) = read(BODY, json);
        assert_eq!(sorted_labels(&text), sorted_labels(expected), "{json}");
        assert_eq!((parsed.dropped, parsed.merged), (dropped, merged), "{json}");
    }
}

/// Merged samples have their labels in an order of their own.
fn sorted_labels(text: &str) -> Vec<String> {
    let sort = |line: &str| match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = rest.split_once('}').unwrap();
            let mut labels: Vec<&str> = labels.split(',').collect();
            labels.sort_unstable();
            format!("{name}{{{}}}{value}", labels.join(","))
        }
        None => line.to_owned(),
    };
    text.lines().map(sort).collect()
}

#[test]
fn series_of_one_family_that_comes_in_pieces_are_added_up() {
    let body =
        "# TYPE a counter\na{x=\"1\"} 1\n# TYPE b gauge\nb 1\n# TYPE a counter\na{x=\"2\"} 2\n";
    let (text, parsed) = read(body, r#"{"rules": [{"drop_labels": ["x"]}]}"#);
    assert_eq!(text, "a 3\nb 1\n");
    assert_eq!(parsed.merged, 1);
}

#[test]
fn faults_name_the_line() {
    for (body, fault) in [
        ("a 1\nb\n", "line 2 of the metrics: the value is missing"),
        (
            "a{b=\"c\"}\n",
            "line 1 of the metrics: the value is missing",
        ),
        ("a x\n", "line 1 of the metrics: the value is no number"),
        ("a 1 x\n", "line 1 of the metrics: the time is no number"),
        (
            "a 1 2 3\n",
            "line 1 of the metrics: something stands behind the time",
        ),
        ("a{b} 1\n", "line 1 of the metrics: a label has no value"),
        (
            "a{b=c} 1\n",
            "line 1 of the metrics: a label's value is not in quotes",
        ),
        (
            "a{b=\"c} 1\n",
            "line 1 of the metrics: a quote is not closed",
        ),
        (
            "a{b=\"c\" d=\"e\"} 1\n",
            "line 1 of the metrics: the braces are not closed",
        ),
        (
            "{b=\"c\"} 1\n",
            "line 1 of the metrics: the name is missing",
        ),
        (
            "{\"a\\\"\"} 1\n",
            "line 1 of the metrics: a name has escapes",
        ),
        ("<html>\n", "line 1 of the metrics: the value is missing"),
    ] {
        let error = parse(
            body.as_bytes(),
            Format::Classic,
            &Filter::default(),
            &mut Batch::new(),
        )
        .unwrap_err();
        assert_eq!(error.message(), fault, "{body:?}");
    }
    let error = parse(
        b"a\xff 1\n",
        Format::Classic,
        &Filter::default(),
        &mut Batch::new(),
    )
    .unwrap_err();
    assert!(error.message().starts_with("the metrics are not UTF-8"));
}

#[test]
fn too_many_labels_are_refused() {
    let labels = |count: usize| {
        (0..count)
            .map(|n| format!("l{n}=\"\","))
            .collect::<String>()
    };
    let (text, _) = read(&format!("a{{{}}} 1\n", labels(line::LABELS_MAX)), "{}");
    assert!(text.starts_with("a{"));
    let body = format!("a{{{}}} 1\n", labels(line::LABELS_MAX + 1));
    let error = parse(
        body.as_bytes(),
        Format::Classic,
        &Filter::default(),
        &mut Batch::new(),
    )
    .unwrap_err();
    assert!(error.message().ends_with("it has too many labels"));
}

#[test]
fn too_many_samples_are_refused() {
    let line = "a 1\n";
    let body = line.repeat(SAMPLES_MAX);
    let parsed = parse(
        body.as_bytes(),
        Format::Classic,
        &Filter::default(),
        &mut Batch::new(),
    )
    .unwrap();
    assert_eq!(parsed.kept, SAMPLES_MAX);
    let body = line.repeat(SAMPLES_MAX + 1);
    let error = parse(
        body.as_bytes(),
        Format::Classic,
        &Filter::default(),
        &mut Batch::new(),
    )
    .unwrap_err();
    assert!(error.message().contains("more than a million samples"));
    // What is dropped does not count.
    let parsed = parse(
        body.as_bytes(),
        Format::Classic,
        &filter(r#"{"drop": ["a"]}"#),
        &mut Batch::new(),
    );
    assert_eq!(parsed.unwrap().dropped, SAMPLES_MAX + 1);
}

#[test]
fn a_filter_with_a_typing_mistake_is_an_error() {
    let error = serde_json::from_str::<Filter>(r#"{"kep": []}"#).unwrap_err();
    assert!(error.to_string().contains("kep"));
    assert!(Filter::default().keeps_all());
    assert!(!filter(r#"{"keep": ["a"]}"#).keeps_all());
}

#[test]
fn openmetrics_as_ztunnel_writes_it() {
    let body = r#"# HELP istio_tcp_connections_opened The total number of TCP connections opened.
# TYPE istio_tcp_connections_opened counter
istio_tcp_connections_opened_total{reporter="source",pod="a"} 5 1700000000.25 # {trace_id="x"} 1
istio_tcp_connections_opened_total{reporter="source",pod="b"} 6
# HELP istio_build Build.
# TYPE istio_build info
# UNIT istio_build
istio_build_info{tag="1.29.0"} 1
# TYPE uptime_seconds gauge
uptime_seconds 3.5 # {} 1
# EOF
"#;
    let format = Format::of(Some(
        "application/openmetrics-text;charset=utf-8;version=1.0.0",
    ));
    let mut batch = Batch::new();
    parse(body.as_bytes(), format, &Filter::default(), &mut batch).unwrap();
    let text = "istio_tcp_connections_opened_total{reporter=\"source\",pod=\"a\"} 5 1700000000250\n\
                istio_tcp_connections_opened_total{reporter=\"source\",pod=\"b\"} 6\n\
                istio_build_info{tag=\"1.29.0\"} 1\nuptime_seconds 3.5\n";
    assert_eq!(batch.to_text(), text);
    let inner = batch.into_parts();
    let counter = &inner.families[0];
    assert_eq!(
        inner.symbols[counter.name as usize],
        "istio_tcp_connections_opened_total"
    );
    assert_eq!(counter.kind, types::MetricKind::Counter);
    assert_eq!(inner.families.len(), 3);
    // The family's own name is as good for a filter as its sample's.
    for keep in ["istio_tcp_connections_opened", "istio_tcp_*_total"] {
        let filter = filter(&format!(
            "{{\"keep\": [{keep:?}], \"rules\": [{{\"drop_labels\": [\"pod\"]}}]}}"
        ));
        let mut batch = Batch::new();
        parse(body.as_bytes(), format, &filter, &mut batch).unwrap();
        assert!(batch.to_text().ends_with(" 11\n"), "{}", batch.to_text());
    }
}

#[test]
fn a_content_type_tells_the_format() {
    for (content_type, format) in [
        (None, Format::Classic),
        (Some("text/plain; version=0.0.4"), Format::Classic),
        (
            Some("application/openmetrics-text; version=1.0.0"),
            Format::OpenMetrics,
        ),
    ] {
        assert_eq!(Format::of(content_type), format, "{content_type:?}");
    }
}
