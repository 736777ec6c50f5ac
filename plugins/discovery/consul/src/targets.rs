//! From instances of a service to targets.

use std::collections::BTreeMap;

use narthex_sdk::{Group, host_with_port, label_name};

use crate::Config;
use crate::api::{Check, Instance};

/// How a check is called that says that a node, or a service, is taken out for a while.
const NODE_MAINTENANCE: &str = "_node_maintenance";
const SERVICE_MAINTENANCE: &str = "_service_maintenance:";

/// From the best to the worst.
const STATES: [&str; 4] = ["passing", "warning", "critical", "maintenance"];

/// All instances of a service.
pub(crate) fn group(
    name: &str,
    datacenter: &str,
    config: &Config,
    instances: &[Instance],
) -> Group {
    let mut group = Group::new(name)
        .label("__meta_consul_service", name)
        .label("__meta_consul_dc", datacenter);
    group.targets = instances
        .iter()
        .map(|instance| labels(instance, &config.tag_separator))
        .collect();
    group
}

fn labels(instance: &Instance, separator: &str) -> Vec<(String, String)> {
    let (node, service) = (&instance.node, &instance.service);
    // A service may be registered through another node than its own.
    let host = match service.address.as_str() {
        "" => &node.address,
        own => own,
    };
    // Around all of them as well: a regular expression need not care for where a tag stands.
    let tags = format!("{separator}{}{separator}", service.tags.join(separator));
    let mut labels = vec![("__address__".to_owned(), host_with_port(host, service.port))];
    for (name, value) in [
        ("address", node.address.clone()),
        ("node", node.node.clone()),
        ("namespace", service.namespace.clone()),
        ("partition", service.partition.clone()),
        ("tags", tags),
        ("service_address", service.address.clone()),
        ("service_port", service.port.to_string()),
        ("service_id", service.id.clone()),
        ("health", health(&instance.checks).to_owned()),
    ] {
        labels.push((format!("__meta_consul_{name}"), value));
    }
    for (prefix, pairs) in [
        ("metadata", &node.meta),
        ("service_metadata", &service.meta),
        ("tagged_address", &node.tagged_addresses),
    ] {
        // Two names that become the same are one label: the last counts.
        let named: BTreeMap<_, _> = pairs
            .iter()
            .map(|(name, value)| (label_name(name), value))
            .collect();
        labels.extend(named.into_iter().map(|(name, value)| {
            let name = format!("__meta_consul_{prefix}_{name}");
            (name, value.clone())
        }));
    }
    labels
}

/// The worst of all checks; nothing, where one of them is in a state that nobody knows.
fn health(checks: &[Check]) -> &'static str {
    let mut worst = 0;
    for check in checks {
        let state = match &*check.id {
            NODE_MAINTENANCE => "maintenance",
            id if id.starts_with(SERVICE_MAINTENANCE) => "maintenance",
            _ => &check.status,
        };
        match STATES.iter().position(|known| *known == state) {
            Some(place) => worst = worst.max(place),
            None => return "",
        }
    }
    STATES.get(worst).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_check_is_the_health() {
        let check = |text: &str| {
            let (id, status) = text.split_once('=').unwrap_or(("", text));
            Check {
                id: id.to_owned(),
                status: status.to_owned(),
            }
        };
        for (checks, expected) in [
            (vec![], "passing"),
            (vec!["passing", "warning"], "warning"),
            (vec!["critical", "passing"], "critical"),
            (
                vec!["_node_maintenance=critical", "critical"],
                "maintenance",
            ),
            (vec!["_service_maintenance:a=critical"], "maintenance"),
            (vec!["passing", "strange"], ""),
        ] {
            let checks: Vec<Check> = checks.into_iter().map(check).collect();
            assert_eq!(health(&checks), expected, "{checks:?}");
        }
    }
}
