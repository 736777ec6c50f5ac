//! Templates give what Go gives, errors included: the goldens were recorded by `record/`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where its data is broken"
)]

mod cases;
mod sources;

use cases::{Case, cases, file, read};
use narthex_template::alertmanager::{Functions, Templates};
use narthex_template::prometheus::{AlertData, AlertTemplate, ExpandError, Expander};
use narthex_template::{Limits, Time};
use sources::{Rule, groups, rules};

/// What came out: the text, or what was wrong.
type Outcome = Result<String, String>;

/// The words behind this are those of another parser of regular expressions.
const REGEX_ERROR: &str = "error parsing regexp:";

fn comparable(outcome: &Outcome) -> Outcome {
    outcome
        .clone()
        .map_err(|error| match error.split_once(REGEX_ERROR) {
            Some((before, _)) => format!("{before}{REGEX_ERROR}"),
            None => error,
        })
}

/// What Go made, by the name of the case.
fn goldens(name: &str) -> Vec<(String, Outcome)> {
    let golden = |case: Case| match case.data.as_str() {
        "ok" => (case.name, Ok(case.text)),
        _ => (case.name, Err(case.text)),
    };
    read(&file("golden", name))
        .into_iter()
        .map(golden)
        .collect()
}

/// Compares each case of a file with its golden; says all that differ.
fn check(file: &str, cases: &[Case], run: impl Fn(&Case) -> Outcome) {
    let goldens = goldens(file);
    assert_eq!(
        goldens.len(),
        cases.len(),
        "{file}: record the goldens again"
    );
    let mut differing = Vec::new();
    for (case, (name, golden)) in cases.iter().zip(&goldens) {
        assert_eq!(&case.name, name, "{file}: record the goldens again");
        let outcome = run(case);
        if comparable(&outcome) != comparable(golden) {
            let text = &case.text;
            differing.push(format!(
                "{name}: {text}\n  Go:   {golden:?}\n  here: {outcome:?}"
            ));
        }
    }
    let (bad, all) = (differing.len(), cases.len());
    assert!(
        bad == 0,
        "{bad} of {all} in {file}:\n{}",
        differing.join("\n")
    );
}

fn data(rule: &Rule) -> AlertData {
    AlertData::new(
        &rule.labels,
        &rule.external_labels,
        &rule.external_url,
        rule.value.clone(),
    )
}

fn expand(rule: &Rule, text: &str) -> Outcome {
    let expander = Expander::new(rule, rule.at_ms, &rule.external_url);
    let template = AlertTemplate::new("Test", text);
    template
        .expand(&data(rule), &expander)
        .map_err(|error| match error {
            ExpandError::Parse { source, .. } | ExpandError::ParseFiles { source, .. } => {
                source.to_string()
            }
            ExpandError::Execute { source, .. } => source.to_string(),
        })
}

#[test]
fn annotations_are_expanded_as_go_expands_them() {
    let rules = rules();
    let all = cases("annotations.txt");
    assert!(all.len() >= 100, "{} annotations", all.len());
    check("annotations.txt", &all, |case| {
        expand(&rules[&case.data], &case.text)
    });
}

#[test]
fn the_language_is_that_of_go() {
    let rules = rules();
    check("language.txt", &cases("language.txt"), |case| {
        expand(&rules[&case.data], &case.text)
    });
}

fn functions() -> Functions {
    let now = Time::from_rfc3339("2026-02-03T04:05:06.789Z");
    Functions::at(now.expect("a time"))
}

#[test]
fn notifications_are_expanded_as_go_expands_them() {
    let (groups, templates) = (groups(), Templates::new().unwrap());
    check("notifications.txt", &cases("notifications.txt"), |case| {
        let expanded = templates.expand_text(
            &case.text,
            &groups[&case.data],
            &functions(),
            &Limits::DEFAULT,
        );
        expanded.map_err(|error| error.to_string())
    });
}

#[test]
fn html_is_escaped_as_go_escapes_it() {
    let (groups, templates) = (groups(), Templates::new().unwrap());
    check("html.txt", &cases("html.txt"), |case| {
        let expanded = templates.expand_html(
            &case.text,
            &groups[&case.data],
            &functions(),
            &Limits::DEFAULT,
        );
        expanded.map_err(|error| error.to_string())
    });
}

#[test]
fn the_default_templates_give_what_those_of_alertmanager_give() {
    let (groups, templates) = (groups(), Templates::new().unwrap());
    let goldens = goldens("defaults.txt");
    assert!(goldens.len() > 100, "{} goldens", goldens.len());
    for (name, golden) in goldens {
        let (template, group) = name.split_once(" of ").unwrap();
        let takes_alerts =
            template.starts_with("__text_alert_list") || template == "pagerduty.default.instances";
        let dot = if takes_alerts { ".Alerts" } else { "." };
        let text = format!("{{{{ template {template:?} {dot} }}}}");
        let expanded = templates.expand_text(&text, &groups[group], &functions(), &Limits::DEFAULT);
        assert_eq!(expanded.map_err(|e| e.to_string()), golden, "{name}");
    }
}

#[test]
fn each_golden_file_is_read_as_it_was_written() {
    assert_eq!(
        read("== a [x]\none\n\ntwo\n== b [y]\n\n== c [z]\nx\n\n"),
        [("a", "x", "one\n\ntwo"), ("b", "y", ""), ("c", "z", "x\n")].map(|(name, head, text)| {
            Case {
                name: name.to_owned(),
                data: head.to_owned(),
                text: text.to_owned(),
            }
        })
    );
}
