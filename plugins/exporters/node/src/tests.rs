//! Texts of a small machine of our own making, and the samples they become.

use narthex_sdk::clock::Timex;
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

const SNMP: &str = "\
Ip: Forwarding DefaultTTL
Ip: 2 64
Tcp: MaxConn OutSegs RetransSegs
Tcp: -1 411610 60
";

fn pressure(micros: u64) -> String {
    format!(
        "some avg10=1.00 avg60=1.00 avg300=1.00 total={micros}\n\
         full avg10=0.00 avg60=0.00 avg300=0.00 total={}\n",
        micros / 10
    )
}

fn room() -> files::Capacity {
    files::Capacity {
        bytes: 1000,
        bytes_free: 600,
        bytes_available: 500,
        files: 100,
        files_free: 90,
        read_only: false,
    }
}

/// A clock that is synchronized, in nanoseconds.
fn disciplined() -> Timex {
    Timex {
        state: 0,
        status: 0x2001,
        offset: -1_500_000,
        frequency: -65_536 * 250,
        max_error: 16_000,
        estimated_error: 500,
        constant: 7,
        precision: 1,
        tolerance: 32_768_000,
        tick: 10_000,
        pps_frequency: 65_536,
        pps_jitter: 2_000,
        pps_shift: 4,
        pps_stability: 131_072,
        pps_jitter_exceeded: 1,
        pps_calibrations: 20,
        pps_errors: 3,
        pps_stability_exceeded: 4,
        tai: 37,
    }
}

fn machine() -> Host {
    Host::new()
        .at(1_700_000_123_500)
        .timex(disciplined())
        .file("/proc/stat", STAT)
        .file("/proc/loadavg", "0.25 1.50 2.75 3/200 4242\n")
        .file(
            "/proc/meminfo",
            "MemTotal:       2048 kB\nMemFree:        1000 kB\nActive(anon):     10 kB\nHugePages_Total:       4\n",
        )
        .file(
            "/proc/vmstat",
            "nr_free_pages 250\npgfault 11\npgpgin 12\noom_kill 1\n",
        )
        .file("/proc/net/dev", NET_DEV)
        .file(
            "/proc/net/sockstat",
            "sockets: used 99\nTCP: inuse 5 orphan 0 mem 3\n",
        )
        .file("/proc/net/sockstat6", "TCP6: inuse 6\n")
        .file(
            "/proc/net/softnet_stat",
            "0000000a 00000001 00000002 0 0\n0000000b 00000000 00000000 0 0\n",
        )
        .file(
            "/proc/net/arp",
            "IP address HW type Flags HW address Mask Device\n\
             10.0.0.1 0x1 0x2 aa:bb:cc:dd:ee:ff * eth0\n\
             10.0.0.2 0x1 0x2 aa:bb:cc:dd:ee:f0 * eth0\n",
        )
        .file(
            "/proc/net/udp",
            "sl local_address rem_address st tx_queue rx_queue\n\
             1: 0100007F:0035 00000000:0000 07 00000010:00000020 00:00000000\n",
        )
        .file("/proc/net/snmp", SNMP)
        .file(
            "/proc/net/netstat",
            "TcpExt: SyncookiesSent ListenDrops TCPHPHits\nTcpExt: 1 2 3\n",
        )
        .file("/proc/net/snmp6", "Ip6InOctets 77\nIp6InDelivers 5\n")
        .file("/proc/sys/net/netfilter/nf_conntrack_count", "12\n")
        .file("/proc/sys/net/netfilter/nf_conntrack_max", "262144\n")
        .file(
            "/proc/net/stat/nf_conntrack",
            "entries searched found insert_failed\n0c 00 0000000a 1\n0c 00 00000010 2\n",
        )
        .file("/proc/pressure/cpu", pressure(1_500_000))
        .file("/proc/pressure/io", pressure(2_500_000))
        .file("/proc/pressure/memory", pressure(3_500_000))
        .file(
            "/proc/1/mounts",
            "/dev/vda / ext4 rw,relatime 0 0\nproc /proc proc rw 0 0\n\
             /dev/vdb /gone ext4 ro 0 0\n",
        )
        .file_system("/", room())
        .file("/sys/class/net/eth0/operstate", "up\n")
        .file("/sys/class/net/eth0/address", "02:fc:00:00:00:01\n")
        .file("/sys/class/net/eth0/mtu", "1400\n")
        .file("/sys/class/net/eth0/speed", "1000\n")
        .file("/sys/class/net/eth0/flags", "0x1003\n")
        .file("/sys/class/net/bonding_masters", "bond0\n")
        .file("/sys/class/net/bond0/bonding/slaves", "eth1 eth2\n")
        .file("/sys/class/net/bond0/lower_eth1/bonding_slave/mii_status", "up\n")
        .file("/sys/class/net/bond0/lower_eth2/bonding_slave/mii_status", "down\n")
        .file("/etc/os-release", "NAME=\"Debian\"\nID=debian\nVERSION_ID=\"12\"\n")
        .file(
            "/sys/devices/system/clocksource/clocksource0/available_clocksource",
            "tsc acpi_pm\n",
        )
        .file(
            "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            "tsc\n",
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

fn target() -> Target {
    Target {
        address: "localhost".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn collect() -> Result<String, Error> {
    let mut batch = Batch::new();
    Node::init(Config::default())?.collect(&target(), &mut batch)?;
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
        "node_sockstat_TCP_mem_bytes 12288",
        "node_sockstat_TCP6_inuse 6",
        "node_softnet_processed_total{cpu=\"1\"} 11",
        "node_arp_entries{device=\"eth0\"} 2",
        "node_udp_queues{ip=\"v4\",queue=\"rx\"} 32",
        "node_netstat_Tcp_OutSegs 411610",
        "node_netstat_TcpExt_ListenDrops 2",
        "node_netstat_Ip6_InOctets 77",
        "node_nf_conntrack_entries 12",
        "node_nf_conntrack_stat_found 26",
        "node_pressure_cpu_waiting_seconds_total 1.5",
        "node_pressure_io_stalled_seconds_total 0.25",
        "node_filesystem_avail_bytes{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"} 500",
        "node_network_up{device=\"eth0\"} 1",
        "node_network_speed_bytes{device=\"eth0\"} 125000000",
        "node_network_flags{device=\"eth0\"} 4099",
        "node_bonding_slaves{master=\"bond0\"} 2",
        "node_bonding_active{master=\"bond0\"} 1",
        "node_os_version{id=\"debian\",id_like=\"\",name=\"Debian\"} 12",
        "node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"} 1",
        "node_textfile_scrape_error 0",
        "node_scrape_collector_success{collector=\"diskstats\"} 1",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing");
    }
    for part in [
        "device=\"vda1\"",
        "loop0",
        "nr_free_pages",
        "TCPHPHits",
        "MaxConn",
        "cpu=\"\"",
    ] {
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
fn the_state_of_the_clock_is_in_seconds_whatever_the_kernel_counts_in() {
    machine().install();
    let text = collect().unwrap();
    for line in [
        "node_timex_sync_status 1",
        "node_timex_offset_seconds -0.0015",
        "node_timex_frequency_adjustment_ratio 0.99975",
        "node_timex_maxerror_seconds 0.016",
        "node_timex_estimated_error_seconds 0.0005",
        "node_timex_status 8193",
        "node_timex_loop_time_constant 7",
        "node_timex_tick_seconds 0.01",
        "node_timex_pps_frequency_hertz 0.000001",
        "node_timex_pps_jitter_seconds 0.000002",
        "node_timex_pps_shift_seconds 4",
        "node_timex_pps_stability_hertz 0.000002",
        "node_timex_pps_jitter_total 1",
        "node_timex_pps_calibration_total 20",
        "node_timex_pps_error_total 3",
        "node_timex_pps_stability_exceeded_total 4",
        "node_timex_tai_offset_seconds 37",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} is missing");
    }
    let coarse = Timex {
        state: 5,
        status: 0x40,
        offset: 250_000,
        ..disciplined()
    };
    machine().timex(coarse).install();
    let text = collect().unwrap();
    assert!(text.contains("node_timex_sync_status 0\n"));
    assert!(text.contains("node_timex_offset_seconds 0.25\n"));
    assert!(text.contains("node_timex_pps_jitter_seconds 0.002\n"));
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
fn of_a_machine_around_a_container_the_network_is_the_machines() {
    let containers = NET_DEV.replace("eth0.5", "inside");
    let host = Host::new()
        .file("/host/proc/stat", STAT)
        .file("/host/proc/1/net/dev", NET_DEV)
        .file("/host/proc/net/dev", containers.as_str());
    host.install();
    let config = Config {
        procfs: "/host/proc/".to_owned(),
        ..Config::default()
    };
    let mut batch = Batch::new();
    let mut node = Node::init(config).unwrap();
    node.collect(&target(), &mut batch).unwrap();
    let text = batch.to_text();
    assert!(text.contains("device=\"eth0.5\""), "{text}");
    assert!(!text.contains("inside"), "{text}");
}

#[test]
fn a_relative_procfs_is_refused() {
    let config = Config {
        procfs: "proc".to_owned(),
        ..Config::default()
    };
    assert!(matches!(Node::init(config), Err(Error::Config(_))));
}

#[test]
fn files_of_others_are_added_whole_or_not_at_all() {
    machine()
        .file(
            "/texts/a.prom",
            "# TYPE backups_total counter\nbackups_total 4\n",
        )
        .file("/texts/b.prom", "half 1\nbroken{ 2\n")
        .file("/texts/c.prom.tmp", "unfinished 1\n")
        .install();
    let config = Config {
        textfile_directory: Some("/texts".to_owned()),
        ..Config::default()
    };
    let mut batch = Batch::new();
    Node::init(config)
        .unwrap()
        .collect(&target(), &mut batch)
        .unwrap();
    let text = batch.to_text();
    assert!(text.contains("\nbackups_total 4\n"), "{text}");
    assert!(text.contains("node_textfile_scrape_error 1"), "{text}");
    assert!(
        !text.contains("half") && !text.contains("unfinished"),
        "{text}"
    );
}
