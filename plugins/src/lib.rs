//! The plugins that the binary carries: built from this workspace by this crate's build script,
//! as the components that a user would also find in a folder, and as the OCI layout that a user
//! would find in a registry.
//!
//! It is not: their code (`discovery/`, `exporters/`, `receivers/`), and it knows nothing of the runtime that
//! loads them.

/// A plugin that is part of the binary.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedPlugin {
    /// The name that a job uses.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The digest of its package.
    pub digest: &'static str,
    /// The component.
    pub component: &'static [u8],
    /// Its `plugin.toml`.
    pub manifest: &'static str,
    /// A scrape config to begin with.
    pub scrape: Option<&'static str>,
    /// Recording and alerting rules.
    pub rules: &'static [EmbeddedFile],
    /// Dashboards.
    pub dashboards: &'static [EmbeddedFile],
}

/// A file of a plugin.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedFile {
    /// Its path, as in the manifest.
    pub title: &'static str,
    /// What it holds.
    pub text: &'static str,
}

/// A blob of the catalogue: its digest (`sha256:...`) and its bytes.
pub type Blob = (&'static str, &'static [u8]);

/// All of them, by name.
pub fn embedded() -> &'static [EmbeddedPlugin] {
    EMBEDDED
}

/// All of them as an OCI layout: its `index.json`, and its blobs. A plugin's tag is its name.
pub fn catalogue() -> (&'static [u8], &'static [Blob]) {
    (INDEX, BLOBS)
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_plugin_is_a_component_with_a_manifest_of_its_name() {
        let names: Vec<&str> = embedded().iter().map(|plugin| plugin.name).collect();
        for name in [
            "blackbox",
            "consul",
            "discord",
            "dns",
            "docker",
            "email",
            "http",
            "istio",
            "kube-state",
            "kubernetes",
            "msteams",
            "msteamsv2",
            "nginx",
            "node",
            "opsgenie",
            "pagerduty",
            "pushover",
            "redis",
            "slack",
            "telegram",
            "traefik",
            "webhook",
        ] {
            assert!(names.contains(&name), "{names:?}");
        }
        for plugin in embedded() {
            // Magic number, version 13, layer 1: a component and no core module.
            assert_eq!(
                plugin.component[..8],
                *b"\0asm\x0d\0\x01\0",
                "{}",
                plugin.name
            );
            let name = format!("name = {:?}", plugin.name);
            assert!(plugin.manifest.contains(&name), "{}", plugin.name);
        }
    }

    #[test]
    fn the_catalogue_holds_each_package_once() {
        let (index, blobs) = catalogue();
        let index = std::str::from_utf8(index).unwrap();
        for plugin in embedded() {
            assert!(index.contains(plugin.digest), "{}", plugin.name);
            let same = |blob: &&Blob| std::ptr::eq(blob.1, plugin.component);
            assert_eq!(blobs.iter().filter(same).count(), 1, "{}", plugin.name);
        }
    }

    #[test]
    fn a_component_imports_what_it_calls_and_nothing_else() {
        const PACKAGE: &str = "narthex:plugin/";
        const EXPORTS: [&str; 4] = ["collector", "discoverer", "lifecycle", "notifier"];
        const RECEIVER: [&str; 5] = ["http", "log", "secrets", "texts", "types"];
        for (name, expected) in [
            (
                "blackbox",
                [
                    "clock", "icmp", "log", "names", "secrets", "tcp", "types", "udp",
                ]
                .as_slice(),
            ),
            ("consul", &["clock", "http", "log", "secrets", "types"]),
            (
                "dns",
                &["clock", "files", "log", "refreshing", "tcp", "types", "udp"],
            ),
            ("docker", &["http", "log", "secrets", "types"]),
            ("http", &["http", "log", "secrets", "types"]),
            ("istio", &["http", "log", "secrets", "types"]),
            ("kube-state", &["kubernetes", "log", "types"]),
            ("kubernetes", &["kubernetes", "log", "refreshing", "types"]),
            ("nginx", &["http", "log", "secrets", "types"]),
            ("redis", &["clock", "log", "secrets", "tcp", "types"]),
            ("traefik", &["http", "log", "secrets", "types"]),
            (
                "email",
                &["clock", "log", "secrets", "tcp", "texts", "types"],
            ),
            ("webhook", &["http", "log", "secrets", "types"]),
            ("slack", &RECEIVER),
            ("pagerduty", &RECEIVER),
            ("opsgenie", &RECEIVER),
            ("telegram", &RECEIVER),
            ("discord", &RECEIVER),
            ("pushover", &RECEIVER),
            ("msteams", &RECEIVER),
            ("msteamsv2", &RECEIVER),
        ] {
            let plugin = embedded().iter().find(|plugin| plugin.name == name);
            let text = String::from_utf8_lossy(plugin.unwrap().component);
            let named: BTreeSet<&str> = text
                .split(PACKAGE)
                .skip(1)
                .filter_map(|rest| rest.split_once('@').map(|(interface, _)| interface))
                .filter(|interface| !EXPORTS.contains(interface))
                .collect();
            assert_eq!(named, expected.iter().copied().collect(), "{name}");
        }
    }
}
