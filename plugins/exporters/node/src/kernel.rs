//! Load, open files, entropy and the kernel's name.

use narthex_sdk::{Batch, Error};

use crate::Machine;
use crate::numbers::number;

/// Writes the load averages.
pub(crate) fn write_load(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut fields = text.split_ascii_whitespace();
    for (name, help) in [
        (
            "node_load1",
            "Tasks that ran or waited, averaged over 1 minute.",
        ),
        (
            "node_load5",
            "Tasks that ran or waited, averaged over 5 minutes.",
        ),
        (
            "node_load15",
            "Tasks that ran or waited, averaged over 15 minutes.",
        ),
    ] {
        let value = number(fields.next(), name)?;
        batch.gauge(name, help).sample(&[], value);
    }
    Ok(())
}

/// Writes the counts of open files: allocated, unused, maximum.
pub(crate) fn write_files(text: &str, batch: &mut Batch) -> Result<(), Error> {
    let mut fields = text.split_ascii_whitespace();
    let allocated = number(fields.next(), "allocated files")?;
    let maximum = number(fields.nth(1), "maximum of files")?;
    batch
        .gauge("node_filefd_allocated", "Files open on the machine.")
        .sample(&[], allocated);
    batch
        .gauge("node_filefd_maximum", "Files that may be open at once.")
        .sample(&[], maximum);
    Ok(())
}

/// Reads and writes the state of the kernel's random numbers.
pub(crate) fn collect_entropy(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    for (file, name, help) in [
        (
            "entropy_avail",
            "node_entropy_available_bits",
            "Entropy that is there.",
        ),
        (
            "poolsize",
            "node_entropy_pool_size_bits",
            "Entropy that there can be.",
        ),
    ] {
        let text = machine.proc(&format!("sys/kernel/random/{file}"))?;
        let value = number(Some(text.trim()), file)?;
        batch.gauge(name, help).sample(&[], value);
    }
    Ok(())
}

/// Reads and writes what `uname` prints.
pub(crate) fn collect_uname(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let read = |file: &str| {
        let text = machine.proc(&format!("sys/kernel/{file}"))?;
        Ok::<_, Error>(text.trim().to_owned())
    };
    let (domain, host) = (read("domainname")?, read("hostname")?);
    let (release, system) = (read("osrelease")?, read("ostype")?);
    let version = read("version")?;
    // Kernels before 6.1 do not say it there.
    let machine = read("arch").unwrap_or_else(|_| "unknown".to_owned());
    batch
        .gauge(
            "node_uname_info",
            "What uname prints; the value is always 1.",
        )
        .sample(
            &[
                ("domainname", &domain),
                ("machine", &machine),
                ("nodename", &host),
                ("release", &release),
                ("sysname", &system),
                ("version", &version),
            ],
            1.0,
        );
    Ok(())
}
