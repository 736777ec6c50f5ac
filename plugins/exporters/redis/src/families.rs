//! From the server's answers to families.

use narthex_sdk::{Batch, MetricKind};

use crate::fields::{COUNTERS, GAUGES};
use crate::info::{Info, number, part, parts};
use crate::resp::Reply;

/// The most databases that are reported without keys in them.
const DATABASES_MAX: u32 = 4096;

/// The fields of INFO that say who the server is.
const IDENTITY: [&str; 9] = [
    "maxmemory_policy",
    "os",
    "process_id",
    "redis_build_id",
    "redis_mode",
    "redis_version",
    "role",
    "run_id",
    "tcp_port",
];

/// Writes the fields that are families as they are, and those that are after a small change.
pub(crate) fn write_fields(info: &Info, now_s: f64, batch: &mut Batch) {
    for (kind, list) in [
        (MetricKind::Gauge, &GAUGES[..]),
        (MetricKind::Counter, &COUNTERS[..]),
    ] {
        for (field, family) in list {
            if let Some(value) = info.number(field) {
                let help = format!("Field {field} of INFO.");
                batch
                    .family(kind, &format!("redis_{family}"), &help)
                    .sample(&[], value);
            }
        }
    }
    if let Some(ratio) = info.number("mem_fragmentation_ratio") {
        // Dashboards of older exporters ask for this name.
        batch
            .gauge(
                "redis_memory_fragmentation_ratio",
                "Field mem_fragmentation_ratio of INFO.",
            )
            .sample(&[], ratio);
    }
    if let Some(microseconds) = info.number("latest_fork_usec") {
        batch
            .gauge("redis_latest_fork_seconds", "How long the last fork took.")
            .sample(&[], microseconds / 1e6);
    }
    if let Some(uptime) = info.number("uptime_in_seconds") {
        batch
            .gauge(
                "redis_start_time_seconds",
                "When the server was started, since the Unix epoch.",
            )
            .sample(&[], now_s - uptime);
    }
    let labels = IDENTITY.iter().map(|field| (*field, info.text(field)));
    // A Valkey has these beside the version of Redis that it stands for.
    let valkey = ["valkey_release_stage", "valkey_version"];
    let valkey = valkey
        .iter()
        .filter_map(|field| Some((*field, info.get(field)?)));
    let labels: Vec<(&str, &str)> = labels.chain(valkey).collect();
    batch
        .gauge(
            "redis_instance_info",
            "Who the server is; the value is always 1.",
        )
        .sample(&labels, 1.0);
}

/// Writes fields that begin with `cluster_`, from INFO or from CLUSTER INFO.
pub(crate) fn write_cluster(info: &Info, batch: &mut Batch) {
    for (rest, text) in info.with_prefix("cluster_") {
        let family = match rest {
            "stats_messages_sent" | "stats_messages_received" => continue,
            _ => format!("redis_cluster_{rest}"),
        };
        if let Some(value) = number(text) {
            let help = format!("Field cluster_{rest} of the server.");
            batch.gauge(&family, &help).sample(&[], value);
        }
    }
}

/// Writes the counters of each command and of each kind of error.
pub(crate) fn write_commands(info: &Info, batch: &mut Batch) {
    let commands: Vec<(&str, &str)> = info.with_prefix("cmdstat_").collect();
    for (name, key, factor, help) in [
        (
            "redis_commands_total",
            "calls",
            1.0,
            "Calls of each command.",
        ),
        (
            "redis_commands_duration_seconds_total",
            "usec",
            1e-6,
            "Time spent in each command.",
        ),
        (
            "redis_commands_rejected_calls_total",
            "rejected_calls",
            1.0,
            "Calls of each command that were refused before they ran.",
        ),
        (
            "redis_commands_failed_calls_total",
            "failed_calls",
            1.0,
            "Calls of each command that failed while they ran.",
        ),
    ] {
        let mut family = batch.counter(name, help);
        for (command, value) in &commands {
            if let Some(value) = part(value, key).and_then(number) {
                // Division gives the nearest double of a decimal; multiplication may not.
                let value = if factor < 1.0 { value / 1e6 } else { value };
                family.sample(&[("cmd", command)], value);
            }
        }
    }

    let mut family = batch.family(
        MetricKind::Summary,
        "redis_latency_percentiles_usec",
        "How long calls of each command took, in microseconds.",
    );
    for (command, value) in info.with_prefix("latency_percentiles_usec_") {
        let cmd = ("cmd", command);
        for (quantile, value) in parts(value) {
            let quantile = quantile.strip_prefix('p').unwrap_or(quantile);
            if let Some(value) = number(value) {
                family.sample(&[cmd, ("quantile", quantile)], value);
            }
        }
        let statistics = info.text(&format!("cmdstat_{command}")).to_owned();
        for (suffix, key) in [("_sum", "usec"), ("_count", "calls")] {
            if let Some(value) = part(&statistics, key).and_then(number) {
                family.suffixed(suffix, &[cmd], value);
            }
        }
    }

    let mut family = batch.counter("redis_errors_total", "Errors sent to clients, by kind.");
    for (kind, value) in info.with_prefix("errorstat_") {
        if let Some(count) = part(value, "count").and_then(number) {
            family.sample(&[("err", kind)], count);
        }
    }
}

/// Writes the databases; those of the first `databases` that have no keys too.
pub(crate) fn write_databases(info: &Info, databases: u32, batch: &mut Batch) {
    let mut present: Vec<(String, &str)> = info
        .with_prefix("db")
        .filter(|(index, value)| index.parse::<u32>().is_ok() && value.contains("keys="))
        .map(|(index, value)| (format!("db{index}"), value))
        .collect();
    for index in 0..databases.min(DATABASES_MAX) {
        let name = format!("db{index}");
        if !present.iter().any(|(have, _)| *have == name) {
            present.push((name, "keys=0,expires=0"));
        }
    }
    for (family, key, divisor, help) in [
        ("redis_db_keys", "keys", 1.0, "Keys in each database."),
        (
            "redis_db_keys_expiring",
            "expires",
            1.0,
            "Keys in each database that will expire.",
        ),
        (
            "redis_db_avg_ttl_seconds",
            "avg_ttl",
            1000.0,
            "How long keys that will expire have left, on average.",
        ),
    ] {
        let mut family = batch.gauge(family, help);
        for (name, value) in &present {
            if let Some(value) = part(value, key).and_then(number) {
                family.sample(&[("db", name)], value / divisor);
            }
        }
    }
}

/// Writes what a primary knows of its replicas, and a replica of its primary.
pub(crate) fn write_replication(info: &Info, batch: &mut Batch) {
    let replicas: Vec<&str> = info
        .with_prefix("slave")
        .filter(|(index, value)| index.parse::<u32>().is_ok() && value.contains("ip="))
        .map(|(_, value)| value)
        .collect();
    for (name, key, help) in [
        (
            "redis_connected_slave_offset_bytes",
            "offset",
            "How far each replica is in the replication stream.",
        ),
        (
            "redis_connected_slave_lag_seconds",
            "lag",
            "How long ago each replica was heard.",
        ),
    ] {
        let mut family = batch.gauge(name, help);
        for value in &replicas {
            let label = |key| part(value, key).unwrap_or_default();
            let labels = [
                ("slave_ip", label("ip")),
                ("slave_port", label("port")),
                ("slave_state", label("state")),
            ];
            if let Some(number) = part(value, key).and_then(number) {
                family.sample(&labels, number);
            }
        }
    }

    if info.text("role") != "slave" {
        return;
    }
    let primary = [
        ("master_host", info.text("master_host")),
        ("master_port", info.text("master_port")),
    ];
    let link_up = f64::from(u8::from(info.text("master_link_status") == "up"));
    batch
        .gauge(
            "redis_master_link_up",
            "Whether the replica hears its primary.",
        )
        .sample(&primary, link_up);
    for (name, field, help) in [
        (
            "redis_master_last_io_seconds_ago",
            "master_last_io_seconds_ago",
            "When the replica last heard its primary.",
        ),
        (
            "redis_master_sync_in_progress",
            "master_sync_in_progress",
            "Whether the replica copies its primary as a whole.",
        ),
        (
            "redis_slave_repl_offset",
            "slave_repl_offset",
            "How far the replica is in the replication stream.",
        ),
    ] {
        if let Some(value) = info.number(field) {
            batch.gauge(name, help).sample(&primary, value);
        }
    }
    let read_only = ("read_only", info.text("slave_read_only"));
    batch
        .gauge(
            "redis_slave_info",
            "Whose replica the server is; the value is always 1.",
        )
        .sample(&[primary[0], primary[1], read_only], 1.0);
}

/// Writes the length of the slow log and its newest entry: `[id, time, microseconds, ...]`.
pub(crate) fn write_slow_log(length: &Reply, newest: &Reply, batch: &mut Batch) {
    let Some(length) = length.as_number() else {
        return;
    };
    let entry = newest.elements().first().map_or(&[][..], Reply::elements);
    let field = |index: usize| entry.get(index).and_then(Reply::as_number).unwrap_or(0.0);
    for (name, help, value) in [
        ("redis_slowlog_length", "Entries in the slow log.", length),
        (
            "redis_slowlog_last_id",
            "Number of the newest entry in the slow log.",
            field(0),
        ),
        (
            "redis_last_slow_execution_duration_seconds",
            "How long the newest entry of the slow log took.",
            field(2) / 1e6,
        ),
    ] {
        batch.gauge(name, help).sample(&[], value);
    }
}

/// Writes the events of the latency monitor: `[name, time, last, greatest]` in milliseconds.
pub(crate) fn write_latency(latest: &Reply, batch: &mut Batch) {
    for (name, index, divisor, help) in [
        (
            "redis_latency_spike_last",
            1,
            1.0,
            "When the event last was slow, since the Unix epoch.",
        ),
        (
            "redis_latency_spike_duration_seconds",
            2,
            1000.0,
            "How long the event's last slow occurrence took.",
        ),
    ] {
        let mut family = batch.gauge(name, help);
        for event in latest.elements().iter().map(Reply::elements) {
            let label = event.first().and_then(Reply::as_text);
            let value = event.get(index).and_then(Reply::as_number);
            if let (Some(label), Some(value)) = (label, value) {
                family.sample(&[("event_name", label)], value / divisor);
            }
        }
    }
}
