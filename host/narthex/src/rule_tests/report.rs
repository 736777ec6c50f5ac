//! `-o json` of `narthex test rules`: how the tests of each file went, for programs.
//!
//! It is not: what runs them.

use narthex_rules::unit_tests::Coverage;
use serde_json::{Value, json};

use super::junit::Suite;

/// All files with their tests, and which rules the tests ask for, where that was to be said.
pub(super) fn json(suites: &[Suite], coverage: Option<&Coverage>) -> Value {
    json!({
        "files": suites.iter().map(file).collect::<Vec<_>>(),
        "coverage": coverage.map(covered),
    })
}

fn file(suite: &Suite) -> Value {
    let tests = suite.cases.iter().map(|case| {
        json!({
            "name": case.name,
            "isPassed": case.failures.is_empty(),
            "failures": case.failures,
        })
    });
    json!({
        "file": suite.name,
        "isPassed": suite.failures().next().is_none(),
        "errors": suite.errors,
        "tests": tests.collect::<Vec<_>>(),
    })
}

fn covered(coverage: &Coverage) -> Value {
    let (rules, tested) = coverage.counts();
    let untested = coverage.untested().map(|rule| {
        json!({
            "file": rule.path,
            "group": rule.group,
            "kind": rule.kind,
            "name": rule.name,
            "isReadByTested": rule.is_read_by_tested,
        })
    });
    json!({
        "rules": rules,
        "tested": tested,
        "percent": coverage.percent(),
        "untested": untested.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::junit::Case;
    use super::*;

    #[test]
    fn files_tests_and_what_no_test_asks_for_are_told() {
        let suites = [
            Suite {
                name: "a.yml".to_owned(),
                cases: vec![
                    Case {
                        name: "holds".to_owned(),
                        failures: Vec::new(),
                    },
                    Case {
                        name: "unnamed#1".to_owned(),
                        failures: vec!["x".to_owned()],
                    },
                ],
                ..Suite::default()
            },
            Suite {
                name: "b.yml".to_owned(),
                errors: vec!["no file".to_owned()],
                ..Suite::default()
            },
        ];
        let files = json!([
            {
                "file": "a.yml",
                "isPassed": false,
                "errors": [],
                "tests": [
                    {"name": "holds", "isPassed": true, "failures": []},
                    {"name": "unnamed#1", "isPassed": false, "failures": ["x"]},
                ],
            },
            {"file": "b.yml", "isPassed": false, "errors": ["no file"], "tests": []},
        ]);
        let expected = json!({"files": files, "coverage": null});
        assert_eq!(json(&suites, None), expected);
        let none = json!({"rules": 0, "tested": 0, "percent": 100.0, "untested": []});
        let expected = json!({"files": [], "coverage": none});
        assert_eq!(json(&[], Some(&Coverage::default())), expected);
    }
}
