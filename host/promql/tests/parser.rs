//! What parses, what it prints as, what is refused and with which words.

use narthex_promql::ast::{DurationArg, Expr, ExprKind};
use narthex_promql::parser::{NESTING_MAX, QUERY_BYTES_MAX, TREE_HEIGHT_MAX};
use narthex_promql::{ParseOptions, parse, parse_metric_selector};

fn parsed(query: &str) -> Expr {
    match parse(query, &ParseOptions::all()) {
        Ok(expr) => expr,
        Err(error) => unreachable!("{query}: {error}"),
    }
}

fn refused(query: &str, options: &ParseOptions) -> String {
    match parse(query, options) {
        Ok(expr) => unreachable!("{query} parses as {expr}"),
        Err(error) => error.to_string(),
    }
}

/// Queries of every rule of the grammar, and how they are printed.
const QUERIES: &[(&str, &str)] = &[
    ("0x1F + 017 - 1_000.5e-1", "31 + 15 - 100.05"),
    ("+Inf * -inf % NaN", "+Inf * -Inf % NaN"),
    ("1h30m", "1h30m"),
    ("-5m # five\n + 1", "-5m + 1"),
    (r#""it's" "#, r#""it's""#),
    (r"'\x41\u00e4\n'", r#""Aä\n""#),
    (r"`\d+`", r#""\\d+""#),
    ("up", "up"),
    ("sum", "sum"),
    ("min_of{by=\"x\"}", "min_of{by=\"x\"}"),
    (
        "a:b{c=~'d|e', f!~\"g\", h!='i',}",
        "a:b{c=~\"d|e\",f!~\"g\",h!=\"i\"}",
    ),
    (
        "{\"a.b\", \"c d\"=\"e\"}",
        "{\"c d\"=\"e\",__name__=\"a.b\"}",
    ),
    ("up[5m] offset -1m @ 10", "up[5m] @ 10.000 offset -1m"),
    ("up @ end() offset 1w", "up @ end() offset 1w"),
    ("up[1h:] @ start()", "up[1h:] @ start()"),
    (
        "rate(up[5m])[1h:5m] offset 1d",
        "rate(up[5m])[1h:5m] offset 1d",
    ),
    ("up anchored", "up anchored"),
    ("up[5m] smoothed offset 1m", "up[5m] smoothed offset 1m"),
    (
        "up[5m * step() + min_of(1m, range())]",
        "up[5m * step() + min_of(1m, range())]",
    ),
    ("up offset -(step() / 2)", "up offset -(step() / 2)"),
    ("up offset 5m + 3", "up offset 5m + 3"),
    ("sum(up) by (a, \"b c\",)", "sum by (a, \"b c\") (up)"),
    ("topk without (on) (3, up)", "topk without (on) (3, up)"),
    ("sum by () (up)", "sum(up)"),
    ("a + b * c ^ d ^ e % f", "a + b * c ^ d ^ e % f"),
    ("-a ^ 2", "-a ^ 2"),
    ("a atan2 b </ c >/ d", "a atan2 b </ c >/ d"),
    (
        "a >bool on (x) group_left (y) b",
        "a > bool on (x) group_left (y) b",
    ),
    (
        "a and ignoring (x) b or c unless d",
        "a and ignoring (x) b or c unless d",
    ),
    ("a + fill (0) b", "a + fill (0) b"),
    (
        "a + on (x) fill_right (1) fill_left (-2m) b",
        "a + on (x) fill_left (-120) fill_right (1) b",
    ),
    ("fill + fill_left", "fill + fill_left"),
    ("info(up, {a=\"\"})", "info(up, {a=\"\"})"),
    ("time() - start()", "time() - start()"),
];

#[test]
fn queries_print_in_one_form_which_reads_back_the_same() {
    for (query, printed) in QUERIES {
        let expr = parsed(query);
        assert_eq!(expr.to_string(), *printed, "{query}");
        assert_eq!(parsed(printed).to_string(), *printed);
    }
}

#[test]
fn operators_bind_as_documented() {
    fn grouped(expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Binary(binary) => format!(
                "({} {} {})",
                grouped(&binary.lhs),
                binary.op,
                grouped(&binary.rhs)
            ),
            ExprKind::Unary(op, inner) => format!("({op}{})", grouped(inner)),
            _ => expr.to_string(),
        }
    }
    for (query, groups) in [
        ("a + b - c", "((a + b) - c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("a + b * c", "(a + (b * c))"),
        ("a atan2 b / c", "((a atan2 b) / c)"),
        ("-a ^ b", "(-(a ^ b))"),
        ("-a * b", "((-a) * b)"),
        ("a ^ -b * c", "((a ^ (-b)) * c)"),
        ("a == b </ c", "((a == b) </ c)"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a < b + c or d", "((a < (b + c)) or d)"),
        ("a + b offset 5m", "(a + b offset 5m)"),
        ("-a offset 5m", "(-a offset 5m)"),
    ] {
        assert_eq!(grouped(&parsed(query)), groups, "{query}");
    }
}

#[test]
fn faults_are_said_in_prometheus_words() {
    for (query, error) in [
        (
            "",
            "unknown position: parse error: no expression found in input",
        ),
        ("a +\n  +", "2:4: parse error: unexpected end of input"),
        (
            "sum(a b)",
            "1:7: parse error: unexpected identifier \"b\" in aggregation",
        ),
        ("rate(a b)", "1:8: parse error: unexpected identifier \"b\""),
        (
            "a offset",
            "1:9: parse error: unexpected end of input in offset, expected number, duration, step(), or range()",
        ),
        (
            "a @ b",
            "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp",
        ),
        (
            "a[5m 1]",
            "1:6: parse error: unexpected number \"1\" in subquery or range, expected \":\" or \"]\"",
        ),
        (
            "a[5m:-]",
            "1:7: parse error: unexpected \"]\" in subquery selector, expected number, duration, step(), range(), or \"]\"",
        ),
        (
            "a offset 1m offset 2m",
            "1:1: parse error: offset may not be set multiple times",
        ),
        (
            "a @ 1 @ 2",
            "1:1: parse error: @ <timestamp> may not be set multiple times",
        ),
        (
            "(a) offset 1m",
            "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        (
            "a anchored smoothed",
            "1:1: parse error: anchored and smoothed modifiers cannot be used together",
        ),
        (
            "a + on (b) group_left (b) c",
            "1:3: parse error: label \"b\" must not occur in ON and GROUP clause at once",
        ),
        (
            "quantile(a)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        (
            "rate()",
            "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0",
        ),
        (
            "label_join(a)",
            "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1",
        ),
        (
            "unknown(a) !",
            "1:1: parse error: unknown function with name \"unknown\"",
        ),
        (
            "a and fill (1) b",
            "1:1: parse error: filling in missing series not allowed for set operators",
        ),
        (
            "\"a\" + 1",
            "1:1: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            "a[5m1w]",
            "1:3: parse error: not a valid duration string: \"5m1w\"",
        ),
        (
            "a{b=~\"(\"}",
            "1:3: parse error: error parsing regexp: missing closing ): `(`",
        ),
        (
            "a{b=~\"c**\"}",
            "1:3: parse error: error parsing regexp: invalid nested repetition operator: `**`",
        ),
        ("a)", "1:3: parse error: unexpected right parenthesis ')'"),
        ("a ? b", "1:3: parse error: unexpected character: '?'"),
        (
            "sum by (\"\") (a)",
            "1:9: parse error: invalid label name for grouping: \"\"",
        ),
    ] {
        assert_eq!(refused(query, &ParseOptions::all()), error, "{query}");
    }
}

#[test]
fn experimental_parts_are_off_by_default() {
    for (query, error) in [
        (
            "limitk(1, a)",
            "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
        ),
        (
            "a + mad_over_time(b[5m])",
            "1:5: parse error: function \"mad_over_time\" is not enabled",
        ),
        (
            "a[5m + 1m]",
            "1:3: parse error: experimental duration expression is not enabled",
        ),
        (
            "a anchored",
            "1:1: parse error: anchored modifier is experimental and not enabled",
        ),
        (
            "a + fill (0) b",
            "1:1: parse error: binop fill modifiers are experimental and not enabled",
        ),
    ] {
        assert_eq!(refused(query, &ParseOptions::default()), error, "{query}");
        parsed(query);
    }
}

#[test]
fn expressions_know_where_they_stand() {
    let query = "sum( rate(a{b=\"c\"}[5m] offset 1m) + -d )";
    let mut spans = Vec::new();
    parsed(query).walk(&mut |expr| spans.push(&query[expr.span.start..expr.span.end]));
    assert_eq!(
        spans,
        [
            query,
            "rate(a{b=\"c\"}[5m] offset 1m) + -d",
            "rate(a{b=\"c\"}[5m] offset 1m)",
            "a{b=\"c\"}[5m] offset 1m",
            "-d",
            "d",
        ]
    );
    let expr = parsed(query);
    let selectors = expr.selectors();
    let names: Vec<_> = selectors
        .iter()
        .map(|found| (found.selector.name.as_deref(), found.has_range))
        .collect();
    assert_eq!(names, [(Some("a"), true), (Some("d"), false)]);
}

#[test]
fn literal_durations_are_milliseconds_and_others_are_kept() {
    for (query, millis) in [
        ("a[1h]", Some(3_600_000)),
        ("a[1.5]", Some(1_500)),
        ("a[90]", Some(90_000)),
        ("a[(90)]", None),
        ("a[1m + 1s]", None),
    ] {
        let ExprKind::MatrixSelector(matrix) = parsed(query).kind else {
            unreachable!("{query}");
        };
        match (&matrix.range, millis) {
            (DurationArg::Fixed(found), Some(wanted)) => assert_eq!(*found, wanted, "{query}"),
            (DurationArg::Computed(_), None) => {}
            other => unreachable!("{query}: {other:?}"),
        }
    }
}

#[test]
fn selectors_alone() {
    for (selector, matchers) in [
        ("up", "[__name__=\"up\"]"),
        ("up{a=~\"b\"}", "[__name__=\"up\", a=~\"b\"]"),
        ("{}", "[]"),
        ("{\"x.y\"}", "[__name__=\"x.y\"]"),
    ] {
        let found = parse_metric_selector(selector).unwrap();
        assert_eq!(format!("{found:?}"), matchers, "{selector}");
    }
    for selector in [
        "",
        "up[5m]",
        "1",
        "up + up",
        "up{",
        "sum(up)",
        "up offset 5m",
    ] {
        assert!(parse_metric_selector(selector).is_err(), "{selector}");
    }
}

/// Everything that walks a tree by recursion, on the stack of a test's thread.
fn walked(query: &str) -> bool {
    match parse(query, &ParseOptions::all()) {
        Ok(expr) => {
            let printed = narthex_promql::pretty(&expr.clone());
            expr.walk(&mut |_| {});
            !printed.is_empty()
        }
        Err(_) => false,
    }
}

#[test]
fn depth_and_length_end_in_an_error_and_not_in_a_crash() {
    let inside = |open: &str, count: usize, close: &str| {
        format!("{}a{}", open.repeat(count), close.repeat(count))
    };
    assert!(walked(&inside("(", NESTING_MAX - 1, ")")));
    assert!(walked(&inside("- ", NESTING_MAX - 1, "")));
    assert!(walked(&format!("a{}", " + a".repeat(TREE_HEIGHT_MAX - 1))));
    assert!(walked(&format!("a[1{}]", "+1".repeat(TREE_HEIGHT_MAX))));
    assert!(walked(&format!("a[{}1{}]", "(".repeat(90), ")".repeat(90))));
    for query in [
        inside("(", NESTING_MAX, ")"),
        inside("(", 100_000, ")"),
        inside("sum(", 100_000, ")"),
        inside("abs(", 100_000, ""),
        inside("-", 100_000, ""),
        inside("a ^ ", 100_000, ""),
        format!("a{}", " + a".repeat(TREE_HEIGHT_MAX)),
        format!("a{}", " or a".repeat(100_000)),
        format!("a{}", "[5m:]".repeat(100_000)),
        format!("a[{}1{}]", "(".repeat(100_000), ")".repeat(100_000)),
        format!("a[{}1]", "-".repeat(100_000)),
        format!("a[1{}]", "^1".repeat(100_000)),
        format!("a[1{}]", "+1".repeat(100_000)),
        format!("a offset {}1", "- ".repeat(100_000)),
        format!("a[{}1{}]", "1+(".repeat(150), ")".repeat(150)).repeat(4),
        format!("up{}", " ".repeat(QUERY_BYTES_MAX)),
    ] {
        assert!(!walked(&query), "{}", &query[..20]);
    }
    let text = "a".repeat(QUERY_BYTES_MAX + 1);
    assert_eq!(
        refused(&text, &ParseOptions::all()),
        "1:1: parse error: query is too long: 1048577 bytes, at most 1048576 are allowed"
    );
}

#[test]
fn no_cut_and_no_changed_byte_panics() {
    let queries = QUERIES.iter().map(|(query, _)| *query).chain([
        "label_replace(a{b=\"\\x41\\u00e4\"}, 'c', `$1`, \"d\", \"(.*)\")",
        "a[5m:1m] @ 1.5e3 offset (-1^2)",
    ]);
    let mut tried = 0;
    for query in queries {
        for cut in (0..query.len()).filter(|cut| query.is_char_boundary(*cut)) {
            let _ = parse(&query[..cut], &ParseOptions::all());
            let _ = narthex_promql::parse_series_description(&query[..cut]);
        }
        for at in 0..query.len() {
            for byte in 0..=127 {
                let mut changed = query.as_bytes().to_vec();
                changed[at] = byte;
                let Ok(changed) = String::from_utf8(changed) else {
                    continue;
                };
                if let Ok(expr) = parse(&changed, &ParseOptions::all()) {
                    let _ = parse(&narthex_promql::pretty(&expr), &ParseOptions::all());
                }
                tried += 1;
            }
        }
    }
    assert!(tried > 10_000);
}
