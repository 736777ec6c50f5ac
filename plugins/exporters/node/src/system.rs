//! The operating system's name, and the clocks that the kernel can use.

use narthex_sdk::{Batch, Error, files};

use crate::Machine;

/// The fields of `os-release`, by the names of labels.
const FIELDS: [(&str, &str); 12] = [
    ("build_id", "BUILD_ID"),
    ("id", "ID"),
    ("id_like", "ID_LIKE"),
    ("image_id", "IMAGE_ID"),
    ("image_version", "IMAGE_VERSION"),
    ("name", "NAME"),
    ("pretty_name", "PRETTY_NAME"),
    ("variant", "VARIANT"),
    ("variant_id", "VARIANT_ID"),
    ("version", "VERSION"),
    ("version_codename", "VERSION_CODENAME"),
    ("version_id", "VERSION_ID"),
];

/// Reads and writes the operating system's name and version.
pub(crate) fn collect_os(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let text = files::read_text(&machine.root("/etc/os-release"))
        .or_else(|_| files::read_text(&machine.root("/usr/lib/os-release")))?;
    let labels: Vec<(&str, String)> = FIELDS
        .iter()
        .map(|(label, key)| (*label, field(&text, key)))
        .collect();
    let borrowed: Vec<(&str, &str)> = labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
    batch
        .gauge(
            "node_os_info",
            "The operating system in words; the value is always 1.",
        )
        .sample(&borrowed, 1.0);
    let of = |label: &str| {
        borrowed
            .iter()
            .find(|(name, _)| *name == label)
            .map_or("", |l| l.1)
    };
    if let Some(version) = version(of("version_id")) {
        batch
            .gauge(
                "node_os_version",
                "Major and minor version of the operating system.",
            )
            .sample(
                &[
                    ("id", of("id")),
                    ("id_like", of("id_like")),
                    ("name", of("name")),
                ],
                version,
            );
    }
    Ok(())
}

/// `KEY=value`, `KEY="value"`.
fn field(text: &str, key: &str) -> String {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let value = value.unwrap_or_default().trim();
    let quoted = |quote| {
        value
            .strip_prefix(quote)
            .and_then(|v: &str| v.strip_suffix(quote))
    };
    quoted('"')
        .or_else(|| quoted('\''))
        .unwrap_or(value)
        .to_owned()
}

/// The first two numbers of a version: `22.04.1` is 22.04.
fn version(text: &str) -> Option<f64> {
    let mut parts = text.split('.');
    let major = parts.next()?;
    match parts.next() {
        Some(minor) => format!("{major}.{minor}").parse().ok(),
        None => major.parse().ok(),
    }
}

/// Reads and writes the sources that the kernel's clock can use, and the one it does.
pub(crate) fn collect_clock_sources(machine: &Machine, batch: &mut Batch) -> Result<(), Error> {
    let folder = "devices/system/clocksource";
    let mut clocks = machine.sys_entries(folder)?;
    clocks.retain(|name| name.starts_with("clocksource"));
    for (file, help) in [
        ("available", "Sources that the clock can use."),
        ("current", "The source that the clock uses."),
    ] {
        let mut family = batch.gauge(&format!("node_time_clocksource_{file}_info"), help);
        for clock in &clocks {
            let text = machine.sys(&format!("{folder}/{clock}/{file}_clocksource"))?;
            let device = clock.trim_start_matches("clocksource");
            for source in text.split_ascii_whitespace() {
                family.sample(&[("clocksource", source), ("device", device)], 1.0);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_or_not_and_versions_are_numbers() {
        let text = "ID=debian\nID_LIKE='a b'\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n";
        assert_eq!(field(text, "ID"), "debian");
        assert_eq!(field(text, "ID_LIKE"), "a b");
        assert_eq!(field(text, "NAME"), "Debian GNU/Linux");
        assert_eq!(field(text, "VARIANT"), "");
        assert_eq!(version("22.04.1"), Some(22.04));
        assert_eq!(version("12"), Some(12.0));
        assert_eq!(version("rolling"), None);
    }
}
