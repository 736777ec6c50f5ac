use bytes::Bytes;
use narthex_exposition::{Families, Family, MetricType};
use narthex_model::sample::{NORMAL_NAN_BITS, is_stale_nan};
use narthex_model::{Rejection, SeriesRef};
use serde_json::json;

use super::*;

mod exemplars;
mod histograms;

/// One target through several scrapes, the n-th of them at n seconds.
struct Story {
    config: ScrapeConfig,
    options: ScrapeOptions,
    target: Labels,
    memory: Memory,
    now_ms: i64,
    last: Outcome,
}

impl Story {
    fn new(config: serde_json::Value) -> Self {
        Self {
            config: serde_json::from_value(config).unwrap(),
            options: ScrapeOptions::default(),
            target: Labels::from_pairs([("job", "j"), ("instance", "i")]),
            memory: Memory::new(),
            now_ms: 0,
            last: Outcome::default(),
        }
    }

    /// Scrapes and gives the batch without the report series: `metric{labels} value @time`, the
    /// target's labels left out, `stale` for the marker.
    fn scrape(&mut self, scraped: Result<&Scraped, &ScrapeError>) -> Vec<String> {
        self.now_ms += 1000;
        let rules = Rules {
            config: &self.config,
            options: self.options,
            target: &self.target,
            timeout: self.config.scrape_timeout,
            room: u64::MAX,
        };
        self.last = process(scraped, rules, &mut self.memory, self.now_ms);
        lines(&self.last.batch)
    }

    fn page(&mut self, page: &str) -> Vec<String> {
        self.scrape(Ok(&text(page)))
    }

    fn fails(&mut self) -> Vec<String> {
        self.scrape(Err(&ScrapeError::DeadlineExceeded))
    }

    fn error(&self) -> String {
        self.last
            .error
            .as_ref()
            .map_or(String::new(), ToString::to_string)
    }

    fn counts(&self) -> (u64, u64, u64) {
        (self.last.total, self.last.added, self.last.series_added)
    }
}

fn text(page: &str) -> Scraped {
    Scraped::Text {
        content_type: "text/plain; version=0.0.4".into(),
        body: Bytes::copy_from_slice(page.as_bytes()),
    }
}

fn lines(batch: &WriteBatch) -> Vec<String> {
    let mut lines: Vec<String> = batch
        .samples
        .iter()
        .map(|sample| {
            let others = sample
                .labels
                .filtered(|name| !matches!(name, "__name__" | "job" | "instance"));
            let others = if others.is_empty() {
                String::new()
            } else {
                others.to_string()
            };
            let value = match is_stale_nan(sample.value) {
                true => "stale".to_owned(),
                false => sample.value.to_string(),
            };
            let seconds = sample.timestamp_ms / 1000;
            format!("{}{others} {value} @{seconds}", sample.labels.metric_name())
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn a_series_that_vanishes_gets_one_stale_mark() {
    let mut story = Story::new(json!({}));
    assert_eq!(
        story.page("a 1\nb{x=\"1\"} 2\n"),
        ["a 1 @1", "b{x=\"1\"} 2 @1"]
    );
    assert_eq!(story.counts(), (2, 2, 2));
    assert_eq!(story.page("a 3\n"), ["a 3 @2", "b{x=\"1\"} stale @2"]);
    assert_eq!(story.counts(), (1, 1, 0));
    assert_eq!(story.page("a 4\n"), ["a 4 @3"]);
    assert_eq!(
        story.page("b{x=\"1\"} 5\na 5\n"),
        ["a 5 @4", "b{x=\"1\"} 5 @4"]
    );
    assert_eq!(story.counts(), (2, 2, 1));
}

#[test]
fn a_failed_scrape_marks_everything_once_and_the_next_good_one_goes_on() {
    let mut story = Story::new(json!({}));
    story.page("a 1\nb 1\n");
    assert_eq!(story.fails(), ["a stale @2", "b stale @2"]);
    assert_eq!(story.error(), "context deadline exceeded");
    assert_eq!(story.fails(), Vec::<String>::new());
    assert_eq!(story.page("a 2\n"), ["a 2 @4"]);
    assert_eq!(story.counts(), (1, 1, 0));
}

#[test]
fn series_that_come_back_behind_an_empty_page_are_not_added_anew() {
    let mut story = Story::new(json!({}));
    story.page("a 1\nb 1\n");
    assert_eq!(story.last.series_added, 2);
    // No type is asked for, as nothing is read.
    let empty = Scraped::Text {
        content_type: "nobody/knows".to_owned(),
        body: Bytes::new(),
    };
    assert_eq!(story.scrape(Ok(&empty)), ["a stale @2", "b stale @2"]);
    assert_eq!((story.error().as_str(), story.last.total), ("", 0));
    assert_eq!(story.page("a 1\nb 1\nc 1\n").len(), 3);
    assert_eq!(story.last.series_added, 1);
}

#[test]
fn a_page_that_breaks_half_way_writes_nothing_of_itself() {
    let mut story = Story::new(json!({}));
    story.page("a 1\nb 1\n");
    assert_eq!(story.page("a 2\nc 2\nb{ 2\n"), ["a stale @2", "b stale @2"]);
    assert!(!story.error().is_empty());
    assert_eq!(story.page("a 3\nc 3\n"), ["a 3 @3", "c 3 @3"]);
    assert_eq!(story.page("c 4\n"), ["a stale @4", "c 4 @4"]);
}

#[test]
fn a_page_that_changes_its_order_keeps_its_series() {
    let mut story = Story::new(json!({}));
    story.page("a 1\nb 1\nc 1\nd 1\n");
    for page in [
        "d 2\nc 2\nb 2\na 2\n",
        "b 2\nx 2\na 2\nd 2\nc 2\n",
        "a 2\nb 2\nc 2\nd 2\nx 2\n",
    ] {
        let stale: Vec<_> = story
            .page(page)
            .into_iter()
            .filter(|l| l.contains("stale"))
            .collect();
        assert_eq!(stale, Vec::<String>::new(), "{page}");
    }
    assert_eq!(story.counts(), (5, 5, 0));
}

#[test]
fn the_targets_labels_win_or_give_way() {
    let page = "m{job=\"theirs\",exported_job=\"x\",instance=\"\"} 1\n";
    for (honor, expected) in [
        (
            false,
            Labels::from_pairs([
                ("__name__", "m"),
                ("job", "j"),
                ("instance", "i"),
                ("exported_job", "x"),
                ("exported_exported_job", "theirs"),
            ]),
        ),
        // A label without a value keeps the target's away: what the pushgateway relies on.
        (
            true,
            Labels::from_pairs([("__name__", "m"), ("job", "theirs"), ("exported_job", "x")]),
        ),
    ] {
        let mut story = Story::new(json!({"honor_labels": honor}));
        story.page(page);
        assert_eq!(
            story.last.batch.samples[0].labels, expected,
            "honor_labels: {honor}"
        );
    }
}

#[test]
fn relabelling_drops_and_renames_before_the_limits_count() {
    let mut story = Story::new(json!({
        "sample_limit": 1,
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
            {"source_labels": ["__name__"], "regex": "(.*)_old", "target_label": "__name__", "replacement": "$1"},
        ],
    }));
    for _ in 0..2 {
        let found = story.page("go_a 1\nm_old 2\ngo_b 3\n");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("m 2 "), "{found:?}");
        assert_eq!((story.last.total, story.last.added), (3, 1));
    }
}

#[test]
fn a_limit_fails_the_whole_scrape() {
    let long = "x".repeat(60);
    let start = "x".repeat(50);
    for (config, page, message) in [
        (
            json!({"sample_limit": 2}),
            "a 2\nb 2\nc 2\n".to_owned(),
            "sample limit exceeded".to_owned(),
        ),
        (
            json!({"label_limit": 3}),
            "a{b=\"c\"} 1\n".to_owned(),
            "label_limit exceeded (metric: a, number of labels: 4, limit: 3)".to_owned(),
        ),
        (
            json!({"label_name_length_limit": 8}),
            format!("a{{{long}=\"c\"}} 1\n"),
            format!(
                "label_name_length_limit exceeded (metric: a, label name: {start}, length: 60, limit: 8)"
            ),
        ),
        (
            json!({"label_value_length_limit": 8}),
            format!("a{{b=\"{long}\"}} 1\n"),
            format!(
                "label_value_length_limit exceeded (metric: a, label name: b, value: {start:?}, length: 60, limit: 8)"
            ),
        ),
        (
            json!({"metric_name_validation_scheme": "legacy"}),
            "{\"a.b\"} 1\n".to_owned(),
            "invalid metric name or label names: {__name__=\"a.b\", instance=\"i\", job=\"j\"}"
                .to_owned(),
        ),
        (
            json!({"metric_relabel_configs": [{"regex": "__name__", "action": "labeldrop"}]}),
            "b 1\n".to_owned(),
            "missing metric name (__name__ label)".to_owned(),
        ),
    ] {
        let mut story = Story::new(config.clone());
        story.page(&page);
        assert_eq!(
            (story.error(), lines(&story.last.batch)),
            (message, vec![]),
            "{config}"
        );
    }
    let mut story = Story::new(json!({"sample_limit": 2}));
    story.page("a 1\nb 1\n");
    assert_eq!(story.error(), "");
    assert_eq!(story.page("a 2\nb 2\nc 2\n"), ["a stale @2", "b stale @2"]);
    assert_eq!((story.last.total, story.last.added), (3, 3));
}

#[test]
fn explicit_times_are_kept_and_not_marked_stale_unless_asked() {
    let page = "a 1 500000\nb 1\n";
    for (config, first, vanished) in [
        (json!({}), ["a 1 @500", "b 1 @1"], vec!["b stale @2"]),
        (
            json!({"honor_timestamps": false}),
            ["a 1 @1", "b 1 @1"],
            vec!["a stale @2", "b stale @2"],
        ),
        (
            json!({"track_timestamps_staleness": true}),
            ["a 1 @500", "b 1 @1"],
            vec!["a stale @2", "b stale @2"],
        ),
    ] {
        let mut story = Story::new(config.clone());
        assert_eq!(story.page(page), first, "{config}");
        assert_eq!(story.page(""), vanished, "{config}");
        assert_eq!(story.error(), "");
    }
}

#[test]
fn a_sample_far_in_the_future_is_left_out_and_counted() {
    let mut story = Story::new(json!({}));
    assert_eq!(story.page("a 1 601000\nb 1 601001\n"), ["a 1 @601"]);
    assert_eq!(
        (story.last.out_of_bounds, story.error()),
        (1, String::new())
    );
}

#[test]
fn a_line_that_comes_twice_counts_once() {
    let mut story = Story::new(json!({}));
    assert_eq!(story.page("a 1\na 2\na 1 1000\n"), ["a 1 @1", "a 1 @1"]);
    assert_eq!((story.last.duplicates, story.counts()), (1, (3, 3, 1)));
}

#[test]
fn two_lines_for_one_series_are_one_series_when_one_vanishes() {
    let mut story = Story::new(json!({}));
    story.page("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n");
    assert_eq!(story.page("a{y=\"2\",x=\"1\"} 1\n").len(), 1);
    assert_eq!(story.page(""), ["a{x=\"1\", y=\"2\"} stale @3"]);
}

#[test]
fn references_are_learnt_and_rejected_samples_not_tracked() {
    let mut story = Story::new(json!({}));
    story.page("a 1\nb 1\n");
    let rules = Rules {
        config: &story.config,
        options: story.options,
        target: &story.target,
        timeout: story.config.scrape_timeout,
        room: u64::MAX,
    };
    report(
        &mut story.last,
        rules,
        &mut story.memory,
        1000,
        Duration::ZERO,
    );
    let report = AppendReport {
        series: (1..=7).map(SeriesRef).collect(),
        rejected: vec![(1, Rejection::OutOfOrder)],
        created: 7,
        ..AppendReport::default()
    };
    story.memory.learn(&story.last, &report);
    // `b` was rejected, so there is nothing that could become stale.
    assert_eq!(story.page("a 2\n"), ["a 2 @2"]);
    assert_eq!(story.last.batch.samples[0].series, SeriesRef(1));
    let rules = Rules {
        config: &story.config,
        options: story.options,
        target: &story.target,
        timeout: story.config.scrape_timeout,
        room: u64::MAX,
    };
    super::report(
        &mut story.last,
        rules,
        &mut story.memory,
        2000,
        Duration::ZERO,
    );
    let refs: Vec<u64> = story
        .last
        .batch
        .samples
        .iter()
        .map(|s| s.series.0)
        .collect();
    assert_eq!(refs, [1, 3, 4, 5, 6, 7]);
}

#[test]
fn every_scrape_reports_on_itself() {
    let mut story = Story::new(
        json!({"extra_scrape_metrics": true, "scrape_timeout": "3s", "sample_limit": 9}),
    );
    let reported = |story: &mut Story| {
        let rules = Rules {
            config: &story.config,
            options: story.options,
            target: &story.target,
            timeout: story.config.scrape_timeout,
            room: u64::MAX,
        };
        story.last.batch.samples.clear();
        report(
            &mut story.last,
            rules,
            &mut story.memory,
            story.now_ms,
            Duration::from_millis(250),
        );
        let labels = story
            .last
            .batch
            .samples
            .iter()
            .map(|s| s.labels.len())
            .max();
        assert_eq!(labels, Some(3));
        lines(&story.last.batch)
    };
    story.page("a 1\nb 1\n");
    let report = [
        "scrape_body_size_bytes 8 @1",
        "scrape_duration_seconds 0.25 @1",
        "scrape_sample_limit 9 @1",
        "scrape_samples_post_metric_relabeling 2 @1",
        "scrape_samples_scraped 2 @1",
        "scrape_series_added 2 @1",
        "scrape_timeout_seconds 3 @1",
        "up 1 @1",
    ];
    assert_eq!(reported(&mut story), report);
    story.scrape(Err(&ScrapeError::BodySizeLimit));
    let report = reported(&mut story);
    assert_eq!(
        (report[0].as_str(), report[7].as_str()),
        ("scrape_body_size_bytes -1 @2", "up 0 @2")
    );
}

#[test]
fn a_target_that_goes_away_ends_in_stale_marks() {
    let mut story = Story::new(json!({}));
    story.page("a 1\n");
    let rules = Rules {
        config: &story.config,
        options: story.options,
        target: &story.target,
        timeout: story.config.scrape_timeout,
        room: u64::MAX,
    };
    let ended = lines(&end(rules, &mut story.memory, 5000));
    assert_eq!(
        (ended.len(), ended[0].as_str(), ended[5].as_str()),
        (6, "a stale @5", "up stale @5")
    );
    let again = end(rules, &mut story.memory, 6000);
    assert_eq!(again.samples.len(), 5);
}

#[test]
fn new_rules_mark_stale_what_the_old_ones_wrote() {
    let mut story = Story::new(json!({}));
    story.page("a{x=\"1\"} 1\nb 1\n");
    story.config.metric_relabel_configs =
        serde_json::from_value(json!([{"regex": "x", "action": "labeldrop"}])).unwrap();
    story.memory.change_rules();
    assert_eq!(
        story.page("a{x=\"1\"} 2\nb 2\n"),
        ["a 2 @2", "a{x=\"1\"} stale @2", "b 2 @2"]
    );
    story.memory.change_rules();
    assert_eq!(story.fails(), ["a stale @3", "b stale @3"]);
}

#[test]
fn failing_scrapes_that_change_their_labels_do_not_grow_the_memory() {
    let mut story = Story::new(json!({}));
    story.page("a 1\n");
    let mut flushed = 0;
    for round in 0..30 {
        let page: String = (0..100).map(|n| format!("m{round}_{n} 1\n")).collect();
        story.page(&format!("{page}broken{{\n"));
        flushed += u32::from(story.last.cache_flushed);
    }
    assert!(flushed >= 2, "{flushed}");
    assert_eq!(story.page("a 1\n"), ["a 1 @32"]);
    assert_eq!(story.counts(), (1, 1, 0));
}

#[test]
fn a_batch_of_a_plugin_is_treated_as_a_page() {
    let symbols = ["", "m", "help", "job", "theirs", "go_x"]
        .map(str::to_owned)
        .to_vec();
    let family = |name| Family {
        name,
        help: 2,
        unit: 0,
        kind: MetricType::Gauge,
        samples: 1,
    };
    let families = Families::new(
        symbols,
        vec![family(1), family(5)],
        vec![1, 0],
        vec![3, 4],
        vec![f64::NAN, 2.0],
        vec![],
    )
    .unwrap();
    let mut story = Story::new(json!({
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}],
    }));
    for second in 1..3 {
        let found = story.scrape(Ok(&Scraped::Families(families.clone())));
        assert_eq!(
            found,
            [format!("m{{exported_job=\"theirs\"}} NaN @{second}")]
        );
    }
    assert_eq!(story.last.batch.samples[0].value.to_bits(), NORMAL_NAN_BITS);
    assert_eq!(story.counts(), (2, 1, 0));
    assert_eq!(story.fails(), ["m{exported_job=\"theirs\"} stale @3"]);
    let pool = MetadataPool::default();
    let metadata = story.memory.changed_metadata(&pool).unwrap();
    assert_eq!((metadata.len(), metadata[1].help.as_str()), (2, "help"));
    assert_eq!(story.memory.changed_metadata(&pool), None);
}

#[test]
fn what_says_nothing_useful_of_its_type_is_refused_unless_there_is_a_fallback() {
    let page = |content_type: &str| Scraped::Text {
        content_type: content_type.into(),
        body: Bytes::from_static(b"a 1\n"),
    };
    let mut story = Story::new(json!({}));
    story.scrape(Ok(&page("text/html")));
    assert_eq!(
        story.error(),
        "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol specified for target"
    );
    let mut story = Story::new(json!({"fallback_scrape_protocol": "PrometheusText0.0.4"}));
    assert_eq!(story.scrape(Ok(&page("text/html"))), ["a 1 @1"]);
}
