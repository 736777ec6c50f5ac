//! From containers to targets.

use std::collections::BTreeMap;

use narthex_sdk::{Group, host_with_port, label_name};

use crate::Config;
use crate::api::{Attached, Container, Network, Port};

const CONTAINER: &str = "__meta_docker_container_";
const NETWORK: &str = "__meta_docker_network_";
const PORT: &str = "__meta_docker_port_";

/// The mode of a container in the network of its host.
const HOST_MODE: &str = "host";

/// How the mode of a container in the network of another begins; the other's id follows.
const CONTAINER_MODE: &str = "container:";

/// A container in the network of another may be in the network of a third, and so on so often.
const CONTAINERS_FOLLOWED_MAX: usize = 16;

type Labels = BTreeMap<String, String>;

/// All containers, as the one group that Prometheus has of them.
pub(crate) fn group(config: &Config, containers: &[Container], networks: &[Network]) -> Group {
    let of_network: BTreeMap<&str, Labels> = networks
        .iter()
        .map(|network| (network.id.as_str(), network_labels(network)))
        .collect();
    let mut group = Group::new("Docker");
    for container in containers {
        let Some(name) = container.names.first() else {
            continue;
        };
        let own = container_labels(container, name);
        for attached in attached(config, container, containers) {
            let network = of_network.get(attached.network.as_str());
            for (address, ports) in addresses(config, container, attached) {
                let mut labels = own.clone();
                labels.insert(format!("{NETWORK}ip"), attached.address.clone());
                labels.extend(ports);
                labels.extend(network.cloned().unwrap_or_default());
                labels.insert("__address__".to_owned(), address);
                group.targets.push(labels.into_iter().collect());
            }
        }
    }
    group
}

fn container_labels(container: &Container, name: &str) -> Labels {
    let labels = container.labels.iter();
    let labels = labels.map(|(name, value)| {
        let name = label_name(name);
        (format!("{CONTAINER}label_{name}"), value.clone())
    });
    let mode = &container.host_config.network_mode;
    let mut all: Labels = labels.collect();
    all.insert(format!("{CONTAINER}id"), container.id.clone());
    all.insert(format!("{CONTAINER}name"), name.to_owned());
    all.insert(format!("{CONTAINER}network_mode"), mode.clone());
    all
}

fn network_labels(network: &Network) -> Labels {
    let labels = network.labels.iter();
    let labels = labels.map(|(name, value)| {
        let name = label_name(name);
        (format!("{NETWORK}label_{name}"), value.clone())
    });
    let mut all: Labels = labels.collect();
    for (name, value) in [
        ("id", network.id.clone()),
        ("name", network.name.clone()),
        ("scope", network.scope.clone()),
        ("internal", network.internal.to_string()),
        ("ingress", network.ingress.to_string()),
    ] {
        all.insert(format!("{NETWORK}{name}"), value);
    }
    all
}

/// The networks of a container, or of the one whose network it shares.
fn attached<'a>(
    config: &Config,
    container: &'a Container,
    all: &'a [Container],
) -> Vec<&'a Attached> {
    let mut current = container;
    for _ in 0..CONTAINERS_FOLLOWED_MAX {
        if !current.network_settings.networks.is_empty() {
            break;
        }
        let mode = &current.host_config.network_mode;
        let other = mode.strip_prefix(CONTAINER_MODE);
        match other.and_then(|id| all.iter().find(|container| container.id == id)) {
            Some(other) => current = other,
            None => break,
        }
    }
    let networks = current.network_settings.networks.values().flatten();
    match config.match_first_network {
        true => networks.take(1).collect(),
        false => networks.collect(),
    }
}

/// The addresses of a container in a network, each with the labels of its port.
fn addresses(config: &Config, container: &Container, attached: &Attached) -> Vec<(String, Labels)> {
    let ports = container.ports.iter().filter(|port| port.kind == "tcp");
    let shown: Vec<_> = ports
        .map(|port| {
            let address = host_with_port(&attached.address, port.private);
            (address, port_labels(port))
        })
        .collect();
    if !shown.is_empty() {
        return shown;
    }
    let address = match container.host_config.network_mode.as_str() {
        HOST_MODE => config.host_networking_host.clone(),
        _ => host_with_port(&attached.address, config.port),
    };
    vec![(address, Labels::new())]
}

fn port_labels(port: &Port) -> Labels {
    let mut labels = Labels::from([(format!("{PORT}private"), port.private.to_string())]);
    if port.public > 0 {
        labels.insert(format!("{PORT}public"), port.public.to_string());
        labels.insert(format!("{PORT}public_ip"), port.ip.clone());
    }
    labels
}
