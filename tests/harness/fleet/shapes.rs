//! What the fake exporters look like: as node exporter, kube-state-metrics, cAdvisor and a service
//! with classic histograms do, in names, labels and how values move.
//!
//! The page of a node is a third of a real one with its shares (1,181 series of real exporters were
//! counted): two thirds of the series stand still, a quarter are whole numbers that move, the rest
//! are seconds with two decimals and a few measured times with all their digits.

use super::axes::{
    Axis, BUSY_MODE, CODE, COLLECTOR, CONTAINER, COOLER, CPU, DISK, FIXED_MEMORY, HANDLER, MEMORY,
    MOUNT, NETWORK, NEVER_PAGED, PAGED, PAGED_RARELY, PHASE, PROTOCOL, RARE_MODE, RESOURCE, SOCKET,
    UNUSED_MODE,
};
use super::values::Motion::{
    self, Bucket, Constant, Events, Measured, Pages, Seconds, Slow, SlowSeconds,
};

/// A line of a page, but for its value and the name of its pod.
#[derive(Debug)]
pub(crate) struct Line {
    /// Comments that come before it.
    pub(crate) header: String,
    pub(crate) name: String,
    /// Which pod of the page it is of, where it is of one.
    pub(crate) pod: Option<u64>,
    /// The other labels, as they are printed, without braces.
    pub(crate) labels: String,
    pub(crate) motion: Motion,
}

/// An exporter: the lines of its page.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// Name, type, labels with their values, and how it moves.
type Family = (&'static str, &'static str, &'static [Axis], Motion);

const NODE: &[Family] = &[
    (
        "node_cpu_seconds_total",
        "counter",
        &[CPU, BUSY_MODE],
        Seconds,
    ),
    (
        "node_cpu_seconds_total",
        "counter",
        &[CPU, RARE_MODE],
        SlowSeconds,
    ),
    (
        "node_cpu_seconds_total",
        "counter",
        &[CPU, UNUSED_MODE],
        Constant,
    ),
    ("node_cpu_core_throttles_total", "counter", &[CPU], Constant),
    ("node_cpu_online", "gauge", &[CPU], Constant),
    (
        "node_cooling_device_cur_state",
        "gauge",
        &[COOLER],
        Constant,
    ),
    (
        "node_cooling_device_max_state",
        "gauge",
        &[COOLER],
        Constant,
    ),
    ("node_sockstat_inuse", "gauge", &[SOCKET], Slow),
    ("node_sockstat_mem", "gauge", &[SOCKET], Constant),
    ("node_vmstat_paged_total", "counter", &[PAGED], Events),
    ("node_vmstat_rare_total", "counter", &[PAGED_RARELY], Slow),
    (
        "node_vmstat_never_total",
        "counter",
        &[NEVER_PAGED],
        Constant,
    ),
    ("node_cpu_frequency_hertz", "gauge", &[CPU], Constant),
    (
        "node_schedstat_running_seconds_total",
        "counter",
        &[CPU],
        Seconds,
    ),
    (
        "node_schedstat_waiting_seconds_total",
        "counter",
        &[CPU],
        Seconds,
    ),
    ("node_softnet_dropped_total", "counter", &[CPU], Constant),
    ("node_softnet_processed_total", "counter", &[CPU], Events),
    ("node_softnet_times_squeezed_total", "counter", &[CPU], Slow),
    ("node_disk_io_now", "gauge", &[DISK], Constant),
    (
        "node_disk_io_time_seconds_total",
        "counter",
        &[DISK],
        Seconds,
    ),
    ("node_disk_read_bytes_total", "counter", &[DISK], Slow),
    ("node_disk_reads_completed_total", "counter", &[DISK], Slow),
    (
        "node_disk_write_time_seconds_total",
        "counter",
        &[DISK],
        Seconds,
    ),
    (
        "node_disk_writes_completed_total",
        "counter",
        &[DISK],
        Events,
    ),
    ("node_disk_written_bytes_total", "counter", &[DISK], Events),
    (
        "node_disk_discards_completed_total",
        "counter",
        &[DISK],
        Constant,
    ),
    ("node_filesystem_avail_bytes", "gauge", &[MOUNT], Pages),
    ("node_filesystem_device_error", "gauge", &[MOUNT], Constant),
    ("node_filesystem_files", "gauge", &[MOUNT], Constant),
    ("node_filesystem_files_free", "gauge", &[MOUNT], Slow),
    ("node_filesystem_readonly", "gauge", &[MOUNT], Constant),
    ("node_filesystem_size_bytes", "gauge", &[MOUNT], Constant),
    ("node_memory_bytes", "gauge", &[MEMORY], Pages),
    (
        "node_memory_fixed_bytes",
        "gauge",
        &[FIXED_MEMORY],
        Constant,
    ),
    ("node_netstat_in_total", "counter", &[PROTOCOL], Events),
    ("node_netstat_out_total", "counter", &[PROTOCOL], Events),
    (
        "node_netstat_errors_total",
        "counter",
        &[PROTOCOL],
        Constant,
    ),
    (
        "node_netstat_retransmitted_total",
        "counter",
        &[PROTOCOL],
        Slow,
    ),
    (
        "node_netstat_overflows_total",
        "counter",
        &[PROTOCOL],
        Constant,
    ),
    (
        "node_network_receive_bytes_total",
        "counter",
        &[NETWORK],
        Events,
    ),
    (
        "node_network_receive_drop_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_errs_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_packets_total",
        "counter",
        &[NETWORK],
        Events,
    ),
    (
        "node_network_transmit_bytes_total",
        "counter",
        &[NETWORK],
        Events,
    ),
    (
        "node_network_transmit_drop_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_packets_total",
        "counter",
        &[NETWORK],
        Events,
    ),
    ("node_network_mtu_bytes", "gauge", &[NETWORK], Constant),
    ("node_network_up", "gauge", &[NETWORK], Constant),
    ("node_network_speed_bytes", "gauge", &[NETWORK], Constant),
    (
        "node_network_carrier_changes_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    ("node_network_flags", "gauge", &[NETWORK], Constant),
    (
        "node_network_address_assign_type",
        "gauge",
        &[NETWORK],
        Constant,
    ),
    ("node_network_carrier", "gauge", &[NETWORK], Constant),
    (
        "node_network_carrier_down_changes_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_carrier_up_changes_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    ("node_network_device_id", "gauge", &[NETWORK], Constant),
    ("node_network_dormant", "gauge", &[NETWORK], Constant),
    ("node_network_iface_id", "gauge", &[NETWORK], Constant),
    ("node_network_iface_link", "gauge", &[NETWORK], Constant),
    (
        "node_network_iface_link_mode",
        "gauge",
        &[NETWORK],
        Constant,
    ),
    ("node_network_info", "gauge", &[NETWORK], Constant),
    (
        "node_network_name_assign_type",
        "gauge",
        &[NETWORK],
        Constant,
    ),
    ("node_network_net_dev_group", "gauge", &[NETWORK], Constant),
    ("node_network_protocol_type", "gauge", &[NETWORK], Constant),
    (
        "node_network_receive_compressed_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_fifo_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_frame_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_multicast_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_receive_nohandler_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_carrier_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_colls_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_compressed_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_errs_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_fifo_total",
        "counter",
        &[NETWORK],
        Constant,
    ),
    (
        "node_network_transmit_queue_length",
        "gauge",
        &[NETWORK],
        Constant,
    ),
    (
        "node_scrape_collector_duration_seconds",
        "gauge",
        &[COLLECTOR],
        Measured,
    ),
    (
        "node_scrape_collector_success",
        "gauge",
        &[COLLECTOR],
        Constant,
    ),
    ("node_load1", "gauge", &[], Seconds),
    ("node_context_switches_total", "counter", &[], Events),
    ("node_forks_total", "counter", &[], Slow),
    ("node_boot_time_seconds", "gauge", &[], Constant),
    ("process_cpu_seconds_total", "counter", &[], Seconds),
    ("process_resident_memory_bytes", "gauge", &[], Pages),
    ("go_goroutines", "gauge", &[], Constant),
];

/// Of one pod; a page has [`PODS`] of them.
const KUBE_STATE: &[Family] = &[
    ("kube_pod_info", "gauge", &[], Constant),
    ("kube_pod_created", "gauge", &[], Constant),
    ("kube_pod_status_phase", "gauge", &[PHASE], Constant),
    ("kube_pod_container_info", "gauge", &[CONTAINER], Constant),
    (
        "kube_pod_container_status_ready",
        "gauge",
        &[CONTAINER],
        Constant,
    ),
    (
        "kube_pod_container_status_restarts_total",
        "counter",
        &[CONTAINER],
        Slow,
    ),
    (
        "kube_pod_container_resource_requests",
        "gauge",
        &[CONTAINER, RESOURCE],
        Constant,
    ),
    (
        "kube_pod_container_resource_limits",
        "gauge",
        &[CONTAINER, RESOURCE],
        Constant,
    ),
];

/// Of one pod as well.
const CADVISOR: &[Family] = &[
    (
        "container_cpu_usage_seconds_total",
        "counter",
        &[CONTAINER],
        Seconds,
    ),
    (
        "container_cpu_cfs_periods_total",
        "counter",
        &[CONTAINER],
        Events,
    ),
    (
        "container_cpu_cfs_throttled_periods_total",
        "counter",
        &[CONTAINER],
        Slow,
    ),
    (
        "container_memory_working_set_bytes",
        "gauge",
        &[CONTAINER],
        Pages,
    ),
    ("container_memory_rss", "gauge", &[CONTAINER], Pages),
    ("container_memory_cache", "gauge", &[CONTAINER], Slow),
    (
        "container_memory_failures_total",
        "counter",
        &[CONTAINER],
        Slow,
    ),
    (
        "container_fs_reads_total",
        "counter",
        &[CONTAINER],
        Constant,
    ),
    ("container_fs_writes_total", "counter", &[CONTAINER], Slow),
    (
        "container_spec_memory_limit_bytes",
        "gauge",
        &[CONTAINER],
        Constant,
    ),
    (
        "container_start_time_seconds",
        "gauge",
        &[CONTAINER],
        Constant,
    ),
];

/// Pods on a page.
const PODS: u64 = 22;

const BOUNDS: [&str; 12] = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf",
];

/// One exporter of each kind; the first is the most frequent one in a fleet.
pub(crate) fn all() -> [Shape; 4] {
    [
        Shape {
            name: "node",
            lines: lines(NODE, None),
        },
        Shape {
            name: "kube-state",
            lines: lines(KUBE_STATE, Some(PODS)),
        },
        Shape {
            name: "cadvisor",
            lines: lines(CADVISOR, Some(PODS)),
        },
        Shape {
            name: "app",
            lines: app(),
        },
    ]
}

/// The lines of all families, those of a family together; for each of so many pods where there are
/// any.
fn lines(families: &[Family], pods: Option<u64>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for (name, kind, axes, motion) in families {
        // Two entries for series that move in different ways are one family.
        let goes_on = lines.last().is_some_and(|line| line.name == *name);
        let mut header = if goes_on {
            String::new()
        } else {
            header(name, kind)
        };
        let chosen = combinations(axes);
        let pods = pods.map_or(vec![None], |pods| (0..pods).map(Some).collect());
        for (pod, mut labels) in pods
            .iter()
            .flat_map(|pod| chosen.iter().map(|it| (*pod, it.clone())))
        {
            if let Some(pod) = pod {
                labels.insert(0, format!("namespace=\"team-{}\"", pod % 5));
            }
            lines.push(Line {
                header: std::mem::take(&mut header),
                name: (*name).to_owned(),
                pod,
                labels: labels.join(","),
                motion: *motion,
            });
        }
    }
    lines
}

fn header(name: &str, kind: &str) -> String {
    format!("# HELP {name} What {name} counts.\n# TYPE {name} {kind}\n")
}

fn app() -> Vec<Line> {
    let requests: &[Family] = &[("http_requests_total", "counter", &[HANDLER, CODE], Events)];
    let mut lines = self::lines(requests, None);
    let name = "http_request_duration_seconds";
    let mut header = header(name, "histogram");
    let mut push = |suffix: &str, labels: String, motion| {
        lines.push(Line {
            header: std::mem::take(&mut header),
            name: format!("{name}{suffix}"),
            pod: None,
            labels,
            motion,
        });
    };
    for handler in HANDLER.1 {
        let of = format!("method=\"GET\",handler=\"{handler}\"");
        for (nth, bound) in (0..).zip(BOUNDS) {
            push("_bucket", format!("{of},le=\"{bound}\""), Bucket(nth));
        }
        push("_sum", of.clone(), Seconds);
        push("_count", of, Bucket(11));
    }
    lines
}

/// Every choice of one value for each axis, as `name="value"`.
fn combinations(axes: &[Axis]) -> Vec<Vec<String>> {
    axes.iter()
        .fold(vec![Vec::new()], |chosen, (name, values)| {
            let longer = chosen.iter().flat_map(|labels| {
                values.iter().map(move |value| {
                    let mut labels = labels.clone();
                    labels.push(format!("{name}=\"{value}\""));
                    labels
                })
            });
            longer.collect()
        })
}
