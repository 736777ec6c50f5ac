//! What `--enable-feature` switches on. The names are Prometheus'.

use std::collections::BTreeMap;

use narthex_alertmanager::MatcherMode;
use narthex_api::FeatureList;
use narthex_promql::ParseOptions;
use narthex_remote::OtlpDelta;
use narthex_scrape::ScrapeOptions;

/// The features that are switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Features {
    /// The grammar.
    pub(crate) parse: ParseOptions,
    /// Names are dropped when a query is done.
    pub(crate) delayed_name_removal: bool,
    /// Queries may count their samples at each step.
    pub(crate) per_step_stats: bool,
    /// Scrapes write `__type__` and `__unit__`, and queries tell a counter by it.
    pub(crate) type_and_unit_labels: bool,
    /// Queries look at start timestamps.
    pub(crate) use_start_timestamps: bool,
    /// What becomes of OTLP that counts from point to point.
    pub(crate) otlp_delta: OtlpDelta,
    /// The files of the config are followed.
    pub(crate) auto_reload_config: bool,
    /// Exemplars are kept.
    pub(crate) exemplar_storage: bool,
    /// Rules of a group that read nothing of each other are evaluated at the same time.
    pub(crate) concurrent_rules: bool,
    /// What scrapes do besides.
    pub(crate) scrape: ScrapeOptions,
    /// Which grammar the Alertmanager's matchers have.
    pub(crate) matchers: MatcherMode,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            parse: ParseOptions {
                // On by default since Prometheus 3.14; the name of the feature is still taken.
                duration_expressions: true,
                ..ParseOptions::default()
            },
            delayed_name_removal: false,
            per_step_stats: false,
            type_and_unit_labels: false,
            use_start_timestamps: false,
            otlp_delta: OtlpDelta::Refused,
            auto_reload_config: false,
            exemplar_storage: false,
            concurrent_rules: false,
            scrape: ScrapeOptions::default(),
            matchers: MatcherMode::default(),
        }
    }
}

/// Features that Prometheus does not start with at the same time.
const DELTAS: [&str; 2] = ["otlp-deltatocumulative", "otlp-native-delta-ingestion"];

impl Features {
    /// Says what does not fit together, in Prometheus' words.
    pub(crate) fn check(names: &[String]) -> Result<(), String> {
        let is_on = |feature: &&str| names.iter().any(|name| name == feature);
        match DELTAS.iter().all(is_on) {
            true => Err(format!(
                "cannot enable {} and {} features at the same time",
                DELTAS[0], DELTAS[1]
            )),
            false => Ok(()),
        }
    }

    /// Switches on what is named. What has no effect, or only some, is told in `notes`.
    pub(crate) fn read(names: &[String], notes: &mut Vec<String>) -> Self {
        let mut features = Self::default();
        let mut note = |name: &str, text: &str| {
            notes.push(format!("--enable-feature={name} {text}"));
        };
        for name in names {
            match name.as_str() {
                "promql-experimental-functions" => features.parse.experimental_functions = true,
                "promql-extended-range-selectors" => {
                    features.parse.extended_range_selectors = true;
                }
                "promql-binop-fill-modifiers" => features.parse.binop_fill_modifiers = true,
                "promql-delayed-name-removal" => features.delayed_name_removal = true,
                "promql-per-step-stats" => features.per_step_stats = true,
                "type-and-unit-labels" => {
                    features.type_and_unit_labels = true;
                    features.scrape.type_and_unit_labels = true;
                }
                "use-start-timestamps" => features.use_start_timestamps = true,
                "st-storage" => features.scrape.start_timestamps = true,
                "created-timestamp-zero-ingestion" => features.scrape.start_zeros = true,
                "extra-scrape-metrics" => features.scrape.extra_scrape_metrics = true,
                "otlp-native-delta-ingestion" => features.otlp_delta = OtlpDelta::Native,
                "otlp-deltatocumulative" => features.otlp_delta = OtlpDelta::Accumulated,
                "auto-reload-config" => features.auto_reload_config = true,
                "exemplar-storage" => features.exemplar_storage = true,
                // Alertmanager's.
                "classic-mode" => features.matchers = MatcherMode::Classic,
                "utf8-strict-mode" => features.matchers = MatcherMode::Utf8Strict,
                "concurrent-rule-eval" => features.concurrent_rules = true,
                // The one is part of the language by now, the other is done at each stop.
                "promql-duration-expr" | "memory-snapshot-on-shutdown" | "" => {}
                _ => note(name, "has no effect"),
            }
        }
        if features.use_start_timestamps && !features.scrape.start_timestamps {
            note("use-start-timestamps", "finds none without st-storage");
        }
        features
    }
}

/// What finds targets here: with a plugin that comes with the binary, or without one.
const DISCOVERIES: [&str; 7] = [
    "consul",
    "dns",
    "docker",
    "file",
    "http",
    "kubernetes",
    "static",
];

impl Features {
    /// What of these `/api/v1/features` shows, and what is there or not whatever the flags say.
    pub(crate) fn list(&self) -> FeatureList {
        let absent = narthex_discovery::ABSENT_MECHANISMS.map(|name| (name, false));
        let discoveries = DISCOVERIES.map(|name| (name, true));
        let delta = self.otlp_delta;
        FeatureList::from([
            (
                "otlp_receiver",
                BTreeMap::from([
                    ("delta_conversion", delta == OtlpDelta::Accumulated),
                    ("native_delta_ingestion", delta == OtlpDelta::Native),
                ]),
            ),
            (
                "prometheus",
                BTreeMap::from([("auto_reload_config", self.auto_reload_config)]),
            ),
            (
                "rules",
                BTreeMap::from([
                    ("concurrent_rule_eval", self.concurrent_rules),
                    ("keep_firing_for", true),
                    ("query_offset", true),
                ]),
            ),
            (
                "scrape",
                BTreeMap::from([
                    ("extra_scrape_metrics", self.scrape.extra_scrape_metrics),
                    ("start_timestamp_zero_ingestion", self.scrape.start_zeros),
                    ("type_and_unit_labels", self.type_and_unit_labels),
                ]),
            ),
            (
                "service_discovery_providers",
                absent.into_iter().chain(discoveries).collect(),
            ),
            (
                "tsdb",
                BTreeMap::from([
                    ("delayed_compaction", false),
                    ("exemplar_storage", self.exemplar_storage),
                    ("isolation", true),
                    ("native_histograms", true),
                    ("st_storage", self.scrape.start_timestamps),
                    ("use_uncached_io", false),
                ]),
            ),
            ("ui", BTreeMap::from([("ui_v2", false), ("ui_v3", true)])),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_switches_its_feature_on() {
        type Read = fn(&Features) -> bool;
        let features: [(&str, Read); 17] = [
            ("promql-experimental-functions", |f| {
                f.parse.experimental_functions
            }),
            ("promql-extended-range-selectors", |f| {
                f.parse.extended_range_selectors
            }),
            ("promql-binop-fill-modifiers", |f| {
                f.parse.binop_fill_modifiers
            }),
            ("promql-delayed-name-removal", |f| f.delayed_name_removal),
            ("promql-per-step-stats", |f| f.per_step_stats),
            ("type-and-unit-labels", |f| f.type_and_unit_labels),
            ("use-start-timestamps", |f| f.use_start_timestamps),
            ("otlp-native-delta-ingestion", |f| {
                f.otlp_delta == OtlpDelta::Native
            }),
            ("otlp-deltatocumulative", |f| {
                f.otlp_delta == OtlpDelta::Accumulated
            }),
            ("auto-reload-config", |f| f.auto_reload_config),
            ("exemplar-storage", |f| f.exemplar_storage),
            ("concurrent-rule-eval", |f| f.concurrent_rules),
            ("st-storage", |f| f.scrape.start_timestamps),
            ("created-timestamp-zero-ingestion", |f| f.scrape.start_zeros),
            ("classic-mode", |f| f.matchers == MatcherMode::Classic),
            ("utf8-strict-mode", |f| {
                f.matchers == MatcherMode::Utf8Strict
            }),
            ("extra-scrape-metrics", |f| f.scrape.extra_scrape_metrics),
        ];
        for (name, is_on) in features {
            let mut notes = Vec::new();
            assert!(!is_on(&Features::default()), "{name}");
            assert!(
                is_on(&Features::read(&[name.to_owned()], &mut notes)),
                "{name}"
            );
            assert!(!notes.iter().any(|n| n.ends_with("no effect")), "{name}");
        }
    }

    #[test]
    fn deltas_are_added_up_or_stored_as_they_are() {
        let both = DELTAS.map(str::to_owned);
        let error = Features::check(&both).unwrap_err();
        assert!(error.ends_with("features at the same time"), "{error}");
        assert_eq!(Features::check(&both[1..]), Ok(()));
    }

    #[test]
    fn duration_expressions_need_no_feature_and_others_are_told() {
        let names = ["promql-duration-expr", "", "auto-gomemlimit"].map(str::to_owned);
        let mut notes = Vec::new();
        let features = Features::read(&names, &mut notes);
        assert_eq!(features, Features::default());
        assert!(features.parse.duration_expressions);
        assert_eq!(notes, ["--enable-feature=auto-gomemlimit has no effect"]);
    }
}
