//! What Grafana's data sources ask: of a Prometheus in any order, of an Alertmanager in this one.

/// How two answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Status, data and all.
    Value,
    /// The fields of theirs, with values of the same types; ours may have more of them.
    Shape,
}

/// A request to a Prometheus: how, where, with which fields, and how its answers are compared.
pub(super) type Request = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    By,
);

pub(super) const PROMETHEUS: &[Request] = &[
    // Whether it is there, and what it is.
    ("GET", "status/buildinfo", &[], By::Shape),
    (
        "POST",
        "query",
        &[("query", "1+1"), ("time", "4")],
        By::Value,
    ),
    ("GET", "rules", &[], By::Shape),
    ("GET", "rules", &[("type", "alert")], By::Shape),
    ("GET", "alerts", &[], By::Shape),
    // Times in milliseconds, by which it finds out whether there are exemplars.
    (
        "GET",
        "query_exemplars",
        &[
            ("query", "test"),
            ("start", "1735689600000"),
            ("end", "1735693200000"),
        ],
        By::Value,
    ),
    // Panels.
    (
        "POST",
        "query",
        &[
            ("query", "heat"),
            ("time", "1735693200.123456789"),
            ("timeout", "30s"),
        ],
        By::Value,
    ),
    (
        "GET",
        "query",
        &[("query", "sum(heat) by (room)"), ("time", "1735693200")],
        By::Value,
    ),
    (
        "GET",
        "query",
        &[("query", "heat[170s]"), ("time", "1735693200")],
        By::Value,
    ),
    (
        "GET",
        "query",
        &[("query", "\"text\""), ("time", "1735693200")],
        By::Value,
    ),
    (
        "POST",
        "query_range",
        &[
            ("query", "sum_over_time(heat[290s])"),
            ("start", "1735691415"),
            ("end", "1735695015"),
            ("step", "15"),
        ],
        By::Value,
    ),
    (
        "GET",
        "query_range",
        &[
            ("query", "sum(heat) / count(heat)"),
            ("start", "1735691415.5"),
            ("end", "1735692315.5"),
            ("step", "0.5"),
        ],
        By::Value,
    ),
    (
        "POST",
        "query_exemplars",
        &[
            (
                "query",
                "histogram_quantile(0.9, rate(took_seconds_bucket[5m]))",
            ),
            ("start", "@NOW-3600"),
            ("end", "@NOW+60"),
        ],
        By::Shape,
    ),
    // What went wrong.
    (
        "POST",
        "query",
        &[("query", "heat{"), ("time", "1735693200")],
        By::Shape,
    ),
    ("POST", "query", &[("query", "")], By::Shape),
    (
        "POST",
        "query_range",
        &[
            ("query", "heat"),
            ("start", "1"),
            ("end", "20000"),
            ("step", "1"),
        ],
        By::Shape,
    ),
    (
        "GET",
        "query_range",
        &[
            ("query", "heat"),
            ("start", "2"),
            ("end", "1"),
            ("step", "1"),
        ],
        By::Shape,
    ),
    ("GET", "label/a%20b/values", &[("start", "x")], By::Shape),
    // Menus and the builder of queries.
    // Prometheus 2 adds the names of series that it holds in memory, whatever their times.
    (
        "GET",
        "labels",
        &[("start", "1735689600"), ("end", "1735698600")],
        By::Shape,
    ),
    (
        "GET",
        "labels",
        &[
            ("match[]", "heat"),
            ("start", "1735689600"),
            ("end", "1735698600"),
            ("limit", "40000"),
        ],
        By::Value,
    ),
    (
        "POST",
        "labels",
        &[
            ("match[]", "cold"),
            ("start", "1735689600"),
            ("end", "1735698600"),
        ],
        By::Value,
    ),
    (
        "GET",
        "label/__name__/values",
        &[
            ("start", "1735689600"),
            ("end", "1735698600"),
            ("limit", "40000"),
        ],
        By::Shape,
    ),
    (
        "GET",
        "label/room/values",
        &[
            ("match[]", "heat{room!=\"1\"}"),
            ("match[]", "cold"),
            ("start", "1735689600"),
            ("end", "1735698600"),
        ],
        By::Value,
    ),
    ("GET", "label/nothing/values", &[], By::Value),
    (
        "GET",
        "series",
        &[
            ("match[]", "{__name__!=\"\"}"),
            ("start", "1735689600"),
            ("end", "1735698600"),
            ("limit", "40000"),
        ],
        By::Value,
    ),
    (
        "POST",
        "series",
        &[
            ("match[]", "heat"),
            ("start", "1735689600"),
            ("end", "1735698600"),
        ],
        By::Value,
    ),
    ("GET", "series", &[], By::Shape),
    ("GET", "metadata", &[], By::Shape),
    ("GET", "metadata", &[("limit", "1")], By::Shape),
    ("GET", "metadata", &[("metric", "took_seconds")], By::Value),
    // The tabs of the explorer.
    ("GET", "status/tsdb", &[], By::Shape),
    ("GET", "targets", &[("state", "active")], By::Shape),
];

/// What the Alertmanager source asks, in this order.
pub(super) const ALERTMANAGER: &[(&str, &str, &str)] = &[
    ("GET", "status", ""),
    ("GET", "receivers", ""),
    (
        "POST",
        "alerts",
        "[{\"labels\": {\"alertname\": \"a\", \"team\": \"x\"}, \"annotations\": {\"summary\": \"s\"}, \
         \"startsAt\": \"2025-01-01T00:00:00Z\", \"endsAt\": \"2190-01-01T00:00:00Z\"}]",
    ),
    ("GET", "alerts", ""),
    (
        "GET",
        "alerts?silenced=true&inhibited=true&active=true&filter=team%3D%22x%22",
        "",
    ),
    ("GET", "alerts?filter=%7B", ""),
    ("GET", "alerts/groups", ""),
    (
        "GET",
        "alerts/groups?active=true&silenced=false&inhibited=false&receiver=hook",
        "",
    ),
    (
        "POST",
        "silences",
        "{\"matchers\": [{\"name\": \"team\", \"value\": \"x\", \"isRegex\": false, \"isEqual\": true}], \
         \"startsAt\": \"2025-01-01T00:00:00Z\", \"endsAt\": \"2190-01-01T00:00:00Z\", \
         \"createdBy\": \"me\", \"comment\": \"c\"}",
    ),
    ("GET", "silences", ""),
    ("GET", "silences?filter=team%3D%22x%22", ""),
    ("POST", "silences", "{\"matchers\": []}"),
    ("POST", "alerts", "{}"),
];
