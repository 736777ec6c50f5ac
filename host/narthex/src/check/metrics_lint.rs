//! What is unusual in the metrics of a page, in the words of promtool.
//!
//! It is not: a check of what a scrape takes. Prometheus takes all of this.

use std::collections::{BTreeMap, BTreeSet};

use narthex_exposition::{Entry, Format, MetricType, ParseError, Parser};
use narthex_model::METRIC_NAME;

/// A metric family of a page, of which linting asks.
#[derive(Debug, Default)]
pub(super) struct Family {
    pub(super) name: String,
    kind: MetricType,
    has_help: bool,
    /// The names of labels of each sample, but for those that are part of the type.
    labels: Vec<Vec<String>>,
    /// For histograms and summaries: each label set with how many buckets or quantiles it has.
    parts: BTreeMap<String, usize>,
    first: Option<String>,
}

impl Family {
    /// How many series it has, as promtool counts them: each label set of a histogram has the
    /// buckets that the first one has.
    pub(super) fn series_count(&self) -> usize {
        match self.kind {
            MetricType::Histogram | MetricType::Summary => {
                let first = self.first.as_ref();
                let parts = first.and_then(|first| self.parts.get(first));
                self.parts.len() * (2 + parts.copied().unwrap_or_default())
            }
            _ => self.labels.len(),
        }
    }
}

/// The families of a page that have samples.
///
/// # Errors
/// The page is none.
pub(super) fn families(page: &[u8]) -> Result<Vec<Family>, ParseError> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for entry in Parser::new(page, Format::PrometheusText) {
        match entry? {
            Entry::Type { metric, kind } => {
                families.entry(metric.into_owned()).or_default().kind = kind;
            }
            Entry::Help { metric, .. } => {
                families.entry(metric.into_owned()).or_default().has_help = true;
            }
            Entry::Unit { .. } => {}
            Entry::Series(series) => {
                let labels: Vec<_> = series.label_pairs().collect();
                let name = labels.iter().find(|(name, _)| name == METRIC_NAME);
                let name = name.map_or("", |(_, value)| value.as_ref());
                let (family, part) = owner(&families, name);
                let family = families.entry(family).or_default();
                let number = match family.kind {
                    MetricType::Histogram => "le",
                    MetricType::Summary => "quantile",
                    _ => METRIC_NAME,
                };
                let own = labels
                    .iter()
                    .filter(|(name, _)| name != METRIC_NAME && name != number);
                let names: Vec<String> = own.clone().map(|(name, _)| name.to_string()).collect();
                if matches!(family.kind, MetricType::Histogram | MetricType::Summary) {
                    let set: BTreeSet<String> = own
                        .map(|(name, value)| format!("{name}={value:?}"))
                        .collect();
                    let set = Vec::from_iter(set).join(",");
                    family.first.get_or_insert_with(|| set.clone());
                    let known = family.parts.contains_key(&set);
                    *family.parts.entry(set).or_default() += usize::from(part);
                    if known {
                        continue;
                    }
                }
                family.labels.push(names);
            }
        }
    }
    let families = families
        .into_iter()
        .map(|(name, family)| Family { name, ..family });
    Ok(families
        .filter(|family| !family.labels.is_empty())
        .collect())
}

/// The family of a sample, and whether the sample is a bucket or a quantile of it.
fn owner(families: &BTreeMap<String, Family>, name: &str) -> (String, bool) {
    let kind = |name: &str| families.get(name).map(|family| family.kind);
    for suffix in ["_bucket", "_sum", "_count"] {
        let Some(base) = name.strip_suffix(suffix) else {
            continue;
        };
        let is_part = match kind(base) {
            Some(MetricType::Histogram) => true,
            Some(MetricType::Summary) => suffix != "_bucket",
            _ => false,
        };
        if is_part && !families.contains_key(name) {
            return (base.to_owned(), suffix == "_bucket");
        }
    }
    (name.to_owned(), kind(name) == Some(MetricType::Summary))
}

/// The problems of all families, each with the metric that has it, in order.
pub(super) fn problems(families: &[Family]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for family in families {
        let problems = of_family(family).into_iter();
        found.extend(problems.map(|problem| (family.name.clone(), problem)));
    }
    found.sort();
    found
}

fn of_family(family: &Family) -> Vec<String> {
    let name = family.name.as_str();
    let lower = name.to_lowercase();
    let kind = family.kind;
    let mut found = Vec::new();
    let mut problem = |is_one: bool, text: &str| {
        if is_one {
            found.push(text.to_owned());
        }
    };
    problem(!family.has_help, "no help text");
    if let Some((unit, base)) = unit(name).filter(|(unit, base)| unit != base) {
        problem(true, &format!("use base unit {base:?} instead of {unit:?}"));
    }
    let is_typed = kind != MetricType::Unknown;
    let is_counter = kind == MetricType::Counter;
    let is_total = name.ends_with("_total");
    problem(
        is_counter && !is_total,
        "counter metrics should have \"_total\" suffix",
    );
    problem(
        is_typed && !is_counter && is_total,
        "non-counter metrics should not have \"_total\" suffix",
    );
    let is_histogram = kind == MetricType::Histogram;
    let is_summary = kind == MetricType::Summary;
    problem(
        is_typed && !is_histogram && name.ends_with("_bucket"),
        "non-histogram metrics should not have \"_bucket\" suffix",
    );
    for suffix in ["_count", "_sum"] {
        problem(
            is_typed && !is_histogram && !is_summary && name.ends_with(suffix),
            &format!("non-histogram and non-summary metrics should not have {suffix:?} suffix"),
        );
    }
    let has_word =
        |word: &str| lower.contains(&format!("_{word}_")) || lower.ends_with(&format!("_{word}"));
    for kind in TYPES {
        problem(
            has_word(kind),
            &format!("metric name should not include type '{kind}'"),
        );
    }
    problem(name.contains(':'), "metric names should not contain ':'");
    problem(
        is_camel(name),
        "metric names should be written in 'snake_case' not 'camelCase'",
    );
    for abbreviation in ABBREVIATIONS {
        problem(
            has_word(abbreviation),
            "metric names should not contain abbreviated units",
        );
    }
    for label in family.labels.iter().flatten() {
        problem(
            is_typed && !is_histogram && label == "le",
            "non-histogram metrics should not have \"le\" label",
        );
        problem(
            is_typed && !is_summary && label == "quantile",
            "non-summary metrics should not have \"quantile\" label",
        );
        problem(
            is_camel(label),
            "label names should be written in 'snake_case' not 'camelCase'",
        );
    }
    found
}

fn is_camel(name: &str) -> bool {
    let bytes = name.as_bytes().windows(2);
    bytes
        .into_iter()
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// Types that a name should not say.
const TYPES: [&str; 5] = [
    "counter",
    "gauge",
    "summary",
    "histogram",
    "gauge_histogram",
];

/// Units, each with the one that should be used in its place.
const UNITS: [(&str, &str); 24] = [
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

const PREFIXES: [&str; 18] = [
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega",
    "mibi", "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

const ABBREVIATIONS: [&str; 14] = [
    "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
];

/// The first unit in a name, as it is written there, and its base.
fn unit(name: &str) -> Option<(&str, &'static str)> {
    let known = |word: &str| {
        UNITS
            .iter()
            .find(|(unit, _)| *unit == word)
            .map(|(_, base)| *base)
    };
    name.split('_').find_map(|word| {
        let with_prefix = || {
            let mut rests = PREFIXES
                .iter()
                .filter_map(|prefix| word.strip_prefix(prefix));
            rests.find_map(known)
        };
        known(word).or_else(with_prefix).map(|base| (word, base))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_named_in_promtools_words() {
        for (page, expected) in [
            (
                "# HELP a_total x\n# TYPE a_total counter\na_total 1\n",
                vec![],
            ),
            ("a 1\n", vec!["a no help text"]),
            (
                "# HELP a x\n# TYPE a counter\na 1\n",
                vec!["a counter metrics should have \"_total\" suffix"],
            ),
            (
                "# HELP a_milliseconds x\na_milliseconds 1\n",
                vec!["a_milliseconds use base unit \"seconds\" instead of \"milliseconds\""],
            ),
            (
                "# HELP aB:c_sum x\n# TYPE aB:c_sum gauge\naB:c_sum{le=\"1\",xY=\"\"} 1\n",
                vec![
                    "aB:c_sum label names should be written in 'snake_case' not 'camelCase'",
                    "aB:c_sum metric names should be written in 'snake_case' not 'camelCase'",
                    "aB:c_sum metric names should not contain ':'",
                    "aB:c_sum non-histogram and non-summary metrics should not have \"_sum\" suffix",
                    "aB:c_sum non-histogram metrics should not have \"le\" label",
                ],
            ),
        ] {
            let families = families(page.as_bytes()).unwrap();
            let found = problems(&families).into_iter();
            let found: Vec<_> = found
                .map(|(metric, text)| format!("{metric} {text}"))
                .collect();
            assert_eq!(found, expected, "{page}");
        }
        assert!(families(b"a{ 1\n").is_err());
    }
}
