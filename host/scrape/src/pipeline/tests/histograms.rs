//! Native histograms, converted ones, start timestamps and described series.

use super::*;

/// A protobuf message that is being written.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut number: u64) -> Self {
        while number > 0x7f {
            self.0.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap());
        self
    }

    fn number(self, field: u64, number: u64) -> Self {
        self.varint(field << 3).varint(number)
    }

    fn zigzag(self, field: u64, number: i64) -> Self {
        self.number(field, (number << 1 ^ number >> 63).cast_unsigned())
    }

    fn double(self, field: u64, number: f64) -> Self {
        let mut message = self.varint(field << 3 | 1);
        message.0.extend(number.to_le_bytes());
        message
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    fn with(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    fn label(self, name: &str, value: &str) -> Self {
        let pair = Self::default().bytes(1, name.as_bytes());
        self.with(1, &pair.bytes(2, value.as_bytes()))
    }
}

fn new() -> Message {
    Message::default()
}

fn family(name: &str, kind: u64, metric: &Message) -> Vec<u8> {
    let family = new().bytes(1, name.as_bytes()).number(3, kind);
    let family = family.with(4, metric);
    [new().varint(family.0.len() as u64).0, family.0].concat()
}

fn protobuf(page: &[u8]) -> Scraped {
    Scraped::Text {
        content_type: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
                       encoding=delimited"
            .into(),
        body: Bytes::copy_from_slice(page),
    }
}

fn open_metrics(page: &str) -> Scraped {
    Scraped::Text {
        content_type: "application/openmetrics-text; version=1.0.0".into(),
        body: Bytes::copy_from_slice(page.as_bytes()),
    }
}

/// Classic buckets up to 1 and to infinity, and native ones of schema 1: four, next to each other.
fn both() -> Message {
    let exemplar = new().label("trace_id", "t").double(2, 0.5);
    let exemplar = exemplar.with(3, &new().number(1, 1));
    let bucket = new().number(1, 3).double(2, 1.0).with(3, &exemplar);
    let native = new().number(1, 4).double(2, 5.0).zigzag(5, 1);
    let native = native.with(12, &new().zigzag(1, 1).number(2, 4));
    let native = native.bytes(13, &[2, 0, 0, 0]).with(3, &bucket);
    native.with(15, &new().number(2, 500_000_000))
}

fn histogram_page() -> Vec<u8> {
    family("h", 4, &new().label("x", "1").with(7, &both()))
}

/// The histograms of the last batch.
fn histograms(story: &Story) -> Vec<String> {
    let samples = story.last.batch.histograms.iter();
    samples
        .map(|sample| {
            let labels = sample
                .labels
                .filtered(|name| !matches!(name, "job" | "instance"));
            let time = sample.timestamp_ms;
            format!("{labels} {} @{time}", sample.histogram)
        })
        .collect()
}

const NATIVE: &str = "{count:4, sum:5, (1,1.414213562373095]:1, (1.414213562373095,2]:1, \
                      (2,2.82842712474619]:1, (2.82842712474619,4]:1}";

#[test]
fn a_histogram_is_native_classic_converted_or_two_of_them() {
    let classic = [
        "h_bucket{le=\"+Inf\", x=\"1\"} 4 @1",
        "h_bucket{le=\"1.0\", x=\"1\"} 3 @1",
        "h_count{x=\"1\"} 4 @1",
        "h_sum{x=\"1\"} 5 @1",
    ];
    let native = format!("{{__name__=\"h\", x=\"1\"}} {NATIVE} @1000");
    let converted = "{__name__=\"h\", x=\"1\"} {count:4, sum:5, [-Inf,1]:3, (1,+Inf]:1} @1000";
    for (config, numbers, histogram) in [
        (json!({}), &classic[..], None),
        (
            json!({"scrape_native_histograms": true}),
            &[],
            Some(native.as_str()),
        ),
        (
            json!({"scrape_native_histograms": true, "always_scrape_classic_histograms": true}),
            &classic,
            Some(&native),
        ),
        (
            json!({"convert_classic_histograms_to_nhcb": true}),
            &[],
            Some(converted),
        ),
        (
            json!({
                "convert_classic_histograms_to_nhcb": true,
                "always_scrape_classic_histograms": true,
            }),
            &classic,
            Some(converted),
        ),
        (
            json!({
                "scrape_native_histograms": true,
                "convert_classic_histograms_to_nhcb": true,
            }),
            &[],
            Some(&native),
        ),
    ] {
        let name = config.to_string();
        let mut story = Story::new(config);
        let found = story.scrape(Ok(&protobuf(&histogram_page())));
        assert_eq!(story.error(), "", "{name}");
        assert_eq!(found, numbers, "{name}");
        let expected: Vec<_> = histogram.into_iter().collect();
        assert_eq!(histograms(&story), expected, "{name}");
        let parts = u64::try_from(numbers.len() + expected.len()).unwrap();
        assert_eq!(story.counts(), (parts, parts, parts), "{name}");
        // One for the native histogram, one for the bucket.
        let is_both = numbers.len() == 4 && histogram.is_some();
        let exemplars = &story.last.batch.exemplars;
        assert_eq!(exemplars.len(), if is_both { 2 } else { 1 }, "{name}");
        assert_eq!(exemplars[0].exemplar.timestamp_ms, 1000, "{name}");
        let stale = story.fails();
        assert_eq!(stale.len(), numbers.len() + expected.len(), "{name}");
    }
}

#[test]
fn series_of_protobuf_are_the_same_series_as_those_of_text() {
    let metric = new().label("b", "2").label("a", "1");
    let counter = metric.with(3, &new().double(1, 3.0));
    let quantile = new().double(1, 0.5).double(2, f64::NAN);
    let summary = new().number(1, 1).double(2, 2.0).with(3, &quantile);
    let page = [
        family("c_total", 0, &counter),
        family("s", 2, &new().with(4, &summary)),
    ]
    .concat();
    let mut story = Story::new(json!({}));
    let found = story.scrape(Ok(&protobuf(&page)));
    let text = "# TYPE c_total counter\nc_total{a=\"1\",b=\"2\"} 3\n\
                # TYPE s summary\ns_count 1\ns_sum 2\ns{quantile=\"0.5\"} NaN\n";
    assert_eq!(found, Story::new(json!({})).page(text));
    // The second time no label is looked at, and the page may be text.
    assert_eq!(story.scrape(Ok(&protobuf(&page))).len(), 4);
    assert_eq!(story.counts(), (4, 4, 0));
    let again = story.page(text);
    assert_eq!(again.len(), 4, "{again:?}");
}

#[test]
fn a_histogram_loses_resolution_before_it_breaks_the_limit_on_buckets() {
    let coarser = "{count:4, sum:5, (1,2]:2, (2,4]:2}";
    let coarsest = "{count:4, sum:5, (1,65536]:4}";
    for (fields, expected) in [
        (json!({"native_histogram_bucket_limit": 4}), Ok(NATIVE)),
        (json!({"native_histogram_bucket_limit": 3}), Ok(coarser)),
        (
            json!({"native_histogram_min_bucket_factor": 2.0}),
            Ok(coarser),
        ),
        (
            json!({"native_histogram_min_bucket_factor": 1e9}),
            Ok(coarsest),
        ),
        (
            json!({"sample_limit": 1, "native_histogram_bucket_limit": 1}),
            Ok("{count:4, sum:5, (1,4]:4}"),
        ),
    ] {
        let name = fields.to_string();
        let mut config = fields;
        config["scrape_native_histograms"] = json!(true);
        let mut story = Story::new(config);
        story.scrape(Ok(&protobuf(&histogram_page())));
        let found = match story.error() {
            error if error.is_empty() => Ok(story.last.batch.histograms[0].histogram.to_string()),
            error => Err(error),
        };
        assert_eq!(found, expected.map(str::to_owned), "{name}");
    }
    // Custom buckets have no resolution to lose.
    let mut story = Story::new(json!({
        "convert_classic_histograms_to_nhcb": true, "native_histogram_bucket_limit": 1,
    }));
    let stale = story.scrape(Ok(&protobuf(&histogram_page())));
    assert_eq!(story.error(), "histogram bucket limit exceeded");
    assert!(stale.is_empty() && histograms(&story).is_empty());
    assert_eq!(story.counts(), (1, 1, 0));
}

#[test]
fn a_histogram_that_contradicts_itself_fails_the_scrape() {
    let page = family("h", 4, &new().with(7, &both().number(1, 9)));
    let mut story = Story::new(json!({"scrape_native_histograms": true}));
    story.scrape(Ok(&protobuf(&page)));
    let error = story.error();
    assert!(
        error.starts_with("4 observations found in buckets, but the Count field is 9: "),
        "{error}"
    );
    // A reader of classic histograms does not look at it.
    let mut story = Story::new(json!({}));
    assert_eq!(story.scrape(Ok(&protobuf(&page))).len(), 4);
    let broken = &page[..page.len() - 3];
    story.scrape(Ok(&protobuf(broken)));
    assert_eq!(story.error(), "unexpected EOF");
}

#[test]
fn lines_of_a_classic_histogram_become_one_sample() {
    let page = "# TYPE h histogram\n\
                h_bucket{le=\"1\",x=\"1\"} 2 # {id=\"a\"} 0.5 0.75\n\
                h_bucket{x=\"1\",le=\"+Inf\"} 3 # {id=\"late\"} 5\n\
                h_sum{x=\"1\"} 4\n\
                h_count{x=\"1\"} 3\n\
                h_bucket{le=\"1\",x=\"2\"} 1\n\
                h_count{x=\"2\"} 1.5\n\
                h_other 7\n\
                # TYPE broken histogram\n\
                broken_bucket{le=\"1\"} 5\n\
                broken_bucket{le=\"2\"} 4\n\
                # TYPE g gauge\n\
                g_bucket{le=\"1\"} 1\n\
                # EOF\n";
    let mut story = Story::new(json!({"convert_classic_histograms_to_nhcb": true}));
    for second in 1..3 {
        let found = story.scrape(Ok(&open_metrics(page)));
        assert_eq!(story.error(), "");
        let others = [
            format!("g_bucket{{le=\"1\"}} 1 @{second}"),
            format!("h_other 7 @{second}"),
        ];
        assert_eq!(found, others);
        let time = second * 1000;
        assert_eq!(
            histograms(&story),
            [
                format!(
                    "{{__name__=\"h\", x=\"1\"}} {{count:3, sum:4, [-Inf,1]:2, (1,+Inf]:1}} @{time}"
                ),
                format!(
                    "{{__name__=\"h\", x=\"2\"}} {{count:1.5, sum:0, [-Inf,1]:1, (1,+Inf]:0.5}} @{time}"
                ),
            ]
        );
        let exemplars = &story.last.batch.exemplars;
        assert_eq!(exemplars.len(), 1);
        assert_eq!(exemplars[0].exemplar.labels.get("id"), Some("a"));
    }
    assert_eq!(story.counts(), (4, 4, 0));
    let stale = story.page("");
    assert!(
        stale.contains(&"h{x=\"1\"} stale @3".to_owned()),
        "{stale:?}"
    );
    // With the classic ones kept, all lines are there as well.
    let mut story = Story::new(json!({
        "convert_classic_histograms_to_nhcb": true, "always_scrape_classic_histograms": true,
    }));
    assert_eq!(story.scrape(Ok(&open_metrics(page))).len(), 10);
    assert_eq!(histograms(&story).len(), 2);
}

#[test]
fn a_series_begins_with_a_zero_where_its_counting_began() {
    let page = "# TYPE c counter\n\
                c_total{x=\"1\"} 5\n\
                c_created{x=\"1\"} 0.25\n\
                c_total{x=\"2\"} 6\n\
                # TYPE s summary\n\
                s{quantile=\"0.5\"} 1\n\
                s_count 2\n\
                s_created 0.5\n\
                # TYPE g gauge\n\
                g_created 7\n\
                # EOF\n";
    let mut story = Story::new(json!({}));
    story.options.start_zeros = true;
    let times = |story: &Story| -> Vec<(String, i64, f64)> {
        let samples = story.last.batch.samples.iter();
        samples
            .map(|s| (s.labels.metric_name().to_owned(), s.timestamp_ms, s.value))
            .collect()
    };
    let line = |name: &str, time, value| (name.to_owned(), time, value);
    story.scrape(Ok(&open_metrics(page)));
    assert_eq!(
        times(&story),
        [
            line("c_total", 250, 0.0),
            line("c_total", 1000, 5.0),
            line("c_total", 1000, 6.0),
            line("s", 500, 0.0),
            line("s", 1000, 1.0),
            line("s_count", 500, 0.0),
            line("s_count", 1000, 2.0),
            line("g_created", 1000, 7.0),
        ]
    );
    assert_eq!(story.last.zeros, [0, 3, 5]);
    assert_eq!(story.counts(), (5, 5, 5));
    // The same beginning is written once, a later one again.
    story.scrape(Ok(&open_metrics(page)));
    assert_eq!(times(&story).len(), 5);
    story.scrape(Ok(&open_metrics(&page.replace("0.25", "2.5"))));
    assert_eq!(times(&story)[0], line("c_total", 2500, 0.0));
    // One that is not before the sample is none.
    story.scrape(Ok(&open_metrics(&page.replace("0.25", "9"))));
    assert_eq!(times(&story)[0], line("c_total", 4000, 5.0));
    // Without the feature they are series like any other.
    let mut story = Story::new(json!({}));
    assert_eq!(story.scrape(Ok(&open_metrics(page))).len(), 7);
}

#[test]
fn histograms_and_stored_starts_say_when_counting_began() {
    let config =
        json!({"scrape_native_histograms": true, "always_scrape_classic_histograms": true});
    let mut story = Story::new(config);
    story.options.start_zeros = true;
    story.options.start_timestamps = true;
    story.scrape(Ok(&protobuf(&histogram_page())));
    assert_eq!(
        histograms(&story),
        [
            "{__name__=\"h\", x=\"1\"} {count:0, sum:0} @500".to_owned(),
            format!("{{__name__=\"h\", x=\"1\"}} {NATIVE} @1000"),
        ]
    );
    assert_eq!(story.last.zero_histograms, [0]);
    let starts = &story.last.batch.starts;
    assert_eq!(starts.histograms, [(1, 500)]);
    assert_eq!(starts.samples, [(1, 500), (3, 500), (5, 500), (7, 500)]);
}

#[test]
fn series_say_what_they_are_where_they_are_asked_to() {
    let page = "# TYPE a_seconds counter\n\
                # UNIT a_seconds seconds\n\
                a_seconds_total{__type__=\"theirs\"} 1\n\
                # TYPE b gauge\n\
                b{__unit__=\"theirs\"} 1\n\
                # EOF\n";
    let mut story = Story::new(json!({}));
    story.options.type_and_unit_labels = true;
    assert_eq!(
        story.scrape(Ok(&open_metrics(page))),
        [
            "a_seconds_total{__type__=\"counter\", __unit__=\"seconds\"} 1 @1",
            "b{__type__=\"gauge\"} 1 @1",
        ]
    );
    let found = story.scrape(Ok(&protobuf(&family("g", 1, &new()))));
    assert!(found.contains(&"g{__type__=\"gauge\"} 0 @2".to_owned()));
}
