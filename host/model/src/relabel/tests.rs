use super::*;
use crate::Labels;

fn rule(fields: Fields) -> RelabelConfig {
    RelabelConfig::try_from(fields).unwrap()
}

fn fields(action: RelabelAction) -> Fields {
    Fields {
        action,
        ..Fields::default()
    }
}

/// Applies one rule to `labels`; `None` where it drops them.
fn check(fields: Fields, labels: &[(&str, &str)], expected: Option<&[(&str, &str)]>) {
    let name = format!("{fields:?} on {labels:?}");
    let mut builder = LabelsBuilder::from_labels(&Labels::from_pairs(labels.iter().copied()));
    let kept = apply(&[rule(fields)], &mut builder);
    let found = kept.then(|| builder.build());
    let expected = expected.map(|pairs| Labels::from_pairs(pairs.iter().copied()));
    assert_eq!(found, expected, "{name}");
}

fn replace(source: &[&str], regex: &str, target: &str, replacement: &str) -> Fields {
    Fields {
        source_labels: source.iter().map(|s| (*s).to_owned()).collect(),
        regex: regex.to_owned(),
        target_label: target.to_owned(),
        replacement: replacement.to_owned(),
        ..Fields::default()
    }
}

const ABC: &[(&str, &str)] = &[("a", "foo"), ("b", "bar"), ("c", "baz")];

#[test]
fn replace_writes_what_the_template_makes_of_the_match() {
    for (regex, target, replacement, changed) in [
        // Whole texts only.
        ("f(.*)", "d", "ch${1}-ch${1}", Some(("d", "choo-choo"))),
        ("o(.*)", "d", "$1", None),
        (".*(b).*", "d", "$1", None),
        // A name is as long as it can be: `$1x` is the group called `1x`.
        ("f(.*)", "d", "$1x", Some(("d", ""))),
        ("f(.*)", "d", "${1}x", Some(("d", "oox"))),
        ("f(?P<rest>.*)", "d", "<$rest>", Some(("d", "<oo>"))),
        // Dollars that are no reference.
        ("f.*", "d", "$$1 $ $. ${1", Some(("d", "$1 $ $. ${1"))),
        // A group that is not there, or took no part, is empty.
        ("(x)?f(.*)", "d", "[$1$2$7]", Some(("d", "[oo]"))),
        // The target is a template too; an empty one changes nothing.
        ("(f)(.*)", "${1}_$2", "v", Some(("f_oo", "v"))),
        ("(x)?f.*", "$1", "v", None),
        // An empty value removes the label.
        ("f.*", "b", "", Some(("b", ""))),
    ] {
        let mut expected = ABC.to_vec();
        expected.extend(changed);
        check(
            replace(&["a"], regex, target, replacement),
            ABC,
            Some(&expected),
        );
    }
}

#[test]
fn the_source_is_joined_and_missing_labels_are_empty() {
    let joined = |separator: &str| Fields {
        separator: separator.to_owned(),
        ..replace(&["a", "none", "b"], "(.*)", "d", "$1")
    };
    let with = |value: &'static str| [ABC, &[("d", value)]].concat();
    check(joined(";"), ABC, Some(&with("foo;;bar")));
    check(joined(""), ABC, Some(&with("foobar")));
    check(
        replace(&[], "(.*)", "d", "static"),
        ABC,
        Some(&with("static")),
    );
    check(
        replace(&["a"], "x|(.*)", "d", "$1"),
        &[("a", "l1\nl2")],
        Some(&[("a", "l1\nl2"), ("d", "l1\nl2")]),
    );
}

#[test]
fn keep_and_drop_ask_the_expression_and_the_equal_ones_the_target() {
    for (action, regex, target, kept) in [
        (RelabelAction::Keep, "foo", "", true),
        (RelabelAction::Keep, "fo", "", false),
        (RelabelAction::Drop, "fo", "", true),
        (RelabelAction::Drop, "f.*", "", false),
        (RelabelAction::KeepEqual, "(.*)", "same", true),
        (RelabelAction::KeepEqual, "(.*)", "other", false),
        (RelabelAction::DropEqual, "(.*)", "same", false),
        (RelabelAction::DropEqual, "(.*)", "other", true),
    ] {
        let labels: &[(&str, &str)] = &[("a", "foo"), ("same", "foo"), ("other", "x")];
        let fields = Fields {
            action,
            ..replace(&["a"], regex, target, "$1")
        };
        check(fields, labels, kept.then_some(labels));
    }
}

#[test]
fn hashmod_agrees_with_prometheus() {
    // The values are those of Prometheus' own relabel tests.
    for (source, modulus, expected) in [("baz", 1000, "976"), ("foo\nbar", 1000, "734")] {
        let fields = Fields {
            modulus,
            action: RelabelAction::HashMod,
            ..replace(&["c"], "(.*)", "d", "$1")
        };
        check(
            fields,
            &[("c", source)],
            Some(&[("c", source), ("d", expected)]),
        );
    }
}

#[test]
fn label_names_are_mapped_dropped_and_kept() {
    let labels: &[(&str, &str)] = &[("__meta_k8s_app", "x"), ("__meta_zone", "y"), ("b1", "z")];
    let named = |action, regex: &str, replacement: &str| Fields {
        regex: regex.to_owned(),
        replacement: replacement.to_owned(),
        ..fields(action)
    };
    let mapped = [labels, &[("k8s_app", "x"), ("zone", "y")]].concat();
    check(
        named(RelabelAction::LabelMap, "__meta_(.+)", "$1"),
        labels,
        Some(&mapped),
    );
    let one = [labels, &[("all", "y")]].concat();
    check(
        named(RelabelAction::LabelMap, "__meta_.+", "all"),
        labels,
        Some(&one),
    );
    check(
        named(RelabelAction::LabelDrop, "__meta_.+", "$1"),
        labels,
        Some(&[("b1", "z")]),
    );
    check(
        named(RelabelAction::LabelKeep, "b[0-9]", "$1"),
        labels,
        Some(&[("b1", "z")]),
    );
}

#[test]
fn case_is_changed_character_by_character() {
    for (action, source, expected) in [
        (RelabelAction::Lowercase, "bAr-ÄΣ", "bar-äσ"),
        (RelabelAction::Uppercase, "bAr-äß", "BAR-Äß"),
    ] {
        let fields = Fields {
            action,
            ..replace(&["a"], "(.*)", "d", "$1")
        };
        check(
            fields,
            &[("a", source)],
            Some(&[("a", source), ("d", expected)]),
        );
    }
}

#[test]
fn rules_run_in_order_until_one_drops() {
    let rules = [
        rule(replace(&["a"], "(.*)", "d", "1")),
        rule(Fields {
            action: RelabelAction::Keep,
            ..replace(&["d"], "1", "", "$1")
        }),
        rule(Fields {
            action: RelabelAction::Drop,
            ..replace(&["d"], "1", "", "$1")
        }),
    ];
    let mut labels = LabelsBuilder::from_labels(&Labels::from_pairs(ABC.iter().copied()));
    assert!(apply(&rules[..2], &mut labels));
    assert!(!apply(&rules, &mut labels));
}

#[test]
fn what_does_not_fit_together_is_refused_in_prometheus_words() {
    use RelabelAction as A;
    for (fields, message) in [
        (
            Fields {
                target_label: "x".into(),
                ..fields(A::HashMod)
            },
            "relabel configuration for hashmod requires non-zero modulus",
        ),
        (
            fields(A::Replace),
            "relabel configuration for replace action requires 'target_label' value",
        ),
        (
            fields(A::Lowercase),
            "relabel configuration for lowercase action requires 'target_label' value",
        ),
        (
            Fields {
                target_label: "x".into(),
                replacement: "y".into(),
                ..fields(A::Uppercase)
            },
            "'replacement' can not be set for uppercase action",
        ),
        (
            Fields {
                replacement: String::new(),
                ..fields(A::LabelMap)
            },
            "\"\" is invalid 'replacement' for labelmap action",
        ),
        (
            Fields {
                target_label: "x".into(),
                regex: "y".into(),
                ..fields(A::KeepEqual)
            },
            "keepequal action requires only 'source_labels' and `target_label`, and no other fields",
        ),
        (
            Fields {
                source_labels: vec!["x".into()],
                ..fields(A::LabelDrop)
            },
            "labeldrop action requires only 'regex', and no other fields",
        ),
    ] {
        let name = format!("{fields:?}");
        let error = RelabelConfig::try_from(fields).unwrap_err();
        assert_eq!(error.to_string(), message, "{name}");
    }
    assert_eq!("KEEP".parse(), Ok(A::Keep));
    assert_eq!(
        "x".parse::<A>().unwrap_err().to_string(),
        "unknown relabel action \"x\""
    );
    for regex in ["(", "a)(b", "((a{1000}){1000}){1000}"] {
        assert!(
            RelabelConfig::try_from(replace(&[], regex, "d", "$1")).is_err(),
            "{regex}"
        );
    }
}

#[test]
fn an_empty_separator_and_replacement_are_printed_and_read_back() {
    let fields = Fields {
        separator: String::new(),
        ..replace(&["a"], "(.*)", "d", "")
    };
    let config = RelabelConfig::try_from(fields).unwrap();
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r#""separator":"""#), "{text}");
    assert!(text.contains(r#""replacement":"""#), "{text}");
    let read: RelabelConfig = serde_json::from_str(&text).unwrap();
    assert_eq!(read, config);
}
