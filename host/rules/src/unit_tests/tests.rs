//! Tests of rules that hold and that do not, and what is said of those.

use narthex_model::PromDuration;

use super::*;
use crate::group::tests::{alert, file, group, record};
use crate::{RuleConfig, RuleGroupConfig};

fn series(series: &str, values: &str) -> InputSeries {
    InputSeries {
        series: series.to_owned(),
        values: values.to_owned(),
    }
}

fn fires(name: &str, minutes: u64, label: Option<&str>) -> AlertTest {
    let alerts = label.map(|instance| ExpectedAlert {
        exp_labels: [("i".to_owned(), instance.to_owned())].into(),
        exp_annotations: [("text".to_owned(), format!("{instance} is 0"))].into(),
    });
    AlertTest {
        eval_time: PromDuration::from_secs(minutes * 60),
        alertname: name.to_owned(),
        exp_alerts: alerts.into_iter().collect(),
    }
}

fn gives(expr: &str, minutes: u64, samples: &[(&str, f64)]) -> ExprTest {
    let samples = samples.iter().map(|(labels, value)| ExpectedSample {
        labels: (*labels).to_owned(),
        value: *value,
        histogram: String::new(),
    });
    ExprTest {
        expr: expr.to_owned(),
        eval_time: PromDuration::from_secs(minutes * 60),
        exp_samples: samples.collect(),
    }
}

fn rules() -> Vec<RuleFile> {
    let down = RuleConfig {
        annotations: [(
            "text".to_owned(),
            "{{ $labels.i }} is {{ $value }}".to_owned(),
        )]
        .into(),
        ..alert("Down", "up == 0", 2)
    };
    vec![file(vec![group(vec![record("ups", "sum(up)"), down])])]
}

async fn run(test: RuleTest) -> Vec<String> {
    let file = RuleTestFile {
        tests: vec![test],
        ..RuleTestFile::default()
    };
    run_first(&file, &rules()).await
}

/// What fails of the first test of a file.
async fn run_first(file: &RuleTestFile, rules: &[RuleFile]) -> Vec<String> {
    let report = file.run(&file.tests[0], rules, RunOptions::default());
    report.await.failures
}

fn up() -> Vec<InputSeries> {
    vec![
        series("up{i=\"a\"}", "1 1 0x5 1"),
        series("up{i=\"b\"}", "1x20"),
    ]
}

#[tokio::test]
async fn what_holds_says_nothing() {
    let test = RuleTest {
        input_series: up(),
        alert_rule_test: vec![
            fires("Down", 3, None),
            fires("Down", 4, Some("a")),
            fires("Down", 7, Some("a")),
            fires("Down", 8, None),
            fires("None", 5, None),
        ],
        promql_expr_test: vec![
            gives("ups", 1, &[("ups", 2.0)]),
            gives("ups", 4, &[("ups", 1.0)]),
            gives("count(ALERTS)", 4, &[("{}", 1.0)]),
            gives("1 + 1", 4, &[("{}", 2.0)]),
            gives("up > 1", 4, &[]),
        ],
        ..RuleTest::default()
    };
    assert_eq!(run(test).await, Vec::<String>::new());
}

#[tokio::test]
async fn what_does_not_hold_is_shown_beside_what_is() {
    let test = RuleTest {
        name: "t".to_owned(),
        input_series: up(),
        alert_rule_test: vec![fires("Down", 4, None)],
        promql_expr_test: vec![
            gives("ups", 4, &[("ups", 3.0)]),
            gives("sum(", 4, &[]),
            gives("up", 4, &[("up{", 1.0)]),
        ],
        ..RuleTest::default()
    };
    let failures = run(test).await;
    let expected = [
        "    name: t,\n    alertname: Down, time: 4m, \n        exp:[], \n        got:[\n            \
         0:\n              Labels:{alertname=\"Down\", i=\"a\"}\n              \
         Annotations:{text=\"a is 0\"}\n            ]",
        "    expr: \"ups\", time: 4m,\n        exp: {__name__=\"ups\"} 3E+00\n        \
         got: {__name__=\"ups\"} 1E+00",
        "    expr: \"sum(\", time: 4m, err: 1:5: parse error",
        "    expr: \"up\", time: 4m, err: labels \"up{\": ",
    ];
    assert_eq!(failures.len(), expected.len(), "{failures:#?}");
    for (failure, expected) in failures.iter().zip(expected) {
        assert!(failure.starts_with(expected), "{failure}\n{expected}");
    }
}

#[tokio::test]
async fn tests_that_mean_nothing_are_refused() {
    for (test, part) in [
        (
            RuleTest {
                input_series: vec![series("up{", "1")],
                ..RuleTest::default()
            },
            "parse error",
        ),
        (
            RuleTest {
                alert_rule_test: vec![fires("", 5, None)],
                ..RuleTest::default()
            },
            "misses required attribute alertname at eval_time 5m",
        ),
        (
            RuleTest {
                alert_rule_test: vec![fires("A", 10_000_000, None)],
                ..RuleTest::default()
            },
            "the rules would be evaluated over 10000000 times",
        ),
        (
            RuleTest {
                input_series: vec![series("m{i=\"a\"}", "1"), series("m{i=\"a\"}", "2")],
                ..RuleTest::default()
            },
            "was rejected: DuplicateTimestamp",
        ),
    ] {
        let failures = run(test).await;
        assert!(
            failures.len() == 1 && failures[0].contains(part),
            "{failures:?}"
        );
    }
    let file = RuleTestFile {
        group_eval_order: ["a", "b", "a"].map(str::to_owned).into(),
        ..RuleTestFile::default()
    };
    assert_eq!(
        file.faults(),
        ["group name repeated in evaluation order: a"]
    );
}

#[tokio::test]
async fn groups_are_evaluated_in_the_order_that_is_asked_for() {
    let named = |name: &str, rule: RuleConfig| RuleGroupConfig {
        name: name.to_owned(),
        ..group(vec![rule])
    };
    let rules = [file(vec![
        named("x", record("b", "a + 1")),
        named("y", record("a", "m")),
    ])];
    for (order, expected) in [
        (vec!["y", "x"], &[("b", 6.0)][..]),
        (vec!["x", "y"], &[][..]),
    ] {
        let file = RuleTestFile {
            group_eval_order: order.into_iter().map(str::to_owned).collect(),
            tests: vec![RuleTest {
                input_series: vec![series("m", "5")],
                promql_expr_test: vec![gives("b", 0, expected)],
                ..RuleTest::default()
            }],
            ..RuleTestFile::default()
        };
        assert_eq!(run_first(&file, &rules).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_rule_that_fails_ends_the_test() {
    let rules = [file(vec![group(vec![record("r", "m + on() m")])])];
    let file = RuleTestFile {
        tests: vec![RuleTest {
            input_series: vec![series("m{i=\"a\"}", "1x5"), series("m{i=\"b\"}", "_ 1x5")],
            promql_expr_test: vec![gives("m", 3, &[])],
            ..RuleTest::default()
        }],
        ..RuleTestFile::default()
    };
    let failures = run_first(&file, &rules).await;
    let expected = "    rule: r, time: 1m0s, err: found duplicate series for the match group";
    assert!(
        failures.len() == 1 && failures[0].starts_with(expected),
        "{failures:?}"
    );
}

#[tokio::test]
async fn neighbours_are_the_same_where_that_is_asked_for() {
    let mut file = RuleTestFile {
        tests: vec![RuleTest {
            promql_expr_test: vec![gives("vector(0.1 + 0.2)", 0, &[("{}", 0.3)])],
            ..RuleTest::default()
        }],
        ..RuleTestFile::default()
    };
    assert_eq!(run_first(&file, &[]).await.len(), 1);
    file.fuzzy_compare = true;
    assert_eq!(run_first(&file, &[]).await.len(), 0);
}

#[tokio::test]
async fn native_histograms_are_loaded_and_compared() {
    let test = |histogram: &str| RuleTest {
        input_series: vec![series(
            "h",
            "{{count:1 sum:2 buckets:[1]}}+{{count:1 sum:1 buckets:[1]}}x5",
        )],
        promql_expr_test: vec![ExprTest {
            exp_samples: vec![ExpectedSample {
                labels: "h".to_owned(),
                value: 0.0,
                histogram: histogram.to_owned(),
            }],
            ..gives("h", 2, &[])
        }],
        ..RuleTest::default()
    };
    // A store knows of the second and later ones that the counter was not reset.
    let holds = "{{count:3 sum:4 counter_reset_hint:not_reset buckets:[3]}}";
    assert_eq!(run(test(holds)).await, Vec::<String>::new());
    assert_eq!(run(test("{{count:4}}")).await.len(), 1);
    assert!(run(test("5")).await[0].contains("expected histogram"));
}

#[tokio::test]
async fn what_differs_is_shown_line_by_line_and_all_samples_behind_it() {
    let file = RuleTestFile {
        tests: vec![RuleTest {
            input_series: vec![series("up{i=\"a\"}", "1 0 0 0")],
            alert_rule_test: vec![fires("Down", 3, Some("b"))],
            promql_expr_test: vec![gives("ups", 3, &[("ups", 1.0)])],
            ..RuleTest::default()
        }],
        ..RuleTestFile::default()
    };
    let options = RunOptions {
        style: FailureStyle::Diff,
        dump: true,
    };
    let report = file.run(&file.tests[0], &rules(), options).await;
    let [alerts, samples] = &report.failures[..] else {
        panic!("{:?}", report.failures);
    };
    for line in [
        "        diff:",
        "            -   Labels:{alertname=\"Down\", i=\"b\"}",
        "            +   Labels:{alertname=\"Down\", i=\"a\"}",
        "            -   Annotations:{text=\"b is 0\"}",
        "            +   Annotations:{text=\"a is 0\"}",
        "              ]",
    ] {
        assert!(alerts.lines().any(|own| own == line), "{line}\n{alerts}");
    }
    let expected = "    expr: \"ups\", time: 3m,\n        diff:\n            \
                    - {__name__=\"ups\"} 1E+00\n            + {__name__=\"ups\"} 0E+00";
    assert_eq!(samples, expected);
    let dump = report.dump.unwrap();
    assert!(
        dump.starts_with("DEBUG: Dump of all data (input_series and rules) at 3m1s:\n"),
        "{dump}"
    );
    for part in [
        "{__name__=\"up\", i=\"a\"} =>\n1 @[0]\n0 @[60000]\n0 @[120000]\n0 @[180000]",
        "{__name__=\"ups\"} =>\n1 @[0]\n0 @[60000]",
    ] {
        assert!(dump.contains(part), "{dump}");
    }
}
