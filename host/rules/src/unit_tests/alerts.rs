//! Which alerts fire at the times of a test, and which are expected.

use narthex_model::Labels;

use super::text::{self, AlertText, indented};
use super::{AlertTest, Run};
use crate::{ALERT_NAME, AlertState, RuleKind};

/// How far what is expected and found is moved to the right.
const INDENT: &str = "            ";

impl Run<'_> {
    /// Compares for all times from this evaluation on to the next one.
    pub(super) fn check_alerts(&self, now_ms: i64, failures: &mut Vec<String>) {
        let mut tests: Vec<&AlertTest> = self.test.alert_rule_test.iter().collect();
        let times = now_ms..now_ms.saturating_add(self.interval_ms);
        tests.retain(|test| times.contains(&test.eval_time.as_millis_i64()));
        tests.sort_by_key(|test| test.eval_time);
        for test in tests {
            let (expected, found) = (expected(test), self.firing(&test.alertname));
            if expected == found {
                continue;
            }
            let name = match self.test.name.is_empty() {
                true => String::new(),
                false => format!("    name: {},\n", self.test.name),
            };
            let (alert, time) = (&test.alertname, test.eval_time);
            let (expected, found) = (text::alerts(&expected), text::alerts(&found));
            let compared = match self.options.style.diff(&expected, &found, INDENT) {
                Some(diff) => format!("diff:{diff}"),
                None => {
                    let expected = indented(&expected, INDENT);
                    format!("exp:{expected}, \n        got:{}", indented(&found, INDENT))
                }
            };
            failures.push(format!(
                "{name}    alertname: {alert}, time: {time}, \n        {compared}"
            ));
        }
    }

    /// What fires of all rules of a name.
    fn firing(&self, name: &str) -> Vec<AlertText> {
        let mut firing = Vec::new();
        for rule in self.set.groups().iter().flat_map(|group| group.rules()) {
            if rule.name() != name || !matches!(rule.kind(), RuleKind::Alerting { .. }) {
                continue;
            }
            let alerts = rule.status().alerts.into_iter();
            let alerts = alerts.filter(|alert| alert.state == AlertState::Firing);
            firing.extend(alerts.map(|alert| AlertText {
                annotations: (*alert.annotations).clone(),
                labels: alert.labels,
            }));
        }
        firing.sort();
        firing
    }
}

fn expected(test: &AlertTest) -> Vec<AlertText> {
    let alerts = test.exp_alerts.iter().map(|alert| {
        let mut labels = alert.exp_labels.clone();
        labels.insert(ALERT_NAME.to_owned(), test.alertname.clone());
        AlertText {
            labels: Labels::from_pairs(&labels),
            annotations: alert.exp_annotations.clone(),
        }
    });
    let mut alerts: Vec<AlertText> = alerts.collect();
    alerts.sort();
    alerts
}
