//! Checks a config and makes what runs of it. All that is wrong is told at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use narthex_model::{MatchOp, Matcher};

use super::integration::{exclusive, integrations};
use super::kinds::{GLOBAL, GLOBAL_DEFAULTS, GLOBAL_EXCLUSIVE};
use super::{Config, ConfigFault, InhibitRuleConfig, Integration, RouteConfig, Settings};
use crate::inhibit::InhibitRule;
use crate::matchers::{self, MatcherMode};
use crate::route::{GroupBy, Route, Routes};
use crate::time_interval::{NamedTimeIntervals, TimeInterval};

/// An alert that nobody says the end of is resolved after this time.
const RESOLVE_TIMEOUT_DEFAULT_MS: i64 = 5 * 60 * 1000;

/// What a root says where it says nothing: 30 s, 5 min and 4 h, as Alertmanager.
const GROUP_WAIT_DEFAULT_MS: i64 = 30 * 1000;
const GROUP_INTERVAL_DEFAULT_MS: i64 = 5 * 60 * 1000;
const REPEAT_INTERVAL_DEFAULT_MS: i64 = 4 * 60 * 60 * 1000;

/// A routing tree may have this many nodes: each posted alert is compared with all of them.
const ROUTES_MAX: usize = 10_000;

/// What runs.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) routes: Arc<Routes>,
    pub(crate) inhibit_rules: Vec<InhibitRule>,
    /// Names and integrations, in the order of the config.
    pub(crate) receivers: Vec<(String, Vec<Integration>)>,
    pub(crate) time_intervals: BTreeMap<String, Vec<TimeInterval>>,
    pub(crate) resolve_timeout_ms: i64,
}

impl Config {
    /// Checks it, and makes what runs.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(crate) fn resolve(&self, mode: MatcherMode) -> Result<Resolved, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        let global = self.global_settings(&mut faults);
        let time_intervals = self.named_intervals(&mut faults);
        let receivers = self.resolve_receivers(&global, &mut faults);
        let names: BTreeSet<&str> = receivers.iter().map(|found| found.0.as_str()).collect();
        let mut builder = TreeBuilder {
            mode,
            receivers: &names,
            intervals: &time_intervals,
            nodes: Vec::new(),
            faults: Vec::new(),
        };
        match &self.route {
            None => builder.fault("", "no route provided in config"),
            Some(root) => builder.root(root),
        }
        let routes = Routes::new(builder.nodes);
        faults.extend(builder.faults);
        let rules = self.inhibit_rules.iter().enumerate();
        let rules = rules.filter_map(|(at, rule)| {
            let pointer = format!("/inhibit_rules/{at}");
            inhibit_rule(rule, mode, &pointer, &mut faults)
        });
        let inhibit_rules = rules.collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let timeout = self.global.duration("resolve_timeout");
        Ok(Resolved {
            routes: Arc::new(routes),
            inhibit_rules,
            receivers,
            time_intervals,
            resolve_timeout_ms: timeout.map_or(RESOLVE_TIMEOUT_DEFAULT_MS, |timeout| {
                timeout.as_millis_i64()
            }),
        })
    }

    /// Checks a config that nothing is to run with.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check(&self, mode: MatcherMode) -> Result<(), Vec<ConfigFault>> {
        self.resolve(mode).map(drop)
    }

    /// All integrations of all receivers, each with the name of its receiver.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn integrations(
        &self,
        mode: MatcherMode,
    ) -> Result<Vec<(String, Integration)>, Vec<ConfigFault>> {
        let receivers = self.resolve(mode)?.receivers.into_iter();
        let each = receivers.flat_map(|(name, integrations)| {
            let each = integrations.into_iter();
            each.map(move |integration| (name.clone(), integration))
        });
        Ok(each.collect())
    }

    /// `global`, its defaults filled in.
    fn global_settings(&self, faults: &mut Vec<ConfigFault>) -> Settings {
        let mut found = self.global.faults(GLOBAL, &[]);
        found.extend(exclusive(&self.global, GLOBAL_EXCLUSIVE));
        faults.extend(
            found
                .into_iter()
                .map(|text| ConfigFault::new("/global", text)),
        );
        let mut global = self.global.clone();
        for (name, value) in GLOBAL_DEFAULTS {
            if global.get(name).is_none() {
                global.set(name, (*value).into());
            }
        }
        if global.get("smtp_require_tls").is_none() {
            global.set("smtp_require_tls", true.into());
        }
        global
    }

    fn named_intervals(
        &self,
        faults: &mut Vec<ConfigFault>,
    ) -> BTreeMap<String, Vec<TimeInterval>> {
        let mut named = BTreeMap::new();
        for (section, what, list) in [
            (
                "mute_time_intervals",
                "mute time interval",
                &self.mute_time_intervals,
            ),
            ("time_intervals", "time interval", &self.time_intervals),
        ] {
            for (at, entry) in list.iter().enumerate() {
                let pointer = format!("/{section}/{at}");
                let NamedTimeIntervals {
                    name,
                    time_intervals,
                } = entry;
                if name.is_empty() {
                    faults.push(ConfigFault::new(
                        &pointer,
                        format!("missing name in {what}"),
                    ));
                }
                let mut intervals = Vec::new();
                for (at, interval) in time_intervals.iter().enumerate() {
                    match interval.resolve() {
                        Ok(interval) => intervals.push(interval),
                        Err(text) => {
                            let pointer = format!("{pointer}/time_intervals/{at}");
                            faults.push(ConfigFault::new(pointer, text));
                        }
                    }
                }
                if named.insert(name.clone(), intervals).is_some() {
                    let text = format!("{what} {name:?} is not unique");
                    faults.push(ConfigFault::new(&pointer, text));
                }
            }
        }
        named
    }

    fn resolve_receivers(
        &self,
        global: &Settings,
        faults: &mut Vec<ConfigFault>,
    ) -> Vec<(String, Vec<Integration>)> {
        let (mut receivers, mut names) = (Vec::new(), BTreeSet::new());
        for (at, receiver) in self.receivers.iter().enumerate() {
            let pointer = format!("/receivers/{at}");
            let name = &receiver.name;
            if name.is_empty() {
                faults.push(ConfigFault::new(&pointer, "missing name in receiver"));
            } else if !names.insert(name) {
                let text = format!("notification config name {name:?} is not unique");
                faults.push(ConfigFault::new(&pointer, text));
            }
            let mut found = integrations(receiver, global, &pointer, faults);
            let files = found
                .iter_mut()
                .flat_map(|integration| integration.http.http_files());
            for file in files.filter(|file| !file.is_empty()) {
                *file = self.folder.join(&*file).display().to_string();
            }
            receivers.push((name.clone(), found));
        }
        receivers
    }
}

/// Makes the nodes of the tree, each behind the one that it lies in.
struct TreeBuilder<'a> {
    mode: MatcherMode,
    receivers: &'a BTreeSet<&'a str>,
    intervals: &'a BTreeMap<String, Vec<TimeInterval>>,
    nodes: Vec<Route>,
    faults: Vec<ConfigFault>,
}

impl TreeBuilder<'_> {
    fn fault(&mut self, pointer: &str, text: impl Into<String>) {
        self.faults.push(ConfigFault::new(pointer, text));
    }

    fn root(&mut self, root: &RouteConfig) {
        let has_matchers =
            !root.equal.is_empty() || !root.regex.is_empty() || !root.matchers.is_empty();
        for (is_wrong, text) in [
            (
                root.receiver.is_empty(),
                "root route must specify a default receiver",
            ),
            (has_matchers, "root route must not have any matchers"),
            (
                !root.mute_time_intervals.is_empty(),
                "root route must not have any mute time intervals",
            ),
            (
                !root.active_time_intervals.is_empty(),
                "root route must not have any active time intervals",
            ),
            (root.continues, "cannot have continue in root route"),
        ] {
            if is_wrong {
                self.fault("/route", text);
            }
        }
        let parent = Route {
            matchers: Vec::new(),
            receiver: String::new(),
            group_by: GroupBy::Labels(Vec::new()),
            group_wait_ms: GROUP_WAIT_DEFAULT_MS,
            group_interval_ms: GROUP_INTERVAL_DEFAULT_MS,
            repeat_interval_ms: REPEAT_INTERVAL_DEFAULT_MS,
            mute_time_intervals: Vec::new(),
            active_time_intervals: Vec::new(),
            continues: false,
            key: String::new(),
            routes: Vec::new(),
        };
        self.node(root, &parent, "/route");
    }

    /// Adds a node and what lies in it, and says where it is.
    fn node(&mut self, config: &RouteConfig, parent: &Route, pointer: &str) -> usize {
        let mut node = parent.clone();
        node.routes = Vec::new();
        node.matchers = self.matchers(config, pointer);
        let slash = if parent.key.is_empty() { "" } else { "/" };
        let shown = matchers::Shown(&node.matchers);
        node.key = format!("{}{slash}{shown}", parent.key);
        if !config.receiver.is_empty() {
            node.receiver.clone_from(&config.receiver);
            if !self.receivers.contains(config.receiver.as_str()) {
                let text = format!("undefined receiver {:?} used in route", config.receiver);
                self.fault(pointer, text);
            }
        }
        self.group_by(config, &mut node, pointer);
        let set = |to: &mut i64, from: Option<narthex_model::PromDuration>| {
            if let Some(duration) = from {
                *to = duration.as_millis_i64();
            }
        };
        set(&mut node.group_wait_ms, config.group_wait);
        set(&mut node.group_interval_ms, config.group_interval);
        set(&mut node.repeat_interval_ms, config.repeat_interval);
        if node.group_interval_ms == 0 {
            self.fault(pointer, "group_interval cannot be zero");
        }
        if node.repeat_interval_ms == 0 {
            self.fault(pointer, "repeat_interval cannot be zero");
        }
        // Those of the parent do not hold here.
        node.mute_time_intervals
            .clone_from(&config.mute_time_intervals);
        node.active_time_intervals
            .clone_from(&config.active_time_intervals);
        node.continues = config.continues;
        let named = config.mute_time_intervals.iter();
        for name in named.chain(&config.active_time_intervals) {
            if !self.intervals.contains_key(name) {
                let text = format!("undefined time interval {name:?} used in route");
                self.fault(pointer, text);
            }
        }
        let at = self.nodes.len();
        if at >= ROUTES_MAX {
            let text = format!("the routing tree has over {ROUTES_MAX} routes");
            self.fault(pointer, text);
            return at;
        }
        self.nodes.push(node.clone());
        for (index, config) in config.routes.iter().enumerate() {
            let child = self.node(config, &node, &format!("{pointer}/routes/{index}"));
            if let Some(node) = self.nodes.get_mut(at) {
                node.routes.push(child);
            }
        }
        at
    }

    fn group_by(&mut self, config: &RouteConfig, node: &mut Route, pointer: &str) {
        // An empty list says nothing, so the parent's holds.
        if config.group_by.is_empty() {
            return;
        }
        let is_all = config.group_by.iter().any(|name| name == "...");
        let mut names = Vec::new();
        for name in config.group_by.iter().filter(|name| *name != "...") {
            if !self.mode.is_label_name(name) {
                let text = format!("invalid label name {name:?} in group_by list");
                self.fault(pointer, text);
            } else if names.contains(name) {
                self.fault(pointer, format!("duplicated label {name:?} in group_by"));
            } else {
                names.push(name.clone());
            }
        }
        names.sort();
        node.group_by = match (is_all, names.is_empty()) {
            (true, true) => GroupBy::All,
            (false, _) => GroupBy::Labels(names),
            (true, false) => {
                let text =
                    "cannot have wildcard group_by (`...`) and other labels at the same time";
                self.fault(pointer, text);
                GroupBy::All
            }
        };
    }

    fn matchers(&mut self, config: &RouteConfig, pointer: &str) -> Vec<Matcher> {
        for name in config.equal.keys() {
            if !narthex_model::is_classic_label_name(name) {
                self.fault(pointer, format!("invalid label name {name:?}"));
            }
        }
        let read = read_matchers(self.mode, &config.equal, &config.regex, &config.matchers);
        let mut read = read.unwrap_or_else(|text| {
            self.fault(pointer, text);
            Vec::new()
        });
        matchers::sort(&mut read);
        read
    }
}

fn read_matchers(
    mode: MatcherMode,
    equal: &BTreeMap<String, String>,
    regex: &BTreeMap<String, String>,
    lines: &[String],
) -> Result<Vec<Matcher>, String> {
    let mut read = Vec::new();
    read.extend(
        equal
            .iter()
            .map(|(name, value)| Matcher::equal(name, value)),
    );
    for (name, value) in regex {
        let matcher = Matcher::new(name, MatchOp::Regex, value);
        matcher.map_err(|error| error.to_string())?;
        // Anchored once more, as keys of groups show it.
        let matcher = Matcher::new(name, MatchOp::Regex, format!("^(?:{value})$"));
        read.push(matcher.map_err(|error| error.to_string())?);
    }
    for line in lines {
        let found = mode.parse(line).map_err(|error| error.to_string())?;
        read.extend(found);
    }
    Ok(read)
}

fn inhibit_rule(
    config: &InhibitRuleConfig,
    mode: MatcherMode,
    pointer: &str,
    faults: &mut Vec<ConfigFault>,
) -> Option<InhibitRule> {
    type Texts = BTreeMap<String, String>;
    let mut read = |equal: &Texts, regex: &Texts, lines: &[String]| {
        let read = read_matchers(mode, equal, regex, lines);
        read.map_err(|text| faults.push(ConfigFault::new(pointer, text)))
            .ok()
    };
    let source = read(
        &config.source_match,
        &config.source_match_re,
        &config.source_matchers,
    );
    let target = read(
        &config.target_match,
        &config.target_match_re,
        &config.target_matchers,
    );
    for name in &config.equal {
        if !mode.is_label_name(name) {
            let text = format!("invalid label name {name:?} in equal list");
            faults.push(ConfigFault::new(pointer, text));
        }
    }
    Some(InhibitRule::new(source?, target?, config.equal.clone()))
}
