//! What both programs are given: questions to a server, and work on files and blocks.

/// When instant queries are asked.
const TIME: &str = "--time=1735693200";

/// Questions to a server, without the program's name; `@` is the server.
pub(super) const QUESTIONS: &[&[&str]] = &[
    &["query", "instant", "@", "heat", TIME],
    &["query", "instant", "@", "heat", TIME, "-o", "json"],
    &["query", "instant", "@", "heat{room='1'}[170s]", TIME],
    &[
        "query",
        "instant",
        "@",
        "heat{room='1'}[170s]",
        TIME,
        "--format=json",
    ],
    &["query", "instant", "@", "sum(heat) / 3 * 1e30", TIME],
    &["query", "instant", "@", "1 + 1 / 3", TIME],
    &["query", "instant", "@", "1 + 1 / 3", TIME, "-o", "json"],
    &["query", "instant", "@", "\"a\"", TIME],
    &["query", "instant", "@", "\"a\"", "-o", "json", TIME],
    &["query", "instant", "@", "nothing", TIME],
    &["query", "instant", "@", "nothing", TIME, "-o", "json"],
    &[
        "query",
        "instant",
        "@",
        "label_replace(vector(1), 'l', '<&é\\\\>\"', '', '')",
        TIME,
        "-o",
        "json",
    ],
    &[
        "query",
        "instant",
        "@",
        "label_replace(vector(-0.5), 'l', 'a\\nb', '', '')",
        TIME,
    ],
    &[
        "query",
        "instant",
        "@",
        "heat / 0",
        "--time=2025-01-01T01:00:00.5Z",
    ],
    &["query", "instant", "@", "heat{", TIME],
    &["query", "instant", "@", "heat", "--time=soon"],
    &["query", "instant", "@", "heat", "-o", "yaml"],
    &["query", "instant", "@"],
    &["query", "instant", "http://127.0.0.1:1", "heat"],
    &[
        "query",
        "range",
        "@",
        "heat",
        "--start=1735693200",
        "--end=1735693500",
        "--step=1m",
    ],
    &[
        "query",
        "range",
        "@",
        "sum by (a) (heat) / 7",
        "--start=1735693200",
        "--end=1735700400",
    ],
    &[
        "query",
        "range",
        "@",
        "rate(heat[290s])",
        "--start=2025-01-01T01:00:00Z",
        "--end=2025-01-01T01:10:00Z",
        "--step=5m",
        "-o",
        "json",
    ],
    &[
        "query",
        "range",
        "@",
        "nothing",
        "--start=1735693200",
        "--end=1735693500",
    ],
    &["query", "range", "@", "1", "--start=20", "--end=10"],
    &["query", "range", "@", "heat", "--start=x"],
    &["query", "range", "@", "heat", "--step=x"],
    &[
        "query",
        "series",
        "@",
        "--match=heat",
        "--match=cold",
        "--start=1735689600",
        "--end=1735700000",
    ],
    &[
        "query",
        "series",
        "@",
        "--start=1735689600",
        "--end=1735700000",
        "--match=heat{room!='1'}",
        "-o",
        "json",
    ],
    &["query", "series", "@", "--match=nothing"],
    &["query", "series", "@", "--match=nothing", "-o", "json"],
    &[
        "query",
        "series",
        "@",
        "--match=heat",
        "--start=10",
        "--end=20",
    ],
    &["query", "series", "@", "--match=heat{"],
    &["query", "series", "@"],
    &[
        "query",
        "labels",
        "@",
        "room",
        "--start=1735689600",
        "--end=1735700000",
    ],
    &[
        "query",
        "labels",
        "@",
        "room",
        "-o",
        "json",
        "--start=1735689600",
        "--end=1735700000",
    ],
    &[
        "query",
        "labels",
        "@",
        "room",
        "--match=cold",
        "--start=1735689600",
        "--end=1735700000",
    ],
    &["query", "labels", "@", "nothing"],
    &["query", "labels", "@", "nothing", "-o", "json"],
    &[
        "query",
        "labels",
        "@",
        "__name__",
        "--start=1735689600",
        "--end=1735700000",
    ],
    &["query", "labels", "@"],
    &["debug", "metrics", "http://127.0.0.1:1"],
];

/// What is compared of two outputs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// All of it.
    Same,
    /// Its lines, in any order: that of equal things is nobody's promise.
    Lines,
    /// The exit code alone: blocks of another kind have other names and sizes.
    Exit,
}

/// What is done with files: the arguments, of which `@` is a store, and what is compared.
pub(super) const FILES: &[(&[&str], Shape)] = &[
    (&["tsdb", "dump", "@"], Shape::Lines),
    (
        &["tsdb", "dump", "--match=heat{room='1'}", "@"],
        Shape::Lines,
    ),
    (
        &[
            "tsdb",
            "dump",
            "--min-time=1735693200000",
            "--max-time=1735693320000",
            "@",
        ],
        Shape::Lines,
    ),
    (&["tsdb", "dump", "--match=heat{", "@"], Shape::Exit),
    (&["tsdb", "dump", "gone"], Shape::Exit),
    (&["tsdb", "list", "@"], Shape::Exit),
    (&["tsdb", "list", "-r", "@"], Shape::Exit),
    (&["tsdb", "list", "gone"], Shape::Exit),
    (&["tsdb", "analyze", "@"], Shape::Lines),
    (&["tsdb", "analyze", "--limit=2", "@"], Shape::Exit),
    (&["tsdb", "analyze", "gone"], Shape::Exit),
    (
        &["tsdb", "analyze", "@", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        Shape::Exit,
    ),
    (&["check", "rules", "rules.yml"], Shape::Same),
    (&["check", "rules", "rules.yml", "twice.yml"], Shape::Exit),
    (&["check", "rules", "--lint=none", "twice.yml"], Shape::Same),
    (&["check", "rules", "gone.yml"], Shape::Exit),
    (&["check", "config", "prometheus.yml"], Shape::Same),
    (
        &["check", "config", "--syntax-only", "prometheus.yml"],
        Shape::Exit,
    ),
    (&["check", "web-config", "web.yml"], Shape::Same),
    (&["check", "web-config", "rules.yml"], Shape::Exit),
    (
        &[
            "check",
            "service-discovery",
            "prometheus.yml",
            "a",
            "--timeout=1s",
        ],
        Shape::Exit,
    ),
    (
        &["check", "service-discovery", "prometheus.yml", "nobody"],
        Shape::Exit,
    ),
    (&["test", "rules", "test.yml"], Shape::Exit),
    (&["test", "rules", "failing.yml"], Shape::Exit),
    (&["nothing"], Shape::Exit),
    (&["tsdb", "nothing"], Shape::Exit),
];

/// The texts of the files.
pub(super) const TEXTS: [(&str, &str); 6] = [
    (
        "rules.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: sum(heat)}\n  - {alert: B, expr: a > 1}\n",
    ),
    (
        "twice.yml",
        "groups:\n- name: g\n  rules:\n  - {record: a, expr: b}\n  - {record: a, expr: c}\n",
    ),
    (
        "prometheus.yml",
        "rule_files: [rules.yml]\nscrape_configs:\n- job_name: a\n  static_configs: [{targets: ['b:1']}]\n",
    ),
    ("web.yml", "basic_auth_users: {}\n"),
    (
        "test.yml",
        "rule_files: [rules.yml]\ntests:\n- interval: 1m\n  input_series: [{series: heat, values: 1 2}]\n  \
         promql_expr_test:\n  - {expr: a, eval_time: 1m, exp_samples: [{labels: a, value: 2}]}\n",
    ),
    (
        "failing.yml",
        "rule_files: [rules.yml]\ntests:\n- interval: 1m\n  input_series: [{series: heat, values: 1 2}]\n  \
         promql_expr_test:\n  - {expr: a, eval_time: 1m, exp_samples: [{labels: a, value: 3}]}\n",
    ),
];
