//! Which numbers of the API become which families: nginx-prometheus-exporter's names.

/// A part of the API.
pub(super) struct Part {
    /// Its path, below the version.
    pub(super) path: &'static str,
    /// The label that its objects' names go to; none where the answer is one object.
    pub(super) label: Option<&'static str>,
    /// What its families' names begin with.
    pub(super) prefix: &'static str,
    pub(super) fields: &'static [&'static [Field]],
    /// For upstreams: the same of each server.
    pub(super) peers: Option<(&'static str, &'static [&'static [Field]])>,
}

/// A number of an object.
pub(super) struct Field {
    /// The rest of the family's name.
    pub(super) name: &'static str,
    /// Where it is in the object, as a JSON pointer; empty where it has the name.
    pub(super) pointer: &'static str,
    /// Whether it only grows.
    pub(super) counts: bool,
    pub(super) help: &'static str,
}

const fn counter(name: &'static str, help: &'static str) -> Field {
    Field {
        name,
        pointer: "",
        counts: true,
        help,
    }
}

const fn gauge(name: &'static str, help: &'static str) -> Field {
    let counts = false;
    Field {
        counts,
        ..counter(name, help)
    }
}

impl Field {
    /// It is elsewhere in the object.
    const fn at(self, pointer: &'static str) -> Self {
        Self { pointer, ..self }
    }
}

/// What clients ask of a zone.
const REQUESTS: &[Field] = &[
    counter("requests", "Client requests."),
    counter("responses", "Responses by the class of their status."),
    counter("discarded", "Requests that ended without a response."),
    counter("received", "Bytes that came from clients."),
    counter("sent", "Bytes that went to clients."),
];

/// What is known of each server of an upstream, for requests and for connections.
const SERVER: &[Field] = &[
    gauge(
        "state",
        "1 up, 2 draining, 3 down, 4 unavail, 5 checking, 6 unhealthy.",
    ),
    gauge("active", "Connections that are open."),
    gauge("limit", "The most connections that are allowed.").at("/max_conns"),
    counter("sent", "Bytes that went to the server."),
    counter("received", "Bytes that came from the server."),
    counter("fails", "Attempts that failed."),
    counter("unavail", "How often the server became unavailable."),
    gauge(
        "response_time",
        "Average time to the end of the response, in milliseconds.",
    ),
    counter("health_checks_checks", "Health checks.").at("/health_checks/checks"),
    counter("health_checks_fails", "Health checks that failed.").at("/health_checks/fails"),
    counter(
        "health_checks_unhealthy",
        "How often the server became unhealthy.",
    )
    .at("/health_checks/unhealthy"),
];

pub(super) const PARTS: &[Part] = &[
    Part {
        path: "connections",
        label: None,
        prefix: "nginxplus_connections",
        fields: &[&[
            counter("accepted", "Client connections that were accepted."),
            counter("dropped", "Client connections that were dropped."),
            gauge("active", "Client connections that are at work."),
            gauge("idle", "Client connections that are idle."),
        ]],
        peers: None,
    },
    Part {
        path: "ssl",
        label: None,
        prefix: "nginxplus_ssl",
        fields: &[&[
            counter("handshakes", "TLS handshakes."),
            counter("handshakes_failed", "TLS handshakes that failed."),
            counter("session_reuses", "TLS sessions that were taken up again."),
        ]],
        peers: None,
    },
    Part {
        path: "http/requests",
        label: None,
        prefix: "nginxplus_http_requests",
        fields: &[&[
            counter("total", "Client requests."),
            gauge("current", "Client requests that are at work."),
        ]],
        peers: None,
    },
    Part {
        path: "http/server_zones",
        label: Some("server_zone"),
        prefix: "nginxplus_server_zone",
        fields: &[
            &[gauge("processing", "Requests that are at work.")],
            REQUESTS,
        ],
        peers: None,
    },
    Part {
        path: "http/location_zones",
        label: Some("location_zone"),
        prefix: "nginxplus_location_zone",
        fields: &[REQUESTS],
        peers: None,
    },
    Part {
        path: "http/upstreams",
        label: Some("upstream"),
        prefix: "nginxplus_upstream",
        fields: &[&[
            gauge("keepalive", "Idle connections that are kept."),
            gauge(
                "zombies",
                "Servers that were removed but still have requests.",
            ),
        ]],
        peers: Some((
            "nginxplus_upstream_server",
            &[
                SERVER,
                &[
                    counter("requests", "Requests to the server."),
                    counter("responses", "Responses by the class of their status."),
                    gauge(
                        "header_time",
                        "Average time to the header of the response, in milliseconds.",
                    ),
                ],
            ],
        )),
    },
    Part {
        path: "http/caches",
        label: Some("cache"),
        prefix: "nginxplus_cache",
        fields: &[&[
            gauge("size", "Bytes in the cache."),
            gauge("max_size", "The most bytes that are allowed."),
            gauge(
                "cold",
                "Whether the loader is still reading the cache from disk.",
            ),
            counter("hit_responses", "Responses from the cache.").at("/hit/responses"),
            counter("hit_bytes", "Bytes from the cache.").at("/hit/bytes"),
            counter(
                "stale_responses",
                "Responses from the cache though expired.",
            )
            .at("/stale/responses"),
            counter("stale_bytes", "Bytes from the cache though expired.").at("/stale/bytes"),
            counter(
                "updating_responses",
                "Responses from the cache while it was renewed.",
            )
            .at("/updating/responses"),
            counter(
                "updating_bytes",
                "Bytes from the cache while it was renewed.",
            )
            .at("/updating/bytes"),
            counter(
                "revalidated_responses",
                "Responses from the cache after the server confirmed them.",
            )
            .at("/revalidated/responses"),
            counter(
                "revalidated_bytes",
                "Bytes from the cache after the server confirmed them.",
            )
            .at("/revalidated/bytes"),
            counter("miss_responses", "Responses not found in the cache.").at("/miss/responses"),
            counter("miss_bytes", "Bytes not found in the cache.").at("/miss/bytes"),
            counter(
                "miss_responses_written",
                "Responses not found in the cache that were written to it.",
            )
            .at("/miss/responses_written"),
            counter(
                "miss_bytes_written",
                "Bytes not found in the cache that were written to it.",
            )
            .at("/miss/bytes_written"),
            counter("expired_responses", "Responses expired in the cache.")
                .at("/expired/responses"),
            counter("expired_bytes", "Bytes expired in the cache.").at("/expired/bytes"),
            counter(
                "expired_responses_written",
                "Responses expired in the cache that were written to it.",
            )
            .at("/expired/responses_written"),
            counter(
                "expired_bytes_written",
                "Bytes expired in the cache that were written to it.",
            )
            .at("/expired/bytes_written"),
            counter("bypass_responses", "Responses not looked up in the cache.")
                .at("/bypass/responses"),
            counter("bypass_bytes", "Bytes not looked up in the cache.").at("/bypass/bytes"),
            counter(
                "bypass_responses_written",
                "Responses not looked up in the cache that were written to it.",
            )
            .at("/bypass/responses_written"),
            counter(
                "bypass_bytes_written",
                "Bytes not looked up in the cache that were written to it.",
            )
            .at("/bypass/bytes_written"),
        ]],
        peers: None,
    },
    Part {
        path: "http/limit_reqs",
        label: Some("zone"),
        prefix: "nginxplus_limit_request",
        fields: &[&[
            counter(
                "passed",
                "Requests that were neither limited nor counted as limited.",
            ),
            counter("delayed", "Requests that were delayed."),
            counter("rejected", "Requests that were rejected."),
            counter("delayed_dry_run", "Requests that would have been delayed."),
            counter(
                "rejected_dry_run",
                "Requests that would have been rejected.",
            ),
        ]],
        peers: None,
    },
    Part {
        path: "http/limit_conns",
        label: Some("zone"),
        prefix: "nginxplus_limit_connection",
        fields: &[&[
            counter(
                "passed",
                "Connections that were neither limited nor counted as limited.",
            ),
            counter("rejected", "Connections that were rejected."),
            counter(
                "rejected_dry_run",
                "Connections that would have been rejected.",
            ),
        ]],
        peers: None,
    },
    Part {
        path: "stream/server_zones",
        label: Some("server_zone"),
        prefix: "nginxplus_stream_server_zone",
        fields: &[&[
            gauge("processing", "Connections that are at work."),
            counter("connections", "Client connections."),
            counter("sessions", "Sessions by the class of their status."),
            counter("discarded", "Connections that ended without a session."),
            counter("received", "Bytes that came from clients."),
            counter("sent", "Bytes that went to clients."),
        ]],
        peers: None,
    },
    Part {
        path: "stream/upstreams",
        label: Some("upstream"),
        prefix: "nginxplus_stream_upstream",
        fields: &[&[gauge(
            "zombies",
            "Servers that were removed but still have connections.",
        )]],
        peers: Some((
            "nginxplus_stream_upstream_server",
            &[
                SERVER,
                &[
                    counter("connections", "Connections to the server."),
                    gauge("connect_time", "Average time to connect, in milliseconds."),
                    gauge(
                        "first_byte_time",
                        "Average time to the first byte, in milliseconds.",
                    ),
                ],
            ],
        )),
    },
    Part {
        path: "resolvers",
        label: Some("resolver"),
        prefix: "nginxplus_resolver",
        fields: &[&[
            counter("name", "Names that were looked up.").at("/requests/name"),
            counter("srv", "SRV records that were looked up.").at("/requests/srv"),
            counter("addr", "Addresses that were looked up.").at("/requests/addr"),
            counter("noerror", "Answers without an error.").at("/responses/noerror"),
            counter("formerr", "Answers FORMERR.").at("/responses/formerr"),
            counter("servfail", "Answers SERVFAIL.").at("/responses/servfail"),
            counter("nxdomain", "Answers NXDOMAIN.").at("/responses/nxdomain"),
            counter("notimp", "Answers NOTIMP.").at("/responses/notimp"),
            counter("refused", "Answers REFUSED.").at("/responses/refused"),
            counter("timedout", "Requests without an answer.").at("/responses/timedout"),
            counter("unknown", "Answers of any other kind.").at("/responses/unknown"),
        ]],
        peers: None,
    },
];
