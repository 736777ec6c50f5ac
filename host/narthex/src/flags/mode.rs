//! Which flags belong to a server, which to an agent, which to a querier, and which to a store.

use clap::ArgMatches;

use super::{Flags, is_given};

/// What the flags begin with that an agent has no use for.
const SERVER_ONLY: &[&str] = &[
    "alertmanager.",
    "cluster.",
    "grpc",
    "min-time",
    "query-range.",
    "query.",
    "rules.",
    "store.",
    "storage.object-store.",
    "storage.remote.read-",
    "storage.tsdb.",
];

/// What the flags begin with that only who keeps no samples has a use for.
const AGENT_ONLY: &[&str] = &["storage.agent."];

/// What the flags begin with that a querier has no use for: it keeps no samples.
const STORE_ONLY: &[&str] = &[
    "agent",
    "grpc-grace-period",
    "grpc-server-",
    "grpc.",
    "min-time",
    "storage.object-store.",
    "storage.tsdb.",
    "store.grpc.",
    "store.limits.",
];

/// What the flags begin with that only a querier has a use for.
const QUERIER_ONLY: &[&str] = &[
    "deduplication.",
    "endpoint",
    "grpc-client-",
    // What a host keeps holds as long as its own samples do, of which others know nothing.
    "query-range.response-cache-config-file",
    "query.partial-response",
    "query.pushdown",
    "query.replica-label",
    "store.response-timeout",
    "store.sd-",
    "rules.partial-response-strategy",
    "store.unhealthy-timeout",
];

/// What the flags begin with that a store has no use for: it reads the blocks of a bucket and
/// nothing else.
const NOT_OF_BUCKETS: &[&str] = &[
    "agent",
    "alertmanager.",
    "cluster.",
    "config.",
    "rules.",
    "scrape.",
    "storage.agent.",
    "storage.remote.flush-",
    "storage.tsdb.",
    "web.enable-admin-api",
    "web.enable-otlp-receiver",
    "web.enable-push",
    "web.enable-remote-write-receiver",
    "web.remote-write-receiver.",
];

/// What the flags begin with that only a store has a use for.
const BUCKETS_ONLY: &[&str] = &[
    "consistency-delay",
    "data-dir",
    "ignore-deletion-marks-delay",
    "index-cache-size",
    "max-time",
    "objstore.",
    "selector.",
    "sync-block-duration",
];

/// Says which flags do not go with the mode, in Prometheus' words.
pub(super) fn check(
    command: &clap::Command,
    matches: &ArgMatches,
    flags: &Flags,
) -> Result<(), String> {
    let querier_only = (QUERIER_ONLY, "can only be used by query serve");
    let store_only = (BUCKETS_ONLY, "can only be used by store");
    let wrong = match (flags.is_agent, flags.querier.is_on) {
        _ if flags.bucket_store.is_on => {
            vec![(NOT_OF_BUCKETS, "can not be used by store"), querier_only]
        }
        (_, true) => vec![(STORE_ONLY, "can not be used by query serve"), store_only],
        (true, false) => vec![
            (SERVER_ONLY, "can not be used in agent mode"),
            querier_only,
            store_only,
        ],
        (false, false) => vec![
            (AGENT_ONLY, "can only be used in agent mode"),
            querier_only,
            store_only,
        ],
    };
    for (prefixes, only) in wrong {
        let args = command.get_arguments().filter_map(|arg| {
            let name = arg.get_long()?;
            let plain = name.strip_prefix("no-").unwrap_or(name);
            let is_wrong = prefixes.iter().any(|prefix| plain.starts_with(prefix));
            let is_wrong = is_wrong && is_given(matches, arg.get_id().as_str());
            is_wrong.then(|| format!("\"--{name}\""))
        });
        let args: Vec<String> = args.collect();
        if !args.is_empty() {
            let args = args.join(" ");
            return Err(format!("The following flag(s) {only}: [{args}]"));
        }
    }
    Ok(())
}
