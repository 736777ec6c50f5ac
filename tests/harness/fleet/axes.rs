//! The labels that the fake exporters' series have beside their name, and the values of each.

/// A label's name and its values.
pub(super) type Axis = (&'static str, &'static [&'static str]);

pub(super) const CPU: Axis = ("cpu", &["0", "1", "2", "3", "4", "5", "6", "7"]);
pub(super) const BUSY_MODE: Axis = ("mode", &["idle", "system", "user"]);
pub(super) const RARE_MODE: Axis = ("mode", &["iowait", "softirq"]);
pub(super) const UNUSED_MODE: Axis = ("mode", &["irq", "nice", "steal"]);
pub(super) const DISK: Axis = ("device", &["nvme0n1", "nvme1n1", "dm-0"]);
pub(super) const NETWORK: Axis = ("device", &["eth0", "lo", "cni0", "veth3f1a"]);
pub(super) const MOUNT: Axis = (
    "mountpoint",
    &[
        "/",
        "/boot",
        "/run",
        "/var/lib/kubelet",
        "/var/lib/containerd",
    ],
);
pub(super) const MEMORY: Axis = (
    "field",
    &[
        "Active",
        "Active_anon",
        "Active_file",
        "AnonPages",
        "Buffers",
        "Cached",
        "Committed_AS",
        "Dirty",
        "Inactive",
        "Inactive_anon",
        "Inactive_file",
        "KernelStack",
        "KReclaimable",
        "Mapped",
        "MemAvailable",
        "MemFree",
        "PageTables",
        "Shmem",
        "Slab",
        "SReclaimable",
    ],
);
pub(super) const FIXED_MEMORY: Axis = (
    "field",
    &[
        "CommitLimit",
        "DirectMap1G",
        "DirectMap2M",
        "DirectMap4k",
        "HardwareCorrupted",
        "HugePages_Total",
        "Hugepagesize",
        "MemTotal",
        "Mlocked",
        "NFS_Unstable",
        "Percpu",
        "SwapCached",
        "SwapFree",
        "SwapTotal",
        "Unevictable",
        "VmallocChunk",
        "VmallocTotal",
    ],
);
pub(super) const PROTOCOL: Axis = (
    "protocol",
    &["Tcp", "Udp", "Icmp", "IpExt", "TcpExt", "Udp6"],
);
pub(super) const COLLECTOR: Axis = (
    "collector",
    &[
        "arp",
        "conntrack",
        "cpu",
        "diskstats",
        "filesystem",
        "loadavg",
        "meminfo",
        "netdev",
        "netstat",
        "schedstat",
        "sockstat",
        "stat",
        "time",
        "vmstat",
    ],
);
pub(super) const SOCKET: Axis = (
    "field",
    &["FRAG", "FRAG6", "RAW", "RAW6", "TCP", "TCP6", "UDP", "UDP6"],
);
pub(super) const PAGED: Axis = ("field", &["pgalloc", "pgfault", "pgfree", "pgpgout"]);
pub(super) const PAGED_RARELY: Axis = (
    "field",
    &["pgmajfault", "pgpgin", "pgrotated", "thp_fault_alloc"],
);
pub(super) const NEVER_PAGED: Axis = (
    "field",
    &[
        "allocstall",
        "balloon_deflate",
        "balloon_inflate",
        "compact_fail",
        "compact_stall",
        "compact_success",
        "drop_pagecache",
        "drop_slab",
        "kswapd_inodesteal",
        "numa_foreign",
        "numa_miss",
        "oom_kill",
        "pgscan_direct",
        "pgscan_kswapd",
        "pgsteal_direct",
        "pgsteal_kswapd",
        "pswpin",
        "pswpout",
        "swap_ra",
        "swap_ra_hit",
        "thp_split_page",
        "thp_zero_page_alloc",
        "unevictable_pgs_culled",
        "zone_reclaim_failed",
    ],
);
pub(super) const COOLER: Axis = ("name", &["0", "1", "2", "3", "4", "5", "6", "7"]);
pub(super) const HANDLER: Axis = (
    "handler",
    &[
        "/",
        "/api/cart",
        "/api/checkout",
        "/api/items",
        "/api/login",
        "/api/logout",
        "/api/orders",
        "/api/pay",
        "/api/products",
        "/api/search",
        "/api/users",
        "/healthz",
    ],
);
pub(super) const CODE: Axis = ("code", &["200", "404", "500"]);
pub(super) const PHASE: Axis = (
    "phase",
    &["Failed", "Pending", "Running", "Succeeded", "Unknown"],
);
pub(super) const CONTAINER: Axis = ("container", &["app", "proxy"]);
pub(super) const RESOURCE: Axis = ("resource", &["cpu", "memory"]);
