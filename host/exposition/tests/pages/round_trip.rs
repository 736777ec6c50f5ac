//! What the writer writes, the parser reads as it was.

use narthex_exposition::write::TextWriter;
use narthex_exposition::{Entry, Families, Family, FamilyMeta, Format, MetricType, Parser};

use crate::page;

const FORMATS: [Format; 2] = [Format::PrometheusText, Format::OpenMetrics];

fn meta(name: &'static str, kind: MetricType) -> FamilyMeta<'static> {
    FamilyMeta {
        name,
        help: "A \"help\" with \\ and\nmore.",
        unit: "",
        kind,
    }
}

fn write(format: Format) -> String {
    let mut writer = TextWriter::new(format);
    writer.family(&meta("hits_total", MetricType::Counter));
    writer.sample(
        "hits_total",
        [("job", "a\\\"\n"), ("empty", "")],
        1.0,
        Some(1_500),
    );
    writer.sample(
        "hits_total",
        [("__name__", "hits_total"), ("x.y", "z")],
        1e6,
        None,
    );
    writer.family(&meta("odd", MetricType::Counter));
    writer.sample("odd", [], f64::NAN, Some(-1));
    writer.family(&FamilyMeta {
        help: "",
        unit: "s",
        ..meta("a.b_s", MetricType::Info)
    });
    writer.sample("a.b_s", [], f64::INFINITY, None);
    writer.sample("a.b_s", [("x", "y")], -0.5, Some(0));
    assert!(!writer.is_empty() && writer.len() > 100);
    writer.finish()
}

#[test]
fn a_page_of_prometheus_text() {
    let expected = r##"# HELP hits_total A "help" with \\ and\nmore.
# TYPE hits_total counter
hits_total{job="a\\\"\n",empty=""} 1 1500
hits_total{"x.y"="z"} 1e+06
# HELP odd A "help" with \\ and\nmore.
# TYPE odd counter
odd NaN -1
# TYPE "a.b_s" untyped
{"a.b_s"} +Inf
{"a.b_s",x="y"} -0.5 0
"##;
    assert_eq!(write(Format::PrometheusText), expected);
}

#[test]
fn a_page_of_open_metrics() {
    let expected = r##"# HELP hits A \"help\" with \\ and\nmore.
# TYPE hits counter
hits_total{job="a\\\"\n",empty=""} 1.0 1.500
hits_total{"x.y"="z"} 1e+06
# HELP odd A \"help\" with \\ and\nmore.
# TYPE odd unknown
odd NaN -0.001
# TYPE "a.b_s" info
# UNIT "a.b_s" s
{"a.b_s"} +Inf
{"a.b_s",x="y"} -0.5 0.000
# EOF
"##;
    assert_eq!(write(Format::OpenMetrics), expected);
    let (entries, error) = page::read(expected.as_bytes(), Format::OpenMetrics);
    assert_eq!((entries.len(), error), (11, None));
}

#[test]
fn a_batch_is_written_family_by_family() {
    let symbols = ["", "up", "Is it up?", "job", "a"]
        .map(str::to_owned)
        .to_vec();
    let family = Family {
        name: 1,
        help: 2,
        unit: 0,
        kind: MetricType::Gauge,
        samples: 2,
    };
    let batch = Families::new(
        symbols,
        vec![family],
        vec![1, 0],
        vec![3, 4],
        vec![1.0, 0.0],
        vec![],
    );
    let mut writer = TextWriter::new(Format::PrometheusText);
    writer.families(&batch.unwrap());
    let expected = "# HELP up Is it up?\n# TYPE up gauge\nup{job=\"a\"} 1\nup 0\n";
    assert_eq!(writer.finish(), expected);
}

/// A generator of the same numbers every time.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ (self.0 >> 29)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        let at = self.below(among.len() as u64);
        among[usize::try_from(at).unwrap_or_default()]
    }

    fn text(&mut self) -> String {
        const CHARACTERS: [char; 16] = [
            'a',
            'B',
            '_',
            '9',
            ':',
            '.',
            ' ',
            '"',
            '\\',
            '\n',
            '{',
            '}',
            ',',
            '=',
            'é',
            '\u{1f600}',
        ];
        let length = 1 + self.below(8);
        (0..length).map(|_| self.pick(&CHARACTERS)).collect()
    }

    fn value(&mut self) -> f64 {
        const EXTREMES: [f64; 6] = [
            0.0,
            -0.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE,
            f64::MAX,
        ];
        match self.below(4) {
            0 => self.below(1000) as f64 / 8.0,
            1 => f64::from_bits(self.next()),
            2 => self.pick(&EXTREMES),
            _ => self.below(1 << 32) as f64 * 1e3,
        }
    }
}

#[test]
fn whatever_is_written_is_read_back() {
    let mut chance = Chance(2);
    for format in FORMATS {
        for _ in 0..5_000 {
            let name = chance.text();
            let mut labels: Vec<(String, String)> = (0..chance.below(4))
                .map(|_| (chance.text(), chance.text()))
                .collect();
            labels.sort();
            labels.dedup_by(|a, b| a.0 == b.0);
            let value = chance.value();
            // Prometheus text cannot be read back with a time before 1970, and OpenMetrics, which
            // has seconds as floats, is exact up to the year 5000 or so.
            let time = i64::try_from(chance.below(1 << 41)).unwrap();
            let timestamp_ms = (chance.below(2) == 0).then_some(time);
            let mut writer = TextWriter::new(format);
            let pairs = labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
            writer.sample(&name, pairs.clone(), value, timestamp_ms);
            let body = writer.finish();
            let entries: Vec<_> = Parser::new(body.as_bytes(), format).collect();
            let [Ok(Entry::Series(series))] = entries.as_slice() else {
                panic!("{body:?} is read as {entries:?}");
            };
            let read = series.labels().unwrap();
            let expected = [("__name__", name.as_str())].into_iter().chain(pairs);
            assert_eq!(
                read,
                narthex_model::Labels::from_pairs(expected),
                "{body:?}"
            );
            let value = if value.is_nan() { f64::NAN } else { value };
            assert!(
                series.value.to_bits() == value.to_bits()
                    || value.is_nan() && series.value.is_nan(),
                "{body:?}"
            );
            assert_eq!(series.timestamp_ms, timestamp_ms, "{body:?}");
        }
    }
}
