//! The room of mounted file systems.

use narthex_sdk::{Batch, Error, files};

use crate::Machine;

/// Types of file systems that take no room of a disk, and are left out as in node_exporter.
const TYPES_EXCLUDED: [&str; 24] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "devtmpfs",
    "fusectl",
    "hugetlbfs",
    "iso9660",
    "mqueue",
    "nsfs",
    "overlay",
    "proc",
    "procfs",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "squashfs",
    "sysfs",
    "tracefs",
];

/// Where file systems of the kernel and of containers are mounted. Those that end in a slash
/// stand for what lies below them only.
const MOUNT_POINTS_EXCLUDED: [&str; 6] = [
    "/dev",
    "/proc",
    "/run/credentials/",
    "/sys",
    "/var/lib/docker/",
    "/var/lib/containers/storage/",
];

/// A line of the mounts.
struct Mount {
    device: String,
    point: String,
    kind: String,
    is_read_only: bool,
}

/// A family: its name, its help, and its value.
type Column = (&'static str, &'static str, fn(&files::Capacity) -> f64);

const COLUMNS: [Column; 5] = [
    ("avail_bytes", "Bytes free for everybody.", |capacity| {
        capacity.bytes_available as f64
    }),
    ("files", "Files that there can be.", |capacity| {
        capacity.files as f64
    }),
    ("files_free", "Files that there can still be.", |capacity| {
        capacity.files_free as f64
    }),
    ("free_bytes", "Bytes free for the superuser.", |capacity| {
        capacity.bytes_free as f64
    }),
    ("size_bytes", "Bytes in all.", |capacity| {
        capacity.bytes as f64
    }),
];

/// Reads and writes every file system that takes room.
pub(crate) fn collect(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    // The first process sees the machine's mounts, this one perhaps those of a container; but
    // not everybody may ask it.
    let text = machine
        .proc("1/mounts")
        .or_else(|_| machine.proc("mounts"))?;
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in text.lines().filter_map(parse) {
        // What is mounted over another hides it.
        mounts.retain(|other| other.point != mount.point);
        if !is_excluded(&mount) {
            mounts.push(mount);
        }
    }
    let mut read = Vec::new();
    let mut errors = batch.gauge(
        "node_filesystem_device_error",
        "Whether the file system could not be asked.",
    );
    for mount in mounts {
        let capacity = files::file_system(&machine.root(&mount.point));
        let is_error = f64::from(u8::from(capacity.is_err()));
        errors.sample(&mount.labels(), is_error);
        if let Ok(capacity) = capacity {
            read.push((mount, capacity));
        }
    }
    for (name, help, value) in COLUMNS {
        let mut family = batch.gauge(&format!("node_filesystem_{name}"), help);
        for (mount, capacity) in &read {
            family.sample(&mount.labels(), value(capacity));
        }
    }
    let mut family = batch.gauge(
        "node_filesystem_readonly",
        "Whether the file system is mounted read-only.",
    );
    for (mount, _) in &read {
        let value = f64::from(u8::from(mount.is_read_only));
        family.sample(&mount.labels(), value);
    }
    Ok(())
}

impl Mount {
    fn labels(&self) -> [(&str, &str); 3] {
        [
            ("device", &self.device),
            ("fstype", &self.kind),
            ("mountpoint", &self.point),
        ]
    }
}

fn parse(line: &str) -> Option<Mount> {
    let mut fields = line.split_ascii_whitespace();
    let (device, point) = (fields.next()?, fields.next()?);
    let (kind, options) = (fields.next()?, fields.next()?);
    Some(Mount {
        device: unescape(device),
        point: unescape(point),
        kind: kind.to_owned(),
        is_read_only: options.split(',').any(|option| option == "ro"),
    })
}

/// Blanks and backslashes are written as three octal digits.
fn unescape(text: &str) -> String {
    let mut plain = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 4).filter(|_| *byte == b'\\');
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        plain.push(code.unwrap_or(*byte));
        at += if code.is_some() { 4 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn is_excluded(mount: &Mount) -> bool {
    let below = |prefix: &&str| {
        let rest = mount.point.strip_prefix(*prefix);
        rest.is_some_and(|rest| match prefix.ends_with('/') {
            true => !rest.is_empty(),
            false => rest.is_empty() || rest.starts_with('/'),
        })
    };
    TYPES_EXCLUDED.contains(&mount.kind.as_str()) || MOUNT_POINTS_EXCLUDED.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_of_the_kernel_and_of_containers_are_left_out() {
        for (line, is_kept) in [
            ("/dev/vda / ext4 rw,relatime 0 0", true),
            ("tmpfs /run tmpfs rw 0 0", true),
            ("tmpfs /dev/shm tmpfs rw 0 0", false),
            ("/dev/vdb /devices ext4 rw 0 0", true),
            ("proc /proc proc rw 0 0", false),
            ("x /var/lib/docker ext4 rw 0 0", true),
            ("x /var/lib/docker/overlay2/a ext4 rw 0 0", false),
            ("overlay / overlay rw 0 0", false),
        ] {
            let mount = parse(line).unwrap();
            assert_eq!(!is_excluded(&mount), is_kept, "{line}");
        }
    }

    #[test]
    fn blanks_in_mount_points_are_blanks() {
        let mount = parse(r"/dev/sdb1 /mnt/my\040disk\134x ext4 ro,noexec 0 0").unwrap();
        assert_eq!(mount.point, r"/mnt/my disk\x");
        assert!(mount.is_read_only);
        assert_eq!(unescape(r"a\9"), r"a\9");
    }
}
