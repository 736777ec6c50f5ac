//! Which rules the tests ask for. It is read off the tests and the rules; nothing is evaluated.
//!
//! It is not: whether a test holds, nor how much of a rule's query it reaches.

use std::fmt;

use narthex_model::{METRIC_NAME, Matcher};
use narthex_promql::{ParseOptions, parse};

use super::RuleTest;
use crate::{ALERT_NAME, ALERTS, ALERTS_FOR_STATE, RuleConfig, RuleFile};

/// How a rule is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tested {
    /// No test asks for it.
    No,
    /// Only a rule that is tested reads what it gives.
    ThroughOthers,
    /// An alert test names the alert, or the query of a sample test selects what it gives.
    Directly,
}

/// The rules of some files, and how each is tested. `Display` tells how many are tested directly,
/// and each that is not with its file and group.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    rules: Vec<CoveredRule>,
}

/// A rule.
#[derive(Debug, Clone)]
struct CoveredRule {
    path: String,
    group: String,
    is_alert: bool,
    name: String,
    /// The matchers of each selector of its query.
    reads: Vec<Vec<Matcher>>,
    tested: Tested,
}

/// A rule that no test asks for directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UntestedRule<'c> {
    /// Its file.
    pub path: &'c str,
    /// Its group.
    pub group: &'c str,
    /// `alert` or `record`.
    pub kind: &'static str,
    /// The alert, or the metric that it records.
    pub name: &'c str,
    /// Whether a rule that is tested reads what it gives.
    pub is_read_by_tested: bool,
}

impl Coverage {
    /// Takes the rules of these files in; of a file that was there before nothing changes.
    pub fn add_rules(&mut self, files: &[RuleFile]) {
        for file in files {
            if self.rules.iter().any(|rule| rule.path == file.path) {
                continue;
            }
            for group in &file.groups.groups {
                let rules = group.rules.iter();
                self.rules
                    .extend(rules.map(|rule| CoveredRule::new(&file.path, &group.name, rule)));
            }
        }
    }

    /// Notes what a test asks for, of the rules that it is run with.
    pub fn add_test(&mut self, test: &RuleTest, files: &[RuleFile]) {
        let asked: Vec<Vec<Matcher>> = test
            .promql_expr_test
            .iter()
            .flat_map(|test| selectors(&test.expr))
            .collect();
        let is_of_test = |rule: &CoveredRule| files.iter().any(|file| file.path == rule.path);
        let mut waiting = Vec::new();
        for (at, rule) in self.rules.iter_mut().enumerate() {
            let mut alerts = test.alert_rule_test.iter();
            let is_named = rule.is_alert && alerts.any(|alert| alert.alertname == rule.name);
            let is_selected = asked.iter().any(|matchers| rule.is_read_by(matchers));
            if is_of_test(rule) && (is_named || is_selected) {
                rule.tested = Tested::Directly;
                waiting.push(at);
            }
        }
        // Each rule waits once at most for each that becomes known by it.
        while let Some(reader) = waiting.pop() {
            let Some(reads) = self.rules.get(reader).map(|rule| rule.reads.clone()) else {
                continue;
            };
            for (at, rule) in self.rules.iter_mut().enumerate() {
                let is_read = reads.iter().any(|matchers| rule.is_read_by(matchers));
                if rule.tested == Tested::No && is_of_test(rule) && is_read {
                    rule.tested = Tested::ThroughOthers;
                    waiting.push(at);
                }
            }
        }
    }

    /// How many rules there are, and how many of them are tested directly.
    pub fn counts(&self) -> (usize, usize) {
        let direct = self.rules.iter();
        let direct = direct.filter(|rule| rule.tested == Tested::Directly);
        (self.rules.len(), direct.count())
    }

    /// How many of the rules are tested directly, in percent; all of none.
    pub fn percent(&self) -> f64 {
        match self.counts() {
            (0, _) => 100.0,
            (all, direct) => 100.0 * direct as f64 / all as f64,
        }
    }

    /// The rules that no test asks for directly, in the order of their files.
    pub fn untested(&self) -> impl Iterator<Item = UntestedRule<'_>> {
        let untested = self.rules.iter();
        let untested = untested.filter(|rule| rule.tested != Tested::Directly);
        untested.map(|rule| UntestedRule {
            path: &rule.path,
            group: &rule.group,
            kind: if rule.is_alert { "alert" } else { "record" },
            name: &rule.name,
            is_read_by_tested: rule.tested == Tested::ThroughOthers,
        })
    }
}

impl CoveredRule {
    fn new(path: &str, group: &str, rule: &RuleConfig) -> Self {
        Self {
            path: path.to_owned(),
            group: group.to_owned(),
            is_alert: !rule.alert.is_empty(),
            name: rule.name().to_owned(),
            reads: selectors(&rule.expr),
            tested: Tested::No,
        }
    }

    /// Whether a selector that names a metric finds what the rule writes.
    fn is_read_by(&self, matchers: &[Matcher]) -> bool {
        let of = |label: &'static str| matchers.iter().filter(move |m| m.name() == label);
        // One that names none asks for anything, and so for nothing in particular.
        if of(METRIC_NAME).next().is_none() {
            return false;
        }
        let selects = |metric: &str| of(METRIC_NAME).all(|matcher| matcher.matches(metric));
        match self.is_alert {
            false => selects(&self.name),
            true => {
                let is_alert = selects(ALERTS) || selects(ALERTS_FOR_STATE);
                is_alert && of(ALERT_NAME).all(|matcher| matcher.matches(&self.name))
            }
        }
    }
}

/// The matchers of each selector of a query; none where it cannot be read, which its test says.
fn selectors(query: &str) -> Vec<Vec<Matcher>> {
    let Ok(expr) = parse(query, &ParseOptions::all()) else {
        return Vec::new();
    };
    let found = expr.selectors().into_iter();
    found
        .map(|found| found.selector.matchers.to_vec())
        .collect()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, direct) = self.counts();
        let percent = 100 * direct / all.max(1);
        writeln!(
            f,
            "Coverage: {direct} of {all} rules are tested ({percent} %)"
        )?;
        for rule in self.untested() {
            let tested = match rule.is_read_by_tested {
                true => "only through rules that are",
                false => "not tested",
            };
            let UntestedRule {
                path,
                group,
                kind,
                name,
                ..
            } = rule;
            writeln!(f, "  {path}: {group}: {kind} {name}: {tested}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::tests::{alert, file, group, record};
    use crate::unit_tests::{AlertTest, ExprTest};

    fn rules() -> Vec<RuleFile> {
        vec![file(vec![group(vec![
            record("job:up:sum", "sum by (job) (up)"),
            record("job:up:ratio", "job:up:sum / 2"),
            alert("TooFew", "job:up:ratio < 0.5", 0),
            alert("Other", "other == 0", 0),
            record("alone", "vector(1)"),
        ])])]
    }

    fn shown(test: RuleTest) -> Vec<String> {
        let rules = rules();
        let mut coverage = Coverage::default();
        coverage.add_rules(&rules);
        coverage.add_rules(&rules);
        coverage.add_test(&test, &rules);
        let text = coverage.to_string();
        text.lines()
            .map(|line| {
                let parts: Vec<&str> = line.trim().splitn(3, ": ").collect();
                parts.last().copied().unwrap_or_default().to_owned()
            })
            .collect()
    }

    #[test]
    fn rules_are_tested_in_percent() {
        let mut coverage = Coverage::default();
        assert_eq!(coverage.percent(), 100.0);
        let rules = rules();
        coverage.add_rules(&rules);
        assert_eq!(coverage.percent(), 0.0);
        coverage.add_test(&names("TooFew"), &rules);
        assert_eq!(coverage.percent(), 20.0);
    }

    fn names(alert: &str) -> RuleTest {
        RuleTest {
            alert_rule_test: vec![AlertTest {
                alertname: alert.to_owned(),
                ..AlertTest::default()
            }],
            ..RuleTest::default()
        }
    }

    fn asks(expr: &str) -> RuleTest {
        RuleTest {
            promql_expr_test: vec![ExprTest {
                expr: expr.to_owned(),
                ..ExprTest::default()
            }],
            ..RuleTest::default()
        }
    }

    #[test]
    fn what_a_tested_rule_reads_is_tested_through_it() {
        let shown = shown(names("TooFew"));
        assert_eq!(
            shown[1..],
            [
                "record job:up:sum: only through rules that are",
                "record job:up:ratio: only through rules that are",
                "alert Other: not tested",
                "record alone: not tested",
            ]
        );
    }

    #[test]
    fn a_query_tests_the_rules_that_it_selects() {
        for (expr, direct) in [
            ("sum(job:up:ratio)", vec!["job:up:ratio"]),
            (
                "{__name__=~\"job:up:.*\"}",
                vec!["job:up:sum", "job:up:ratio"],
            ),
            ("ALERTS{alertname=\"Other\"}", vec!["Other"]),
            ("ALERTS", vec!["TooFew", "Other"]),
            ("{job=\"a\"}", vec![]),
            ("up", vec![]),
            ("not ( a query", vec![]),
        ] {
            let lines = shown(asks(expr)).join("\n");
            for name in ["job:up:sum", "job:up:ratio", "TooFew", "Other", "alone"] {
                let is_listed = lines.contains(&format!(" {name}: "));
                assert_eq!(is_listed, !direct.contains(&name), "{expr}: {lines}");
            }
        }
    }

    #[test]
    fn tests_of_several_files_add_up() {
        let rules = rules();
        let mut coverage = Coverage::default();
        coverage.add_rules(&rules);
        for test in [names("TooFew"), names("Other"), asks("alone")] {
            coverage.add_test(&test, &rules);
        }
        assert_eq!(coverage.counts(), (5, 3));
        // A test of other files asks for nothing of these.
        coverage.add_test(&asks("job:up:sum"), &[]);
        assert_eq!(coverage.counts(), (5, 3));
        assert!(
            coverage
                .to_string()
                .starts_with("Coverage: 3 of 5 rules are tested (60 %)\n"),
            "{coverage}"
        );
    }
}
