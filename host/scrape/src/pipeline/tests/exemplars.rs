//! Exemplars of scrapes.

use super::*;

#[test]
fn exemplars_come_with_their_samples_and_have_their_time_where_they_have_none() {
    let mut story = Story::new(json!({
        "metric_relabel_configs": [{"source_labels": ["x"], "regex": "drop", "action": "drop"}],
    }));
    let open_metrics = |page: &str| Scraped::Text {
        content_type: "application/openmetrics-text; version=1.0.0".into(),
        body: Bytes::copy_from_slice(page.as_bytes()),
    };
    let page = "# TYPE a counter\n\
         a_total{x=\"1\"} 5 # {trace_id=\"ü\"} 0.5 0.25\n\
         a_total{x=\"2\"} 5 # {trace_id=\"y\"} 0.5\n\
         a_total{x=\"3\"} 5 0.75 # {} NaN\n\
         a_total{x=\"4\"} 5\n\
         a_total{x=\"5\"} 5 # {trace_id=\"y\",trace_id=\"z\"} 0.5\n\
         a_total{x=\"drop\"} 5 # {trace_id=\"n\"} 0.5\n\
         # EOF\n";
    story.scrape(Ok(&open_metrics(page)));
    assert_eq!(story.error(), "");
    let found: Vec<_> = story
        .last
        .batch
        .exemplars
        .iter()
        .map(|sample| {
            let exemplar = &sample.exemplar;
            let series = sample.series.get("x").unwrap();
            let id = exemplar.labels.get("trace_id").unwrap_or_default();
            (series, id, exemplar.value.to_bits(), exemplar.timestamp_ms)
        })
        .collect();
    let half = 0.5_f64.to_bits();
    let expected = [
        ("1", "ü", half, 250),
        ("2", "y", half, 1_000),
        ("3", "", NORMAL_NAN_BITS, 750),
    ];
    assert_eq!(found, expected);
    // A scrape that fails in the middle leaves none.
    story.scrape(Ok(&open_metrics("a_total 1 # {b=\"c\"} 1\nx")));
    assert!(!story.error().is_empty());
    assert!(story.last.batch.exemplars.is_empty());
}

#[test]
fn an_exemplar_without_a_time_is_taken_once_as_long_as_the_target_says_it() {
    let mut story = Story::new(json!({}));
    let mut taken = |exemplar: &str| {
        let page = format!("# TYPE a counter\na_total 1{exemplar}\n# EOF\n");
        let scraped = Scraped::Text {
            content_type: "application/openmetrics-text; version=1.0.0".into(),
            body: Bytes::from(page),
        };
        story.scrape(Ok(&scraped));
        let exemplars = story.last.batch.exemplars.iter();
        let mut times = exemplars.map(|it| it.exemplar.timestamp_ms);
        let first = times.next();
        assert_eq!(times.next(), None);
        first
    };
    assert_eq!(taken(" # {id=\"x\"} 1"), Some(1_000));
    assert_eq!(taken(" # {id=\"x\"} 1"), None);
    // Without one, and in a scrape that fails, nothing is forgotten and nothing learnt.
    assert_eq!(taken(""), None);
    assert_eq!(taken(" # {id=\"y\"} 1\n{"), None);
    assert_eq!(taken(" # {id=\"x\"} 1"), None);
    // Another label, another value; and one that says its time is another as well.
    assert_eq!(taken(" # {id=\"y\"} 1"), Some(6_000));
    assert_eq!(taken(" # {id=\"y\"} 2"), Some(7_000));
    assert_eq!(taken(" # {id=\"y\"} 2 7.5"), Some(7_500));
    assert_eq!(taken(" # {id=\"y\"} 2"), Some(9_000));
}
