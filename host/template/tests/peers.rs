//! Debian's promtool and amtool expand the same templates to the same texts.
//!
//! They are older than what we follow: cases that use what they do not know are left out by name.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where its data is broken"
)]

mod cases;
mod sources;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use cases::{Case, cases};
use narthex_model::LabelsBuilder;
use narthex_template::alertmanager::{Functions, Templates};
use narthex_template::prometheus::{AlertData, AlertTemplate, Expander};
use narthex_template::{Limits, Time};
use sources::{Rule, groups, rules};

/// What Prometheus 2.42 and Go 1.19 do not have, and queries, for which the server would need the
/// series.
const NOT_IN_PROMTOOL: [&str; 8] = [
    "toDuration",
    "urlQueryEscape",
    "now",
    "query",
    "else with",
    "range 3",
    "{{ $t.Format",
    "pathPrefix",
];

fn run(command: &mut Command) -> String {
    let output = command.output().expect("Debian's program is installed");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// A text in the quotes of YAML, which are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// Each case expanded for an alert of the series `x`, as promtool makes it of the rule's data.
fn expanded(rule: &Rule, case: &Case) -> String {
    let mut labels = LabelsBuilder::from_labels(&rule.labels);
    labels.remove("alertname").set("__name__", "x");
    let data = AlertData::new(
        &labels.build(),
        &rule.external_labels,
        &rule.external_url,
        rule.value.clone(),
    );
    let expander = Expander::new(rule, 0, &rule.external_url);
    match AlertTemplate::new("Test", &case.text).expand(&data, &expander) {
        Ok(text) => text,
        Err(error) => format!("<error expanding template: {error}>"),
    }
}

/// Rules with an alert whose annotations are the cases, and a test that expects what we make of
/// them.
fn test_of(name: &str, rule: &Rule, cases: &[&Case], folder: &Path) -> std::path::PathBuf {
    let (mut annotations, mut expected) = (String::new(), String::new());
    for (place, case) in cases.iter().enumerate() {
        let _ = writeln!(annotations, "      c{place}: {}", quoted(&case.text));
        let text = expanded(rule, case);
        let _ = writeln!(expected, "        c{place}: {}", quoted(&text));
    }
    let rules_file = folder.join(format!("{name}.rules.yml"));
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - alert: Test\n    expr: x\n    annotations:\n{annotations}"
    );
    std::fs::write(&rules_file, rules).unwrap();
    let pairs = |labels: &narthex_model::Labels| -> Vec<(String, String)> {
        let pairs = labels.iter().filter(|(name, _)| *name != "alertname");
        pairs.map(|(n, v)| (n.to_owned(), quoted(v))).collect()
    };
    let series: Vec<String> = pairs(&rule.labels)
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let lines = |labels: &narthex_model::Labels, indent: &str| -> String {
        let pairs = pairs(labels);
        pairs.iter().fold(String::new(), |mut text, (name, value)| {
            let _ = writeln!(text, "{indent}{name}: {value}");
            text
        })
    };
    let value = match &rule.value {
        narthex_template::prometheus::SampleValue::Float(value) => value.to_string(),
        narthex_template::prometheus::SampleValue::Histogram(_) => "0".to_owned(),
    };
    let external = match lines(&rule.external_labels, "    ") {
        lines if lines.is_empty() => lines,
        lines => format!("  external_labels:\n{lines}"),
    };
    let alert = match lines(&rule.labels, "        ") {
        lines if lines.is_empty() => lines,
        lines => format!("      exp_labels:\n{lines}"),
    };
    let test = format!(
        "rule_files: [{rules_file:?}]\ntests:\n- interval: 1m\n  external_url: {url}\n{external}  \
         input_series:\n  - series: {series}\n    values: \"{value}\"\n  alert_rule_test:\n  \
         - eval_time: 0m\n    alertname: Test\n    exp_alerts:\n    -\n{alert}      \
         exp_annotations:\n{expected}",
        url = quoted(&rule.external_url),
        series = quoted(&format!("x{{{}}}", series.join(","))),
    );
    let test_file = folder.join(format!("{name}.test.yml"));
    std::fs::write(&test_file, test).unwrap();
    test_file
}

#[test]
fn annotations_are_expanded_as_promtool_expands_them() {
    let folder = tempfile::tempdir().unwrap();
    let all = cases("annotations.txt");
    let mut compared = 0;
    for (name, rule) in rules() {
        // Test files have no histograms and no infinity in 2.42's notation of series.
        if ["histogram", "inf"].contains(&name.as_str()) {
            continue;
        }
        let is_known = |case: &&Case| {
            // The words for what cannot be compared are longer since, and so is the type of the
            // data; those about a regular expression are of another parser. What is no template
            // promtool does not load.
            let is_other = ["bad expression", "comparison", "no such field"];
            let mut unknown = NOT_IN_PROMTOOL.iter();
            case.data == name
                && !is_other.iter().any(|part| case.name.contains(part))
                && !unknown.any(|word| case.text.contains(word))
                && AlertTemplate::new("Test", &case.text).error().is_none()
        };
        let cases: Vec<&Case> = all.iter().filter(is_known).collect();
        compared += cases.len();
        let file = test_of(&name, &rule, &cases, folder.path());
        let said = run(Command::new("promtool").args(["test", "rules"]).arg(file));
        assert!(said.contains("SUCCESS"), "{name}: {said}");
    }
    assert!(compared > 60, "{compared} compared");
}

/// What Alertmanager 0.25 and its Go do not have, in a text or its name: sets of labels are printed as
/// maps, and an empty value without quotes stays empty.
const NOT_IN_AMTOOL: [&str; 19] = [
    "tz",
    "date",
    "since",
    "now",
    "toJson",
    "list",
    "dict",
    "trimSpace",
    "safeUrl",
    "urlUnescape",
    "humanizeDuration",
    "toDate",
    "mustToDate",
    "append",
    "printf",
    "printed",
    "removed",
    "bare attribute",
    "numbers and others",
];

#[test]
fn notifications_are_expanded_as_amtool_expands_them() {
    let folder = tempfile::tempdir().unwrap();
    let glob = folder.path().join("*.tmpl");
    let defaults = "{{ define \"anything\" }}{{ end }}";
    std::fs::write(folder.path().join("any.tmpl"), defaults).unwrap();
    let (groups, templates) = (groups(), Templates::new().unwrap());
    let functions = Functions::at(Time::from_millis(0));
    let mut compared = 0;
    let texts = cases("notifications.txt")
        .into_iter()
        .map(|case| (case, "text"));
    let pages = cases("html.txt").into_iter().map(|case| (case, "html"));
    for (case, kind) in texts.chain(pages) {
        let mut unknown = NOT_IN_AMTOOL.iter();
        if unknown.any(|word| case.text.contains(word) || case.name.contains(word)) {
            continue;
        }
        let data = &groups[&case.data];
        let file = folder.path().join("data.json");
        let json = templates
            .expand_text("{{ toJson . }}", data, &functions, &Limits::DEFAULT)
            .unwrap();
        std::fs::write(&file, json).unwrap();
        let theirs = run(Command::new("amtool")
            .args(["template", "render"])
            .arg(format!("--template.glob={}", glob.display()))
            .arg(format!("--template.data={}", file.display()))
            .arg(format!("--template.type={kind}"))
            .arg(format!("--template.text={}", case.text)));
        let ours = match kind {
            "text" => templates.expand_text(&case.text, data, &functions, &Limits::DEFAULT),
            _ => templates.expand_html(&case.text, data, &functions, &Limits::DEFAULT),
        };
        let theirs = theirs.trim_end_matches('\n');
        match ours {
            Ok(text) => assert_eq!(theirs, text.trim_end_matches('\n'), "{}", case.name),
            Err(_) => assert!(theirs.contains("error"), "{}: {theirs}", case.name),
        }
        compared += 1;
    }
    assert!(compared > 25, "{compared} compared");
}
