//! What the plugin and the exporter say of one server, and whether it is the same.

use std::collections::{BTreeMap, BTreeSet};

use narthex_tests::{Narthex, http, peers, sorted, until};
use serde_json::{Map, Value};

/// Families that tell of the exporter and not of the server.
const OF_THE_EXPORTER: &str = "redis_exporter_.*|redis_target_scrape_request_errors_total|\
     redis_last_key_groups_scrape_duration_milliseconds";

/// What a client sees of itself while it asks, by what stands in a series' labels: such series
/// have to be there, with whatever value. Commands of the two scrapers change their own quantiles.
const OF_THE_ASKER: [&str; 5] = [
    "\"redis_mem",
    "\"redis_allocator_",
    "\"redis_client_recent_",
    "\"redis_connected_clients",
    "\"quantile\"",
];

/// The server's clock and its start are whole seconds of two clocks.
const OF_THE_CLOCK: &str = "\"redis_start_time_seconds";

/// How far a value may lie outside of what the exporter saw in the same seconds, as a part of it:
/// CPU time and calls move with each scrape.
const MOVEMENT: f64 = 0.25;

/// How long the two may take until they agree: a plugin is compiled first, which takes its time on a
/// machine that is busy with other tests.
pub(super) const WAIT_SECONDS: u64 = 300;

/// A series by its name and labels, and its value.
pub(super) type Expected<'a> = (&'a str, &'a [(&'a str, &'a str)], f64);

/// The values of each series in the last seconds, without the labels that a scraper adds.
pub(super) type Values = BTreeMap<String, Vec<f64>>;

fn values(narthex: &Narthex, job: &str) -> Result<Values, String> {
    let selector =
        format!("{{job=\"{job}\",__name__=~\"redis_.*\",__name__!~\"{OF_THE_EXPORTER}\"}}[10s]");
    let data = narthex.api(&format!("query?query={}", http::encode(&selector)))?;
    let mut values = Values::new();
    for series in data["result"].as_array().ok_or("no result")? {
        let mut labels = series["metric"].clone();
        for added in ["job", "instance"] {
            labels.as_object_mut().ok_or("no labels")?.remove(added);
        }
        let points = series["values"].as_array().ok_or("no values")?.iter();
        let points =
            points.map(|point| point[1].as_str().unwrap_or("").parse().unwrap_or(f64::NAN));
        values.insert(sorted(&labels), points.collect());
    }
    Ok(values)
}

/// A server, and the two that ask it: the jobs `NAME` and `NAME-exporter`.
pub(super) struct Pair<'a> {
    pub(super) name: &'a str,
    /// The `plugin_config`, as YAML between braces.
    pub(super) config: &'a str,
    pub(super) server: &'a peers::Peer,
    pub(super) exporter: &'a peers::Peer,
}

impl Pair<'_> {
    pub(super) fn jobs(&self) -> String {
        format!(
            "- job_name: {name}\n  plugin: redis\n  plugin_config: {{{config}}}\n  \
             static_configs: [{{targets: ['{server}']}}]\n\
             - job_name: {name}-exporter\n  static_configs: [{{targets: ['{exporter}']}}]\n",
            name = self.name,
            config = self.config,
            server = self.server.address(),
            exporter = self.exporter.address()
        )
    }

    /// Waits until all series of the exporter are there with values that agree.
    pub(super) fn agree(&self, narthex: &Narthex) -> Agreement {
        let what = format!("{}: values that agree", self.name);
        let agreement = until(WAIT_SECONDS, &what, || self.once(narthex));
        println!(
            "{}: all {} series of the exporter, {} of {} equal to the digit, {} beyond them",
            self.name,
            agreement.theirs.len(),
            agreement.exact,
            agreement.compared,
            agreement.ours.len() - agreement.theirs.len()
        );
        // Most of what a server with no other clients has to say stands still.
        assert!(agreement.exact * 2 > agreement.compared);
        agreement
    }

    fn once(&self, narthex: &Narthex) -> Result<Agreement, String> {
        let ours = values(narthex, self.name)?;
        let theirs = values(narthex, &format!("{}-exporter", self.name))?;
        let scrapes = |of: &Values| of.values().map(Vec::len).max().unwrap_or(0);
        if scrapes(&theirs) < 4 || scrapes(&ours) < 4 {
            return Err("fewer than four scrapes".to_owned());
        }
        let missing = theirs.keys().filter(|labels| !ours.contains_key(*labels));
        let missing: Vec<_> = missing.collect();
        if theirs.len() < 50 || !missing.is_empty() {
            return Err(format!(
                "of {} the plugin has not {missing:#?}",
                theirs.len()
            ));
        }
        let (mut wrong, mut exact, mut compared) = (Vec::new(), 0, 0);
        for (labels, theirs) in &theirs {
            if OF_THE_ASKER.iter().any(|part| labels.contains(part)) {
                continue;
            }
            compared += 1;
            let latest = ours[labels].last().copied().unwrap_or(f64::NAN);
            let least = theirs.iter().copied().fold(f64::INFINITY, f64::min);
            let most = theirs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            // What stands still for both of them is the same, to the digit.
            let still = least == most
                && ours[labels].iter().all(|value| *value == latest)
                && !labels.contains(OF_THE_CLOCK);
            let one_more = if most.fract() == 0.0 { 1.0 } else { 0.0 };
            let slack = if still {
                0.0
            } else {
                MOVEMENT * most.abs() + one_more
            };
            exact += usize::from(least == latest && latest == most);
            if !(least - slack..=most + slack).contains(&latest) {
                wrong.push(format!("{labels}: {latest}, the exporter says {theirs:?}"));
            }
        }
        match wrong.is_empty() {
            true => Ok(Agreement {
                ours,
                theirs,
                exact,
                compared,
            }),
            false => Err(format!("{wrong:#?}")),
        }
    }
}

/// What both say.
pub(super) struct Agreement {
    pub(super) ours: Values,
    pub(super) theirs: Values,
    exact: usize,
    compared: usize,
}

impl Agreement {
    /// Checks values that the test has made sure of, in what both say.
    pub(super) fn assert_both(&self, expected: &[Expected]) {
        for (name, labels, expected) in expected {
            for of in [&self.ours, &self.theirs] {
                let series = series(name, labels);
                let found = of.get(&series).and_then(|values| values.last());
                assert_eq!(found, Some(expected), "{series}");
            }
        }
    }

    /// Checks that the plugin has families which the exporter has not.
    pub(super) fn assert_beyond(&self, expected: &[&str]) {
        let beyond: BTreeSet<&str> = self.ours.keys().map(|labels| family(labels)).collect();
        let theirs: BTreeSet<&str> = self.theirs.keys().map(|labels| family(labels)).collect();
        for name in expected {
            assert!(!theirs.contains(name), "the exporter has {name}");
            assert!(beyond.contains(name), "no {name}");
        }
    }
}

/// A series as [`sorted`] prints it.
pub(super) fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut all = Map::new();
    all.insert("__name__".to_owned(), Value::from(name));
    for (name, value) in labels {
        all.insert((*name).to_owned(), Value::from(*value));
    }
    sorted(&Value::Object(all))
}

/// The name of a series that [`sorted`] has printed; it has no quotes in it.
pub(super) fn family(labels: &str) -> &str {
    let (_, behind) = labels.split_once("\"__name__\":\"").unwrap();
    behind.split('"').next().unwrap()
}
