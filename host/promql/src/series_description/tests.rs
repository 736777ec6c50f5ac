use super::*;

fn floats(values: &[SequenceValue]) -> String {
    let text = |value: &SequenceValue| match value {
        SequenceValue::Omitted => "_".to_owned(),
        SequenceValue::Float(value) if narthex_model::sample::is_stale_nan(*value) => {
            "stale".to_owned()
        }
        SequenceValue::Float(value) => value.to_string(),
        SequenceValue::Histogram(histogram) => format!("h{}", histogram.steps),
    };
    values.iter().map(text).collect::<Vec<_>>().join(" ")
}

#[test]
fn lines_are_read() {
    for (line, labels, values) in [
        ("up", "{__name__=\"up\"}", ""),
        ("up 1", "{__name__=\"up\"}", "1"),
        ("{} 3", "{}", "3"),
        (
            "a{b=\"c\",} 1 _ stale",
            "{__name__=\"a\", b=\"c\"}",
            "1 _ stale",
        ),
        (
            "{\"utf8.name\", \"l.x\"='y'} 1",
            "{__name__=\"utf8.name\", \"l.x\"=\"y\"}",
            "1",
        ),
        ("sum\t0+10x2", "{__name__=\"sum\"}", "0 10 20"),
        ("a 5-2x2  _x2 7x1", "{__name__=\"a\"}", "5 3 1 _ _ 7 7"),
        ("a -1-1x1 +2+.5x1", "{__name__=\"a\"}", "-1 -2 2 2.5"),
        (
            "a 1e-3 1e+2x1 NaN -Inf",
            "{__name__=\"a\"}",
            "0.001 100 100 NaN -inf",
        ),
        ("a 1_000 5.", "{__name__=\"a\"}", "1000 5"),
        (
            "a {{}} {{sum:1}}x1 {{ }}-{{sum:2 buckets:[1 2 ]}}x2",
            "{__name__=\"a\"}",
            "h0 h0 h0 h0 h-1 h-2",
        ),
    ] {
        let series = parse_series_description(line).unwrap();
        assert_eq!(series.labels.to_string(), labels, "{line}");
        assert_eq!(floats(&series.values), values, "{line}");
    }
}

#[test]
fn a_histogram_has_all_its_fields() {
    let line = "a {{schema:-53 sum:-1.5 count:7 z_bucket:1 z_bucket_w:0.1 buckets:[1 NaN] \
                offset:-2 n_buckets:[3] n_offset:4 custom_values:[5 10 +Inf] \
                counter_reset_hint:not_reset}}";
    let series = parse_series_description(line).unwrap();
    let [SequenceValue::Histogram(histogram)] = series.values.as_slice() else {
        unreachable!("one histogram");
    };
    let mut base = (*histogram.base).clone();
    assert!(base.positive.counts[1].is_nan());
    base.positive.counts[1] = 0.0;
    let expected = HistogramLiteral {
        schema: -53,
        sum: -1.5,
        count: 7.0,
        zero_count: 1.0,
        zero_threshold: 0.1,
        positive: Buckets {
            offset: -2,
            counts: vec![1.0, 0.0],
        },
        negative: Buckets {
            offset: 4,
            counts: vec![3.0],
        },
        custom_values: vec![5.0, 10.0, f64::INFINITY],
        counter_reset_hint: Some(CounterResetHint::NotReset),
    };
    assert_eq!(base, expected);
}

#[test]
fn what_is_no_series_says_where() {
    for (line, error) in [
        (
            "a{b=}",
            r#"1:5: parse error: unexpected "}" in label set, expected string"#,
        ),
        (
            "a 1 b",
            r#"1:5: parse error: unexpected "b" in series values, expected number or "stale""#,
        ),
        (
            "a 1+2",
            r#"1:6: parse error: unexpected "" in series values, expected "x""#,
        ),
        (
            "a 1x",
            r#"1:5: parse error: unexpected "" in series values, expected a number of repetitions"#,
        ),
        (
            "a 1x1000000",
            "1:12: parse error: too many values in a series, at most 1000000 are allowed",
        ),
        (
            "a {{sum:1 sum:2}}",
            r#"1:11: parse error: duplicate key "sum" in histogram"#,
        ),
        (
            "a {{summe:1}}",
            r#"1:11: parse error: bad histogram descriptor found: "summe""#,
        ),
        (
            "a {{sum",
            "1:5: parse error: histogram description incomplete",
        ),
        (
            "a {{buckets:[1",
            "1:15: parse error: histogram description incomplete",
        ),
    ] {
        let found = parse_series_description(line).unwrap_err().to_string();
        assert_eq!(found, error, "{line}");
    }
}
