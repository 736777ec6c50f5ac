//! What a URL of a query looks like, and which series an alert has; how alerts come and go is tried with their groups.

use narthex_model::PromDuration;
use narthex_promql::ParseOptions;

use super::*;
use crate::RuleConfig;

#[test]
fn a_query_has_a_url() {
    for (query, part) in [
        ("up", "up"),
        ("up == 0", "up+%3D%3D+0"),
        ("a{b=\"ä\"} / 2", "a%7Bb%3D%22%C3%A4%22%7D+%2F+2"),
        ("x-y_z.~", "x-y_z.~"),
    ] {
        let url = generator_url("http://p/x", query);
        assert_eq!(url, format!("http://p/x/graph?g0.expr={part}&g0.tab=1"));
    }
}

#[test]
fn the_series_of_an_alert_follow_its_state() {
    let config = RuleConfig {
        alert: "A".to_owned(),
        expr: "x".to_owned(),
        hold: PromDuration::from_secs(60),
        labels: [("severity".to_owned(), "page".to_owned())].into(),
        ..RuleConfig::default()
    };
    let rule = Rule::new(&config, &BTreeMap::new(), &ParseOptions::default()).unwrap();
    let labels = Labels::from_pairs([("alertname", "A"), ("i", "1"), ("severity", "page")]);
    let mut state = RuleState {
        is_restored: true,
        ..RuleState::default()
    };
    let alerts = |state: &str| {
        format!(
            "{{__name__=\"ALERTS\", alertname=\"A\", alertstate=\"{state}\", i=\"1\", \
             severity=\"page\"}} 1"
        )
    };
    let since = |seconds: i64| {
        format!(
            "{{__name__=\"ALERTS_FOR_STATE\", alertname=\"A\", i=\"1\", severity=\"page\"}} \
             {seconds}"
        )
    };
    for (now_s, is_given, expected) in [
        (0, true, vec![alerts("pending"), since(0)]),
        (30, true, vec![alerts("pending"), since(0)]),
        (60, true, vec![alerts("firing"), since(0)]),
        (90, true, vec![alerts("firing"), since(0)]),
        (120, false, vec![]),
        (150, true, vec![alerts("pending"), since(150)]),
        (210, true, vec![alerts("firing"), since(150)]),
    ] {
        let given = Given {
            annotations: Annotations::default(),
            value: 1.0,
        };
        let given = is_given.then(|| (labels.clone(), given));
        let given = given.into_iter().collect();
        let written = take(&rule, &mut state, given, now_s * 1000, 0).unwrap();
        let written = written.iter();
        let written: Vec<String> = written
            .map(|(labels, value)| format!("{labels} {value}"))
            .collect();
        assert_eq!(written, expected, "{now_s}");
    }
}

#[test]
fn an_alert_waits_no_longer_because_the_clock_was_set_back() {
    let config = RuleConfig {
        alert: "A".to_owned(),
        expr: "x".to_owned(),
        hold: PromDuration::from_secs(60),
        keep_firing_for: PromDuration::from_secs(60),
        ..RuleConfig::default()
    };
    let rule = Rule::new(&config, &BTreeMap::new(), &ParseOptions::default()).unwrap();
    let labels = Labels::from_pairs([("alertname", "A")]);
    let mut state = RuleState::default();
    for (now_s, is_given, expected) in [
        (3_600, true, AlertState::Pending),
        (0, true, AlertState::Pending),
        (60, true, AlertState::Firing),
        (7_200, false, AlertState::Firing),
        (100, false, AlertState::Firing),
        (160, false, AlertState::Inactive),
    ] {
        let given = Given {
            annotations: Annotations::default(),
            value: 1.0,
        };
        let given = is_given.then(|| (labels.clone(), given));
        take(
            &rule,
            &mut state,
            given.into_iter().collect(),
            now_s * 1000,
            0,
        )
        .unwrap();
        let alert = &state.alerts[&labels];
        assert_eq!(alert.state, expected, "{now_s}");
        // An end before the beginning would be refused by whoever is told.
        let ended_ms = alert.resolved_at_ms.unwrap_or(i64::MAX);
        assert!(alert.fired_at_ms <= Some(ended_ms), "{alert:?}");
    }
}
