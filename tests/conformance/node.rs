//! The plugin `node` beside Debian's node_exporter on the same machine.

use narthex_tests::{Narthex, http, peers};

use crate::beside::Comparison;

/// What the plugin does not have, as its page says: what node_exporter asks other daemons, netlink
/// or the C library, and what it tells of itself. Memory that is a disk (`zram`) is left out by
/// newer versions of it as well.
const LEFT_OUT: &str = "node_exporter_.*|node_scrape_collector_.*|node_textfile_mtime_seconds|\
     node_disk_info|node_filesystem_device_error|node_selinux_.*|node_time_zone_offset_seconds|\
     node_dmi_.*|node_hwmon_.*|node_cooling_.*|node_thermal_.*|node_power_.*|node_rapl_.*|\
     node_schedstat_.*|node_xfs_.*|node_btrfs_.*|node_cpu_frequency_.*|node_cpu_scaling_.*|\
     node_cpu_core_throttles_total|node_cpu_package_throttles_total|node_edac_.*|node_nvme_.*|\
     node_systemd_.*|node_zfs_.*|node_ipvs_.*|node_nfs_.*|node_nfsd_.*|node_watchdog_.*|\
     node_apt_.*|apt_.*|smartmon_.*|node_reboot_required|node_network_receive_nohandler_total";

#[test]
fn the_machine_is_the_same_to_both() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = peers::node_exporter(folder.path());
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n\
             - job_name: ours\n  plugin: node\n  \
             static_configs: [{{targets: [machine], labels: {{instance: machine}}}}]\n\
             - job_name: theirs\n  \
             static_configs: [{{targets: ['{}'], labels: {{instance: machine}}}}]\n  \
             metric_relabel_configs: [{{action: drop, source_labels: [device], regex: 'zram.*'}}]\n",
            exporter.address()
        ))
        .start();
    Comparison {
        prefix: "node_",
        beat: "node_time_seconds",
        left_out: LEFT_OUT,
        // Memory and tasks go up and down under a running test.
        slack: 0.25,
    }
    .check(&narthex);
}

#[test]
fn rules_and_dashboards_of_kubernetes_find_their_families() {
    // The families of a Linux machine that the rules and dashboards of kube-prometheus ask for.
    const ASKED_FOR: [&str; 41] = [
        "node_boot_time_seconds",
        "node_context_switches_total",
        "node_cpu_seconds_total",
        "node_disk_io_time_seconds_total",
        "node_disk_io_time_weighted_seconds_total",
        "node_disk_read_bytes_total",
        "node_disk_written_bytes_total",
        "node_filefd_allocated",
        "node_filefd_maximum",
        "node_filesystem_avail_bytes",
        "node_filesystem_files",
        "node_filesystem_files_free",
        "node_filesystem_readonly",
        "node_filesystem_size_bytes",
        "node_forks_total",
        "node_load1",
        "node_load15",
        "node_load5",
        "node_memory_Buffers_bytes",
        "node_memory_Cached_bytes",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemFree_bytes",
        "node_memory_MemTotal_bytes",
        "node_memory_Slab_bytes",
        "node_netstat_TcpExt_TCPSynRetrans",
        "node_netstat_Tcp_OutSegs",
        "node_netstat_Tcp_RetransSegs",
        "node_network_receive_bytes_total",
        "node_network_receive_drop_total",
        "node_network_receive_errs_total",
        "node_network_receive_packets_total",
        "node_network_transmit_bytes_total",
        "node_network_transmit_packets_total",
        "node_network_up",
        "node_textfile_scrape_error",
        "node_time_seconds",
        "node_timex_maxerror_seconds",
        "node_timex_offset_seconds",
        "node_timex_sync_status",
        "node_uname_info",
        "node_vmstat_pgmajfault",
    ];
    let narthex = Narthex::builder().start();
    narthex_tests::until(60, "all families", || {
        let selector = http::encode(r#"{job="node"}"#);
        let names = narthex.api(&format!("label/__name__/values?match[]={selector}"))?;
        let names = names.as_array().ok_or("no names")?;
        let missing: Vec<&str> = ASKED_FOR
            .into_iter()
            .filter(|name| !names.iter().any(|other| other == name))
            .collect();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(format!("{missing:?}")),
        }
    });
}
