//! Which numbers of the API become which families: nginx-prometheus-exporter's names.

/// A part of the API.
pub(super) struct Part {
    /// Its path, below the version.
    pub(super) path: &'static str,
    /// The label that its objects' names go to; none where the answer is one object.
    pub(super) label: Option<&'static str>,
    /// What its families' names begin with.
    pub(super) prefix: &'static str,
    pub(super) fields: &'static [Field],
    /// For upstreams: the same of each server.
    pub(super) peers: Option<(&'static str, &'static [Field])>,
}

/// A number of an object.
pub(super) struct Field {
    /// The rest of the family's name.
    pub(super) name: &'static str,
    /// Where it is in the object, as a JSON pointer.
    pub(super) pointer: &'static str,
    /// Whether it only grows.
    pub(super) counts: bool,
    pub(super) help: &'static str,
}

const fn counter(name: &'static str, pointer: &'static str, help: &'static str) -> Field {
    Field {
        name,
        pointer,
        counts: true,
        help,
    }
}

const fn gauge(name: &'static str, pointer: &'static str, help: &'static str) -> Field {
    Field {
        name,
        pointer,
        counts: false,
        help,
    }
}

pub(super) const PARTS: &[Part] = &[
    Part {
        path: "connections",
        label: None,
        prefix: "nginxplus_connections",
        fields: &[
            counter(
                "accepted",
                "/accepted",
                "Client connections that were accepted.",
            ),
            counter(
                "dropped",
                "/dropped",
                "Client connections that were dropped.",
            ),
            gauge("active", "/active", "Client connections that are at work."),
            gauge("idle", "/idle", "Client connections that are idle."),
        ],
        peers: None,
    },
    Part {
        path: "ssl",
        label: None,
        prefix: "nginxplus_ssl",
        fields: &[
            counter("handshakes", "/handshakes", "TLS handshakes."),
            counter(
                "handshakes_failed",
                "/handshakes_failed",
                "TLS handshakes that failed.",
            ),
            counter(
                "session_reuses",
                "/session_reuses",
                "TLS sessions that were taken up again.",
            ),
        ],
        peers: None,
    },
    Part {
        path: "http/requests",
        label: None,
        prefix: "nginxplus_http_requests",
        fields: &[
            counter("total", "/total", "Client requests."),
            gauge("current", "/current", "Client requests that are at work."),
        ],
        peers: None,
    },
    Part {
        path: "http/server_zones",
        label: Some("server_zone"),
        prefix: "nginxplus_server_zone",
        fields: &[
            gauge("processing", "/processing", "Requests that are at work."),
            counter("requests", "/requests", "Client requests."),
            counter(
                "responses",
                "/responses",
                "Responses by the class of their status.",
            ),
            counter(
                "discarded",
                "/discarded",
                "Requests that ended without a response.",
            ),
            counter("received", "/received", "Bytes that came from clients."),
            counter("sent", "/sent", "Bytes that went to clients."),
        ],
        peers: None,
    },
    Part {
        path: "http/location_zones",
        label: Some("location_zone"),
        prefix: "nginxplus_location_zone",
        fields: &[
            counter("requests", "/requests", "Client requests."),
            counter(
                "responses",
                "/responses",
                "Responses by the class of their status.",
            ),
            counter(
                "discarded",
                "/discarded",
                "Requests that ended without a response.",
            ),
            counter("received", "/received", "Bytes that came from clients."),
            counter("sent", "/sent", "Bytes that went to clients."),
        ],
        peers: None,
    },
    Part {
        path: "http/upstreams",
        label: Some("upstream"),
        prefix: "nginxplus_upstream",
        fields: &[
            gauge("keepalive", "/keepalive", "Idle connections that are kept."),
            gauge(
                "zombies",
                "/zombies",
                "Servers that were removed but still have requests.",
            ),
        ],
        peers: Some((
            "nginxplus_upstream_server",
            &[
                gauge(
                    "state",
                    "/state",
                    "1 up, 2 draining, 3 down, 4 unavail, 5 checking, 6 unhealthy.",
                ),
                gauge("active", "/active", "Connections that are open."),
                gauge(
                    "limit",
                    "/max_conns",
                    "The most connections that are allowed.",
                ),
                counter("sent", "/sent", "Bytes that went to the server."),
                counter("received", "/received", "Bytes that came from the server."),
                counter("fails", "/fails", "Attempts that failed."),
                counter(
                    "unavail",
                    "/unavail",
                    "How often the server became unavailable.",
                ),
                gauge(
                    "response_time",
                    "/response_time",
                    "Average time to the end of the response, in milliseconds.",
                ),
                counter(
                    "health_checks_checks",
                    "/health_checks/checks",
                    "Health checks.",
                ),
                counter(
                    "health_checks_fails",
                    "/health_checks/fails",
                    "Health checks that failed.",
                ),
                counter(
                    "health_checks_unhealthy",
                    "/health_checks/unhealthy",
                    "How often the server became unhealthy.",
                ),
                counter("requests", "/requests", "Requests to the server."),
                counter(
                    "responses",
                    "/responses",
                    "Responses by the class of their status.",
                ),
                gauge(
                    "header_time",
                    "/header_time",
                    "Average time to the header of the response, in milliseconds.",
                ),
            ],
        )),
    },
    Part {
        path: "http/caches",
        label: Some("cache"),
        prefix: "nginxplus_cache",
        fields: &[
            gauge("size", "/size", "Bytes in the cache."),
            gauge("max_size", "/max_size", "The most bytes that are allowed."),
            gauge(
                "cold",
                "/cold",
                "Whether the loader is still reading the cache from disk.",
            ),
            counter(
                "hit_responses",
                "/hit/responses",
                "Responses from the cache.",
            ),
            counter("hit_bytes", "/hit/bytes", "Bytes from the cache."),
            counter(
                "stale_responses",
                "/stale/responses",
                "Responses from the cache though expired.",
            ),
            counter(
                "stale_bytes",
                "/stale/bytes",
                "Bytes from the cache though expired.",
            ),
            counter(
                "updating_responses",
                "/updating/responses",
                "Responses from the cache while it was renewed.",
            ),
            counter(
                "updating_bytes",
                "/updating/bytes",
                "Bytes from the cache while it was renewed.",
            ),
            counter(
                "revalidated_responses",
                "/revalidated/responses",
                "Responses from the cache after the server confirmed them.",
            ),
            counter(
                "revalidated_bytes",
                "/revalidated/bytes",
                "Bytes from the cache after the server confirmed them.",
            ),
            counter(
                "miss_responses",
                "/miss/responses",
                "Responses not found in the cache.",
            ),
            counter("miss_bytes", "/miss/bytes", "Bytes not found in the cache."),
            counter(
                "miss_responses_written",
                "/miss/responses_written",
                "Responses not found in the cache that were written to it.",
            ),
            counter(
                "miss_bytes_written",
                "/miss/bytes_written",
                "Bytes not found in the cache that were written to it.",
            ),
            counter(
                "expired_responses",
                "/expired/responses",
                "Responses expired in the cache.",
            ),
            counter(
                "expired_bytes",
                "/expired/bytes",
                "Bytes expired in the cache.",
            ),
            counter(
                "expired_responses_written",
                "/expired/responses_written",
                "Responses expired in the cache that were written to it.",
            ),
            counter(
                "expired_bytes_written",
                "/expired/bytes_written",
                "Bytes expired in the cache that were written to it.",
            ),
            counter(
                "bypass_responses",
                "/bypass/responses",
                "Responses not looked up in the cache.",
            ),
            counter(
                "bypass_bytes",
                "/bypass/bytes",
                "Bytes not looked up in the cache.",
            ),
            counter(
                "bypass_responses_written",
                "/bypass/responses_written",
                "Responses not looked up in the cache that were written to it.",
            ),
            counter(
                "bypass_bytes_written",
                "/bypass/bytes_written",
                "Bytes not looked up in the cache that were written to it.",
            ),
        ],
        peers: None,
    },
    Part {
        path: "http/limit_reqs",
        label: Some("zone"),
        prefix: "nginxplus_limit_request",
        fields: &[
            counter(
                "passed",
                "/passed",
                "Requests that were neither limited nor counted as limited.",
            ),
            counter("delayed", "/delayed", "Requests that were delayed."),
            counter("rejected", "/rejected", "Requests that were rejected."),
            counter(
                "delayed_dry_run",
                "/delayed_dry_run",
                "Requests that would have been delayed.",
            ),
            counter(
                "rejected_dry_run",
                "/rejected_dry_run",
                "Requests that would have been rejected.",
            ),
        ],
        peers: None,
    },
    Part {
        path: "http/limit_conns",
        label: Some("zone"),
        prefix: "nginxplus_limit_connection",
        fields: &[
            counter(
                "passed",
                "/passed",
                "Connections that were neither limited nor counted as limited.",
            ),
            counter("rejected", "/rejected", "Connections that were rejected."),
            counter(
                "rejected_dry_run",
                "/rejected_dry_run",
                "Connections that would have been rejected.",
            ),
        ],
        peers: None,
    },
    Part {
        path: "stream/server_zones",
        label: Some("server_zone"),
        prefix: "nginxplus_stream_server_zone",
        fields: &[
            gauge("processing", "/processing", "Connections that are at work."),
            counter("connections", "/connections", "Client connections."),
            counter(
                "sessions",
                "/sessions",
                "Sessions by the class of their status.",
            ),
            counter(
                "discarded",
                "/discarded",
                "Connections that ended without a session.",
            ),
            counter("received", "/received", "Bytes that came from clients."),
            counter("sent", "/sent", "Bytes that went to clients."),
        ],
        peers: None,
    },
    Part {
        path: "stream/upstreams",
        label: Some("upstream"),
        prefix: "nginxplus_stream_upstream",
        fields: &[gauge(
            "zombies",
            "/zombies",
            "Servers that were removed but still have connections.",
        )],
        peers: Some((
            "nginxplus_stream_upstream_server",
            &[
                gauge(
                    "state",
                    "/state",
                    "1 up, 2 draining, 3 down, 4 unavail, 5 checking, 6 unhealthy.",
                ),
                gauge("active", "/active", "Connections that are open."),
                gauge(
                    "limit",
                    "/max_conns",
                    "The most connections that are allowed.",
                ),
                counter("sent", "/sent", "Bytes that went to the server."),
                counter("received", "/received", "Bytes that came from the server."),
                counter("fails", "/fails", "Attempts that failed."),
                counter(
                    "unavail",
                    "/unavail",
                    "How often the server became unavailable.",
                ),
                gauge(
                    "response_time",
                    "/response_time",
                    "Average time to the end of the response, in milliseconds.",
                ),
                counter(
                    "health_checks_checks",
                    "/health_checks/checks",
                    "Health checks.",
                ),
                counter(
                    "health_checks_fails",
                    "/health_checks/fails",
                    "Health checks that failed.",
                ),
                counter(
                    "health_checks_unhealthy",
                    "/health_checks/unhealthy",
                    "How often the server became unhealthy.",
                ),
                counter("connections", "/connections", "Connections to the server."),
                gauge(
                    "connect_time",
                    "/connect_time",
                    "Average time to connect, in milliseconds.",
                ),
                gauge(
                    "first_byte_time",
                    "/first_byte_time",
                    "Average time to the first byte, in milliseconds.",
                ),
            ],
        )),
    },
    Part {
        path: "resolvers",
        label: Some("resolver"),
        prefix: "nginxplus_resolver",
        fields: &[
            counter("name", "/requests/name", "Names that were looked up."),
            counter("srv", "/requests/srv", "SRV records that were looked up."),
            counter("addr", "/requests/addr", "Addresses that were looked up."),
            counter("noerror", "/responses/noerror", "Answers without an error."),
            counter("formerr", "/responses/formerr", "Answers FORMERR."),
            counter("servfail", "/responses/servfail", "Answers SERVFAIL."),
            counter("nxdomain", "/responses/nxdomain", "Answers NXDOMAIN."),
            counter("notimp", "/responses/notimp", "Answers NOTIMP."),
            counter("refused", "/responses/refused", "Answers REFUSED."),
            counter(
                "timedout",
                "/responses/timedout",
                "Requests without an answer.",
            ),
            counter(
                "unknown",
                "/responses/unknown",
                "Answers of any other kind.",
            ),
        ],
        peers: None,
    },
];
