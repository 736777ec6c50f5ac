//! Inhibition: an alert that fires mutes others that are about the same.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use narthex_model::{Labels, Matcher};

use crate::alert::{Alert, Fingerprint};
use crate::matchers::accept;

/// A rule: a source that fires mutes the targets that have the same values of some labels.
#[derive(Debug, Clone)]
pub(crate) struct InhibitRule {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    /// Sorted. A label that both lack is equal.
    equal: Vec<String>,
}

impl InhibitRule {
    pub(crate) fn new(source: Vec<Matcher>, target: Vec<Matcher>, mut equal: Vec<String>) -> Self {
        equal.sort();
        equal.dedup();
        Self {
            source,
            target,
            equal,
        }
    }
}

/// The sources of one rule, by the labels that have to be equal.
type Sources = HashMap<Labels, Alike>;

/// Sources that agree in those labels. Whether one of them fires is what the one says that ends last,
/// so that each target costs the same, however many sources there are.
#[derive(Debug, Default)]
struct Alike {
    /// When each ends.
    ends: HashMap<Fingerprint, i64>,
    /// Those that are sources only, by when they end.
    sources: BTreeSet<(i64, Fingerprint)>,
    /// Those that are targets as well.
    both: BTreeSet<(i64, Fingerprint)>,
}

impl Alike {
    /// Takes note of a source, as it is now.
    fn note(&mut self, fingerprint: Fingerprint, ends_at_ms: i64, is_target: bool) {
        if let Some(before_ms) = self.ends.insert(fingerprint, ends_at_ms) {
            self.of(is_target).remove(&(before_ms, fingerprint));
        }
        self.of(is_target).insert((ends_at_ms, fingerprint));
    }

    /// Labels decide whether it is a target, so a source never changes its place.
    fn of(&mut self, is_target: bool) -> &mut BTreeSet<(i64, Fingerprint)> {
        match is_target {
            true => &mut self.both,
            false => &mut self.sources,
        }
    }

    /// Those that tell whether a target is muted: of each kind the one that ends last.
    fn last(&self, with_both: bool) -> impl Iterator<Item = (i64, Fingerprint)> {
        let both = self.both.last().filter(|_| with_both);
        self.sources.last().into_iter().chain(both).copied()
    }

    /// Forgets those that are resolved; only those are looked at. Whether any is left comes back.
    fn clean(&mut self, now_ms: i64) -> bool {
        for set in [&mut self.sources, &mut self.both] {
            while let Some((ends_at_ms, _)) = set.first()
                && *ends_at_ms <= now_ms
            {
                if let Some((_, fingerprint)) = set.pop_first() {
                    self.ends.remove(&fingerprint);
                }
            }
        }
        !self.ends.is_empty()
    }
}

/// The rules, and what mutes now.
#[derive(Debug, Default)]
pub(crate) struct Inhibitor {
    rules: Vec<(InhibitRule, Sources)>,
}

impl Inhibitor {
    pub(crate) fn new(rules: Vec<InhibitRule>) -> Self {
        let rules = rules.into_iter().map(|rule| (rule, Sources::new()));
        Self {
            rules: rules.collect(),
        }
    }

    /// Takes note of an alert, as it is now.
    pub(crate) fn note(&mut self, alert: &Arc<Alert>) {
        for (rule, sources) in &mut self.rules {
            if accept(&rule.source, &alert.labels) {
                let equal = alert.labels.keep(&rule.equal);
                let is_target = accept(&rule.target, &alert.labels);
                let alike = sources.entry(equal).or_default();
                alike.note(alert.fingerprint(), alert.ends_at_ms, is_target);
            }
        }
    }

    /// The alert that mutes another one, where there is any.
    pub(crate) fn muted_by(&self, labels: &Labels, now_ms: i64) -> Option<Fingerprint> {
        self.rules.iter().find_map(|(rule, sources)| {
            if !accept(&rule.target, labels) {
                return None;
            }
            // An alert that is source and target does not mute its like, nor itself.
            let is_source = accept(&rule.source, labels);
            let alike = sources.get(&labels.keep(&rule.equal))?;
            let mut last = alike.last(!is_source);
            let firing = last.find(|(ends_at_ms, _)| *ends_at_ms > now_ms);
            firing.map(|(_, fingerprint)| fingerprint)
        })
    }

    /// Forgets what is resolved.
    pub(crate) fn clean(&mut self, now_ms: i64) {
        for (_, sources) in &mut self.rules {
            sources.retain(|_, alike| alike.clean(now_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::matchers::MatcherMode;

    fn rule(source: &str, target: &str, equal: &[&str]) -> InhibitRule {
        let read = |text| MatcherMode::Classic.parse(text).unwrap();
        let equal = equal.iter().map(ToString::to_string).collect();
        InhibitRule::new(read(source), read(target), equal)
    }

    fn labels(text: &str) -> Labels {
        Labels::from_pairs(text.split(',').filter_map(|pair| pair.split_once('=')))
    }

    fn alert(text: &str, ends_at_ms: i64) -> Arc<Alert> {
        Arc::new(Alert {
            labels: labels(text),
            annotations: BTreeMap::new(),
            starts_at_ms: 0,
            ends_at_ms,
            updated_at_ms: 0,
            is_timeout: false,
            generator_url: String::new(),
        })
    }

    #[test]
    fn sources_mute_targets_that_are_alike() {
        for (rule, source, target, is_muted) in [
            (rule("s=1", "t=1", &[]), "s=1", "t=1", true),
            (rule("s=1", "t=1", &[]), "s=2", "t=1", false),
            (rule("s=1", "t=1", &[]), "s=1", "t=2", false),
            (rule("s=1", "t=1", &["e"]), "s=1,e=x", "t=1,e=x", true),
            (rule("s=1", "t=1", &["e"]), "s=1,e=x", "t=1,e=y", false),
            (rule("s=1", "t=1", &["e"]), "s=1,e=x", "t=1", false),
            // Both lack it.
            (rule("s=1", "t=1", &["e"]), "s=1", "t=1", true),
            (
                rule("s=1", "t=1", &["f", "e"]),
                "s=1,e=x,f=y",
                "t=1,e=x,f=y",
                true,
            ),
            (
                rule("s=1", "t=1", &["f", "e"]),
                "s=1,e=x,f=y",
                "t=1,e=x,f=z",
                false,
            ),
            (rule("s=~1|2", "t!=1", &[]), "s=2", "t=3", true),
            // Itself, and one that is both as it is.
            (rule("a=~x|y", "a=~y|z", &[]), "a=y", "a=y", false),
            (rule("a=~x|y", "a=~y|z", &[]), "a=y", "a=z", true),
            (rule("a=~x|y", "a=~y|z", &[]), "a=x", "a=y", true),
            // Without matchers all are sources and targets.
            (rule("", "", &[]), "a=1", "b=1", false),
        ] {
            let mut inhibitor = Inhibitor::new(vec![rule.clone()]);
            let source = alert(source, 1000);
            inhibitor.note(&source);
            let muted = inhibitor.muted_by(&labels(target), 500);
            let expected = is_muted.then(|| source.fingerprint());
            assert_eq!(muted, expected, "{rule:?} {} {target}", source.labels);
            // It is over.
            assert_eq!(inhibitor.muted_by(&labels(target), 1000), None);
        }
    }

    #[test]
    fn a_source_that_is_resolved_mutes_no_more_and_is_forgotten() {
        let mut inhibitor = Inhibitor::new(vec![rule("s=1", "t=1", &[])]);
        inhibitor.note(&alert("s=1", 1000));
        inhibitor.note(&alert("s=1", 100));
        assert_eq!(inhibitor.muted_by(&labels("t=1"), 500), None);
        // It comes again.
        inhibitor.note(&alert("s=1", 1000));
        assert!(inhibitor.muted_by(&labels("t=1"), 500).is_some());
        inhibitor.clean(500);
        assert!(inhibitor.muted_by(&labels("t=1"), 500).is_some());
        inhibitor.clean(1000);
        assert!(inhibitor.rules[0].1.is_empty());
    }

    #[test]
    fn a_target_costs_the_same_however_many_sources_are_alike() {
        // Sources, and targets that are sources as well; all but two have ended.
        let mut inhibitor = Inhibitor::new(vec![rule("s=~1|2", "t=~.+", &["e"])]);
        for n in 0..1000 {
            inhibitor.note(&alert(&format!("s=1,e=x,n={n}"), 10 + n));
            inhibitor.note(&alert(&format!("s=2,t=1,e=x,n={n}"), 10 + n));
        }
        let firing = [alert("s=1,e=x,n=5", 5000), alert("s=2,t=1,e=x,n=7", 6000)];
        firing.iter().for_each(|source| inhibitor.note(source));
        let alike = &inhibitor.rules[0].1[&labels("e=x")];
        assert_eq!(alike.ends.len(), 2000);
        assert_eq!(
            (alike.last(false).count(), alike.last(true).count()),
            (1, 2)
        );
        let muted = |target: &str, now_ms: i64| inhibitor.muted_by(&labels(target), now_ms);
        let [source, both] = [&firing[0], &firing[1]].map(|alert| Some(alert.fingerprint()));
        assert_eq!(muted("t=1,e=x", 4000), source);
        assert_eq!(muted("t=1,e=x", 5000), both);
        assert_eq!(muted("t=1,e=x", 6000), None);
        // One that is both is muted by sources only.
        assert_eq!(muted("s=1,t=1,e=x", 4000), source);
        assert_eq!(muted("s=1,t=1,e=x", 5000), None);
        inhibitor.clean(4000);
        assert_eq!(inhibitor.rules[0].1[&labels("e=x")].ends.len(), 2);
        inhibitor.clean(6000);
        assert!(inhibitor.rules[0].1.is_empty());
    }
}
