//! Roles, and which of them a request needs.

/// What somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ask: queries, targets, rules, alerts, the pages.
    Read,
    /// Push: samples, groups of a Pushgateway, alerts.
    Write,
    /// Everything: also silences, reloads, deletion, plugins.
    Admin,
}

/// Paths that are asked by POST and change nothing.
const ASKED_BY_POST: [&str; 9] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/query_exemplars",
    "/api/v1/format_query",
    "/api/v1/parse_query",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/read",
    "/api/v1/targets/relabel_steps",
];

impl Role {
    /// The role that a request needs; the path is below the route prefix. What is not known to be less
    /// needs the most.
    pub(crate) fn needed(method: &str, path: &str) -> Self {
        match method {
            // What a log of a plugin says is for who runs it.
            "GET" | "HEAD" if path.starts_with("/api/v1/plugins/") && path.ends_with("/logs") => {
                Self::Admin
            }
            // A registry is asked each time.
            "GET" | "HEAD" if path == "/api/v1/plugins/available" => Self::Admin,
            "GET" | "HEAD" if path.starts_with("/api/v1/admin/") => Self::Admin,
            "GET" | "HEAD" | "OPTIONS" => Self::Read,
            "POST" if ASKED_BY_POST.contains(&path) => Self::Read,
            "POST" if is_pushed(path) => Self::Write,
            // A wipe is everybody's groups.
            "POST" | "PUT" | "DELETE" if path.starts_with("/push/metrics/") => Self::Write,
            _ => Self::Admin,
        }
    }

    /// Whether who has this role may do what needs the other.
    pub(crate) fn may(self, needed: Self) -> bool {
        self == Self::Admin || self == needed
    }
}

fn is_pushed(path: &str) -> bool {
    matches!(
        path,
        "/api/v1/write"
            | "/api/v1/otlp/v1/metrics"
            | "/api/v2/alerts"
            | "/alertmanager/api/v2/alerts"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_needs_more() {
        for (method, path, expected) in [
            ("GET", "/", Role::Read),
            ("GET", "/api/v1/query", Role::Read),
            ("POST", "/api/v1/query", Role::Read),
            ("POST", "/api/v1/read", Role::Read),
            ("GET", "/federate", Role::Read),
            ("OPTIONS", "/api/v1/query", Role::Read),
            ("POST", "/api/v1/write", Role::Write),
            ("PUT", "/push/metrics/job/a", Role::Write),
            ("POST", "/api/v2/alerts", Role::Write),
            ("PUT", "/push/api/v1/admin/wipe", Role::Admin),
            ("POST", "/api/v2/silences", Role::Admin),
            ("DELETE", "/api/v2/silence/1", Role::Admin),
            ("POST", "/-/reload", Role::Admin),
            // It has others asked, and shows all that they say.
            ("POST", "/api/v1/targets/preview", Role::Admin),
            ("PUT", "/-/quit", Role::Admin),
            ("POST", "/api/v1/admin/tsdb/snapshot", Role::Admin),
            ("GET", "/api/v1/plugins/redis/logs", Role::Admin),
            ("POST", "/api/v1/plugins/redis/reload", Role::Admin),
            ("POST", "/api/v1/plugins/redis/remove", Role::Admin),
            ("POST", "/api/v1/plugins/install", Role::Admin),
            ("GET", "/api/v1/plugins/available", Role::Admin),
            ("POST", "/api/v1/new", Role::Admin),
            ("TRACE", "/", Role::Admin),
        ] {
            assert_eq!(Role::needed(method, path), expected, "{method} {path}");
        }
        assert!(Role::Admin.may(Role::Write) && Role::Read.may(Role::Read));
        assert!(!Role::Write.may(Role::Read) && !Role::Read.may(Role::Admin));
    }
}
