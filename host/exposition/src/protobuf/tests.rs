//! Pages made of messages that are written here, field by field.

use super::*;
use crate::classic::ClassicHistogram;

/// A message that is being written.
#[derive(Debug, Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn new() -> Self {
        Self::default()
    }

    fn varint(&mut self, mut number: u64) {
        while number > 0x7f {
            self.0.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap());
    }

    fn tag(mut self, field: u64, wire_type: u64) -> Self {
        self.varint(field << 3 | wire_type);
        self
    }

    fn number(self, field: u64, number: u64) -> Self {
        let mut message = self.tag(field, 0);
        message.varint(number);
        message
    }

    fn zigzag(self, field: u64, number: i64) -> Self {
        self.number(field, (number << 1 ^ number >> 63).cast_unsigned())
    }

    fn double(self, field: u64, number: f64) -> Self {
        let mut message = self.tag(field, 1);
        message.0.extend(number.to_le_bytes());
        message
    }

    fn bytes(self, field: u64, bytes: &[u8]) -> Self {
        let mut message = self.tag(field, 2);
        message.varint(bytes.len() as u64);
        message.0.extend(bytes);
        message
    }

    fn with(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    /// Numbers as one packed field.
    fn packed(self, field: u64, numbers: &[i64]) -> Self {
        let mut packed = Self::new();
        for number in numbers {
            packed.varint((number << 1 ^ number >> 63).cast_unsigned());
        }
        self.with(field, &packed)
    }

    fn delimited(&self) -> Vec<u8> {
        let mut page = Self::new();
        page.varint(self.0.len() as u64);
        [page.0, self.0.clone()].concat()
    }
}

fn family(name: &str, kind: u64) -> Message {
    let message = Message::new().bytes(1, name.as_bytes());
    message.bytes(2, b"help").number(3, kind)
}

fn label(name: &str, value: &str) -> Message {
    Message::new()
        .bytes(1, name.as_bytes())
        .bytes(2, value.as_bytes())
}

fn time(seconds: u64, nanos: u64) -> Message {
    Message::new().number(1, seconds).number(2, nanos)
}

fn span(offset: i64, length: u64) -> Message {
    Message::new().zigzag(1, offset).number(2, length)
}

fn bucket(upper: f64, count: u64) -> Message {
    Message::new().number(1, count).double(2, upper)
}

/// What a page says, one line an entry, and the error at its end.
fn read(page: &[u8]) -> (Vec<String>, String) {
    let mut parser = ProtobufParser::new(page);
    let mut lines = Vec::new();
    loop {
        match parser.next_entry() {
            Ok(None) => return (lines, String::new()),
            Err(error) => return (lines, error.to_string()),
            Ok(Some(ProtobufEntry::Family(meta))) => {
                let kind = meta.kind.as_str();
                lines.push(format!(
                    "{} {kind} {:?} {:?}",
                    meta.name, meta.help, meta.unit
                ));
            }
            Ok(Some(ProtobufEntry::Metric(meta, metric))) => {
                describe(meta.name, metric, &mut lines)
            }
        }
    }
}

fn describe(name: &str, metric: &Metric<'_>, lines: &mut Vec<String>) {
    let labels: Vec<String> = metric
        .label_pairs()
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let labels = labels.join(",");
    let times = match (metric.timestamp_ms(), metric.start_ms()) {
        (None, None) => String::new(),
        (at, from) => format!(" at {at:?} from {from:?}"),
    };
    if metric.is_native_histogram() {
        match metric.native_histogram() {
            Ok(native) => lines.push(format!("{name}{{{labels}}} {native}{times}")),
            Err(error) => lines.push(error.to_string()),
        }
        for exemplar in metric.native_exemplars() {
            lines.push(shown(exemplar));
        }
        if !metric.has_classic_buckets() {
            return;
        }
    }
    for sample in metric.samples() {
        let number = sample.number.map_or(String::new(), |(label, number)| {
            format!(",{label}={number}")
        });
        let suffix = sample.suffix;
        let value = sample.value;
        lines.push(format!("{name}{suffix}{{{labels}{number}}} {value}{times}"));
        lines.extend(sample.exemplar.map(shown));
    }
}

fn shown(exemplar: &MetricExemplar<'_>) -> String {
    let labels = exemplar.labels().unwrap();
    format!("# {labels} {} {:?}", exemplar.value, exemplar.timestamp_ms)
}

fn check(messages: &[Message], expect: &[&str]) {
    let page: Vec<u8> = messages.iter().flat_map(Message::delimited).collect();
    let (lines, error) = read(&page);
    assert_eq!(error, "");
    assert_eq!(lines, expect);
}

#[test]
fn numbers_have_labels_times_and_exemplars() {
    let exemplar = Message::new()
        .with(1, &label("trace_id", "a"))
        .double(2, 0.5)
        .with(3, &time(7, 5_999_999));
    let counter = Message::new()
        .double(1, 3.0)
        .with(2, &exemplar)
        .with(3, &time(1, 250_000_000));
    let counted = Message::new()
        .with(1, &label("b", "2"))
        .with(1, &label("a", "1"))
        .with(3, &counter)
        .number(6, 9000);
    let gauge = Message::new().with(2, &Message::new().double(1, -1.5));
    let untyped = Message::new().with(5, &Message::new().double(1, f64::INFINITY));
    check(
        &[
            // The unit comes after the metrics, and is that of the name.
            family("spent_seconds_total", 0)
                .with(4, &counted)
                .bytes(5, b"seconds"),
            family("empty", 0),
            family("warm", 1).with(4, &gauge).with(4, &gauge),
            family("any", 3).with(4, &untyped),
            // A gauge that is none is 0.
            family("cold", 1).with(4, &untyped),
        ],
        &[
            "spent_seconds_total counter \"help\" \"seconds\"",
            "spent_seconds_total{b=2,a=1} 3 at Some(9000) from Some(1250)",
            "# {trace_id=\"a\"} 0.5 Some(7005)",
            "warm gauge \"help\" \"\"",
            "warm{} -1.5",
            "warm{} -1.5",
            "any unknown \"help\" \"\"",
            "any{} inf",
            "cold gauge \"help\" \"\"",
            "cold{} 0",
        ],
    );
}

#[test]
fn summaries_and_classic_histograms_are_several_series() {
    let quantile = Message::new().double(1, 0.5).double(2, 4.0);
    let summary = Message::new()
        .number(1, 2)
        .double(2, 8.0)
        .with(3, &quantile);
    let whole = Message::new()
        .number(1, 6)
        .double(2, 7.0)
        .with(3, &bucket(1.0, 2))
        .with(3, &bucket(f64::INFINITY, 6))
        .with(3, &bucket(3.0, 9));
    let open = Message::new()
        .double(4, 2.5)
        .with(3, &Message::new().double(2, 1.0).double(4, 1.5));
    check(
        &[
            family("s", 2).with(4, &Message::new().with(4, &summary)),
            family("h", 4)
                .with(4, &Message::new().with(7, &whole))
                .with(4, &Message::new().with(7, &open)),
        ],
        &[
            "s summary \"help\" \"\"",
            "s_count{} 2",
            "s_sum{} 8",
            "s{,quantile=0.5} 4",
            "h histogram \"help\" \"\"",
            "h_count{} 6",
            "h_sum{} 7",
            "h_bucket{,le=1} 2",
            "h_bucket{,le=inf} 6",
            "h_count{} 2.5",
            "h_sum{} 0",
            "h_bucket{,le=1} 1.5",
            "h_bucket{,le=inf} 2.5",
        ],
    );
}

/// A native histogram of integers with three buckets above zero and one below.
fn native() -> Message {
    Message::new()
        .number(1, 9)
        .double(2, 5.0)
        .zigzag(5, 0)
        .double(6, 0.25)
        .number(7, 1)
        .with(9, &span(1, 1))
        .packed(10, &[2])
        .with(12, &span(-1, 2))
        .with(12, &span(1, 1))
        .packed(13, &[1, 1, 1])
}

#[test]
fn native_histograms_are_integers_or_floats_and_may_be_gauges() {
    let shown = "{count:9, sum:5, [-2,-1):2, [-0.25,0.25]:1, (0.25,0.5]:1, (0.5,1]:2, (2,4]:3}";
    let exemplar = |at: bool| {
        let exemplar = Message::new().with(1, &label("id", "x")).double(2, 1.5);
        if at {
            exemplar.with(3, &time(2, 0))
        } else {
            exemplar
        }
    };
    let with_exemplars = native()
        .with(15, &time(1, 0))
        .with(16, &exemplar(false))
        .with(16, &exemplar(true));
    let both = native().with(3, &bucket(1.0, 6).with(3, &exemplar(true)));
    let floats = Message::new()
        .double(4, 2.0)
        .zigzag(5, 0)
        .with(12, &span(0, 2))
        .double(14, 0.5)
        .double(14, 1.25);
    let nothing = Message::new().with(12, &span(0, 0));
    let line = |rest: &str| format!("h{{}} {rest}");
    check(
        &[
            family("h", 4)
                .with(4, &Message::new().with(7, &with_exemplars))
                .with(4, &Message::new().with(7, &both))
                .with(4, &Message::new().with(7, &nothing)),
            family("h", 5).with(4, &Message::new().with(7, &floats)),
        ],
        &[
            "h histogram \"help\" \"\"",
            &line(&format!("{shown} at None from Some(1000)")),
            "# {id=\"x\"} 1.5 Some(2000)",
            &line(shown),
            "# {id=\"x\"} 1.5 Some(2000)",
            "h_count{} 9",
            "h_sum{} 5",
            "h_bucket{,le=1} 6",
            "# {id=\"x\"} 1.5 Some(2000)",
            "h_bucket{,le=inf} 9",
            &line("{count:0, sum:0}"),
            "h gaugehistogram \"help\" \"\"",
            &line("{count:2, sum:0, (0.5,1]:0.5, (1,2]:1.25}"),
        ],
    );
}

#[test]
fn a_schema_that_is_too_fine_is_made_coarser() {
    let fine = Message::new()
        .number(1, 2)
        .zigzag(5, 9)
        .with(12, &span(1, 2))
        .packed(13, &[1, 0]);
    let page = family("h", 4)
        .with(4, &Message::new().with(7, &fine))
        .delimited();
    let mut parser = ProtobufParser::new(&page);
    parser.next_entry().unwrap();
    let Ok(Some(ProtobufEntry::Metric(_, metric))) = parser.next_entry() else {
        panic!("no metric");
    };
    let native = metric.native_histogram().unwrap();
    assert_eq!(native.schema, 8);
    assert_eq!(native.positive.iter().collect::<Vec<_>>(), [(1, 2.0)]);
}

#[test]
fn histograms_that_contradict_themselves_say_where() {
    for (histogram, fault) in [
        (
            native().number(1, 8),
            "9 observations found in buckets, but the Count field is 8: histogram's observation \
             count should equal the number of observations found in the buckets (in absence of \
             NaN)",
        ),
        (
            native().number(1, 8).double(2, f64::NAN),
            "9 observations found in buckets, but the Count field is 8: histogram's observation \
             count should be at least the number of observations found in the buckets",
        ),
        (
            native().with(12, &span(0, 1)),
            "positive side: spans need 4 buckets, have 3 buckets: histogram spans specify \
             different number of buckets than provided",
        ),
        (
            native().with(12, &span(-1, 0)),
            "positive side: span number 3 with offset -1: histogram has a span whose offset is \
             negative",
        ),
        (
            native().packed(13, &[-9]).with(12, &span(0, 1)),
            "positive side: bucket number 4 has observation count of -6: histogram has a bucket \
             whose observation count is negative",
        ),
        (
            native().with(12, &span(i64::from(i32::MAX), 0)),
            "positive side: histogram has a bucket whose index does not fit into 32 bits",
        ),
        (
            native().zigzag(5, -5),
            "histogram has an invalid schema, which must be between -4 and 8 for exponential \
             buckets, or -53 for custom buckets, got schema -5",
        ),
        (
            native().with(12, &span(0, u64::from(u32::MAX))),
            "positive side: spans need 4294967298 buckets, have 3 buckets: histogram spans \
             specify different number of buckets than provided",
        ),
    ] {
        let metric = Message::new().with(7, &histogram);
        let page = family("h", 4).with(4, &metric).delimited();
        let (lines, error) = read(&page);
        assert_eq!((lines[1].as_str(), error.as_str()), (fault, ""));
    }
}

#[test]
fn classic_buckets_become_custom_ones() {
    let histogram = Message::new()
        .number(1, 6)
        .double(2, 7.0)
        .with(3, &bucket(1.0, 2))
        .with(3, &bucket(2.0, 3));
    let page = family("h", 4)
        .with(4, &Message::new().with(7, &histogram))
        .delimited();
    let mut parser = ProtobufParser::new(&page);
    parser.next_entry().unwrap();
    let Ok(Some(ProtobufEntry::Metric(_, metric))) = parser.next_entry() else {
        panic!("no metric");
    };
    assert!(!metric.is_native_histogram());
    let mut classic = ClassicHistogram::default();
    metric.classic_histogram(&mut classic);
    assert_eq!(
        classic.convert().unwrap().to_string(),
        "{count:6, sum:7, [-Inf,1]:2, (1,2]:1, (2,+Inf]:3}"
    );
}

#[test]
fn a_page_that_breaks_the_rules_ends_in_an_error() {
    let gauge = Message::new().with(2, &Message::new().double(1, 1.0));
    let labelled = |pair: &Message| gauge.clone().with(1, pair);
    for (message, error) in [
        (Message::new().with(4, &gauge), "invalid metric name: \"\""),
        (
            Message::new().bytes(1, b"a\xff").with(4, &gauge),
            "invalid metric name: \"a\\xff\"",
        ),
        (
            family("a", 9).with(4, &gauge),
            "unknown metric type for metric \"a\": 9",
        ),
        (
            Message::new()
                .bytes(1, b"a")
                .bytes(2, b"\xff")
                .with(4, &gauge),
            "invalid help for metric \"a\": no valid UTF-8",
        ),
        (
            family("a_bytes", 1).with(4, &gauge).bytes(5, b"seconds"),
            "unit \"seconds\" not a suffix of metric \"a_bytes\"",
        ),
        (
            family("seconds_total", 0)
                .with(4, &gauge)
                .bytes(5, b"seconds"),
            "unit \"seconds\" not a suffix of counter \"seconds_total\"",
        ),
        (
            family("a", 1).with(4, &labelled(&label("", "x"))),
            "invalid label name: \"\" in a",
        ),
        (
            family("a", 1).with(
                4,
                &labelled(&Message::new().bytes(1, b"l").bytes(2, b"\xff")),
            ),
            "proto: field 2 is not valid UTF-8 in a",
        ),
        (
            family("a", 1).with(4, &Message::new().number(2, 1)),
            "proto: wrong wire type for field 2 in a",
        ),
    ] {
        assert_eq!(read(&message.delimited()).1, error);
    }
    let page = family("a", 1).with(4, &gauge).delimited();
    for end in 1..page.len() {
        assert_eq!(read(&page[..end]).1, "unexpected EOF", "{end}");
    }
}

#[test]
fn what_is_repeated_has_a_bound() {
    let many = |field, count, item: &Message| {
        let one = Message::new().with(field, item);
        Message(one.0.repeat(count))
    };
    let labels = many(1, LABELS_MAX + 1, &label("a", ""));
    assert_eq!(
        read(&family("a", 1).with(4, &labels).delimited()).1,
        "more than 16384 labels in a"
    );
    let too_many = "more buckets, quantiles or exemplars than a metric may have in h";
    for histogram in [
        many(3, BUCKETS_MAX + 1, &Message::new()),
        many(12, BUCKETS_MAX + 1, &Message::new()),
        many(16, BUCKETS_MAX + 1, &Message::new()),
        Message::new().bytes(13, &vec![0; BUCKETS_MAX + 1]),
        Message::new().bytes(11, &vec![0; 8 * (BUCKETS_MAX + 1)]),
    ] {
        let page = family("h", 4).with(4, &Message::new().with(7, &histogram));
        assert_eq!(read(&page.delimited()).1, too_many);
    }
    let summary = many(3, QUANTILES_MAX + 1, &Message::new());
    let page = family("h", 2).with(4, &Message::new().with(4, &summary));
    assert_eq!(read(&page.delimited()).1, too_many);
}

#[test]
fn damaged_pages_do_no_harm() {
    let page = [
        family("h", 4)
            .with(4, &Message::new().with(7, &native()))
            .delimited(),
        family("a", 0)
            .with(4, &Message::new().with(3, &Message::new().double(1, 1.0)))
            .delimited(),
    ]
    .concat();
    for at in 0..page.len() {
        for bit in 0..8 {
            let mut damaged = page.clone();
            damaged[at] ^= 1 << bit;
            // It ends, and without a panic; what it says is not the question.
            let _ = read(&damaged);
        }
    }
}
