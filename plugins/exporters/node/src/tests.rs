//! Texts of a small machine of our own making, and the samples they become.

use narthex_sdk::fake::Host;

use super::*;

const STAT: &str = "\
cpu  300 10 150 4000 50 0 5 2 7 0
cpu0 100 10 100 2000 25 0 5 1 7 0
cpu1 200 0 50 2000 25 0 0 1 0 0
intr 12345 9 0 0
ctxt 987654
btime 1700000000
processes 4321
procs_running 3
procs_blocked 1
softirq 55 1 2 3
";

const NET_DEV: &str = "\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0
eth0.5: 9000000000    70   1    2    3     4          5         6     4096      10    7    8    9    10      11         12
";

const DISKSTATS: &str = "\
 254       0 vda 100 5 800 40 200 6 1600 90 1 130 135 3 0 24 2 11 12
 254       1 vda1 1 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   7       0 loop0 1 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0
   8       0 sda 10 0 80 4 20 0 160 9 0 13 13
";

fn machine() -> Host {
    Host::new()
        .at(1_700_000_123_500)
        .file("/proc/stat", STAT)
        .file("/proc/loadavg", "0.25 1.50 2.75 3/200 4242\n")
        .file(
            "/proc/meminfo",
            "MemTotal:       2048 kB\nActive(anon):     10 kB\nHugePages_Total:       4\n",
        )
        .file(
            "/proc/vmstat",
            "nr_free_pages 7\npgfault 11\npgpgin 12\noom_kill 1\n",
        )
        .file("/proc/net/dev", NET_DEV)
        .file(
            "/proc/net/sockstat",
            "sockets: used 99\nTCP: inuse 5 orphan 0\n",
        )
        .file("/proc/diskstats", DISKSTATS)
        .file("/proc/sys/fs/file-nr", "960\t0\t9223372036854775807\n")
        .file("/proc/sys/kernel/random/entropy_avail", "256\n")
        .file("/proc/sys/kernel/random/poolsize", "256\n")
        .file("/proc/sys/kernel/domainname", "(none)\n")
        .file("/proc/sys/kernel/hostname", "box\n")
        .file("/proc/sys/kernel/osrelease", "6.1.0\n")
        .file("/proc/sys/kernel/ostype", "Linux\n")
        .file("/proc/sys/kernel/version", "#1 SMP\n")
        .file("/proc/sys/kernel/arch", "x86_64\n")
}

fn collect() -> Result<String, Error> {
    let target = Target {
        address: "localhost".to_owned(),
        labels: vec![],
        params: vec![],
    };
    let mut batch = Batch::new();
    Node::init(Config::default())?.collect(&target, &mut batch)?;
    Ok(batch.to_text())
}

#[test]
fn a_machine_becomes_samples_under_node_exporters_names() {
    machine().install();
    let text = collect().unwrap();
    for line in [
        "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 1",
        "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 20",
        "node_cpu_seconds_total{cpu=\"0\",mode=\"steal\"} 0.01",
        "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"} 0.07",
        "node_boot_time_seconds 1700000000",
        "node_context_switches_total 987654",
        "node_forks_total 4321",
        "node_intr_total 12345",
        "node_procs_running 3",
        "node_procs_blocked 1",
        "node_load1 0.25",
        "node_load15 2.75",
        "node_memory_MemTotal_bytes 2097152",
        "node_memory_Active_anon_bytes 10240",
        "node_memory_HugePages_Total 4",
        "node_vmstat_pgfault 11",
        "node_vmstat_oom_kill 1",
        "node_network_receive_bytes_total{device=\"eth0.5\"} 9000000000",
        "node_network_transmit_compressed_total{device=\"eth0.5\"} 12",
        "node_sockstat_sockets_used 99",
        "node_sockstat_TCP_inuse 5",
        "node_disk_read_bytes_total{device=\"vda\"} 409600",
        "node_disk_io_time_seconds_total{device=\"sda\"} 0.013000000000000001",
        "node_disk_flush_requests_total{device=\"vda\"} 11",
        "node_filefd_allocated 960",
        "node_entropy_pool_size_bits 256",
        "node_uname_info{domainname=\"(none)\",machine=\"x86_64\",nodename=\"box\",\
         release=\"6.1.0\",sysname=\"Linux\",version=\"#1 SMP\"} 1",
        "node_time_seconds 1700000123.5",
        "node_scrape_collector_success{collector=\"diskstats\"} 1",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing");
    }
    for part in ["device=\"vda1\"", "loop0", "nr_free_pages", "cpu=\"\""] {
        assert!(!text.contains(part), "{part}");
    }
    // Kernels before 5.5 count no flushes.
    assert!(!text.contains("flush_requests_total{device=\"sda\"}"));
}

#[test]
fn a_missing_file_costs_its_part_only() {
    let host = machine().file("/proc/loadavg", "not a load");
    host.install();
    let text = collect().unwrap();
    assert!(text.contains("node_scrape_collector_success{collector=\"loadavg\"} 0"));
    assert!(text.contains("node_scrape_collector_success{collector=\"cpu\"} 1"));
    assert!(!text.contains("node_load1 "));
}

#[test]
fn without_any_file_the_scrape_fails() {
    Host::new().install();
    match collect() {
        Err(Error::Unavailable(text)) => assert_eq!(text, "/proc/stat: no such file"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_relative_procfs_is_refused() {
    let config = Config {
        procfs: "proc".to_owned(),
    };
    assert!(matches!(Node::init(config), Err(Error::Config(_))));
}
