//! Resources of nodes, pods and quotas: by which units they are told.

use std::collections::BTreeMap;

use crate::metadata::sanitized;
use crate::object::Samples;
use crate::quantity::Quantity;

/// Amounts by the resource's name.
pub(crate) type Resources = BTreeMap<String, Quantity>;

/// The name that CPU time has.
pub(crate) const CPU: &str = "cpu";
/// The name that memory has.
pub(crate) const MEMORY: &str = "memory";
/// The name that room on volumes has.
pub(crate) const STORAGE: &str = "storage";

/// A sample for each resource, labelled with its name and unit; one whose unit nobody knows is
/// left out.
pub(crate) fn write(samples: &mut Samples<'_, '_>, labels: &[(&str, &str)], amounts: &Resources) {
    for (name, amount) in amounts {
        let Some(unit) = unit(name) else {
            continue;
        };
        let value = match unit {
            "core" => amount.exact(),
            _ => amount.whole(),
        };
        let name = sanitized(name);
        let mut all = labels.to_vec();
        all.extend([("resource", &*name), ("unit", unit)]);
        samples.with(&all, value);
    }
}

/// `core`, `byte` or `integer`.
fn unit(name: &str) -> Option<&'static str> {
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    match name {
        CPU => Some("core"),
        MEMORY | STORAGE | "ephemeral-storage" => Some("byte"),
        "pods" => Some("integer"),
        _ if begins(&["hugepages-", "attachable-volumes-"]) => Some("byte"),
        // Those that a cluster's operator adds have a domain in front.
        _ if !name.contains('/') || name.contains("kubernetes.io/") => None,
        _ if begins(&["requests."]) => None,
        _ => Some("integer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_resource_has_its_unit() {
        for (name, expected) in [
            ("cpu", Some("core")),
            ("memory", Some("byte")),
            ("ephemeral-storage", Some("byte")),
            ("hugepages-2Mi", Some("byte")),
            ("attachable-volumes-aws-ebs", Some("byte")),
            ("pods", Some("integer")),
            ("nvidia.com/gpu", Some("integer")),
            ("requests.nvidia.com/gpu", None),
            ("kubernetes.io/other", None),
            ("gpu", None),
        ] {
            assert_eq!(unit(name), expected, "{name}");
        }
    }
}
