//! What finds the targets of an entry of the config: the host itself, or the plugin that the entry
//! names, which is lent what the entry has and names.
//!
//! It is not: what an entry may say (`narthex-discovery`), nor who may be reached without one
//! (`plugins.grants`).

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use narthex_discovery::{
    BuildDiscoverer, Discoverer, FileDiscoverer, FileGroup, Origin, RefreshMetrics, SdConfig,
};
use narthex_http::{Client, HttpConfig};
use narthex_plugin::{GrantList, Lent, PluginRuntime};

use crate::kubernetes::Clusters;
use crate::yaml;

/// Where the system says whom to ask for names.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// The file may be this large; a larger one names nobody.
const RESOLV_CONF_BYTES_MAX: u64 = 64 * 1024;

/// Where names are asked for.
const DNS_PORT: u16 = 53;

/// The host of URLs whose requests go to a Unix socket.
const SOCKET_ENDPOINT: &str = "localhost:80";

/// Makes what finds the targets of an entry.
pub(crate) fn build_discoverer(
    plugins: Arc<PluginRuntime>,
    refreshes: RefreshMetrics,
    clusters: Arc<Clusters>,
) -> Box<BuildDiscoverer> {
    Box::new(move |name: &str, entry: &SdConfig| {
        let Some(plugin) = entry.plugin() else {
            return host_discoverer(name, entry, &refreshes);
        };
        let interval = entry.refresh_interval().as_std();
        let (lent, settings) = match entry {
            SdConfig::Kubernetes(cluster) => (
                clusters.lent(cluster)?,
                clusters.settings(cluster, entry.settings())?,
            ),
            _ => (lent(entry, &refreshes)?, entry.settings()),
        };
        let discoverer = plugins.discoverer(plugin, name, &settings, interval, lent);
        discoverer.map_err(|error| error.to_string())
    })
}

/// What needs no plugin.
fn host_discoverer(
    name: &str,
    entry: &SdConfig,
    refreshes: &RefreshMetrics,
) -> Result<Arc<dyn Discoverer>, String> {
    match entry {
        SdConfig::File(file) => Ok(FileDiscoverer::new(file, name, read_yaml, refreshes)),
        other => Err(format!("nobody finds the targets of {}", other.field())),
    }
}

/// What an entry has and names, for the job that is made of it.
fn lent(entry: &SdConfig, metrics: &RefreshMetrics) -> Result<Lent, String> {
    if let SdConfig::Dns(_) = entry {
        let dns = metrics.dns();
        return Ok(Lent::default()
            .with_reach(|| nameservers(Path::new(RESOLV_CONF)))
            .with_lookups(move |count, failed| dns.count(count, failed)));
    }
    let lent = match entry.client() {
        Some((config, origin)) => lent_client(&config, &origin)?,
        None => Lent::default(),
    };
    Ok(match entry {
        SdConfig::Consul(_) => {
            let consul = metrics.consul();
            lent.with_observer(move |sent| {
                consul.observe(sent.url, sent.duration, sent.is_failure);
            })
        }
        _ => lent,
    })
}

/// A client, and the one server that it may be used for.
fn lent_client(config: &HttpConfig, origin: &Origin) -> Result<Lent, String> {
    let (client, endpoint) = match origin {
        Origin::Socket(path) => (
            Client::over_socket(config, path),
            SOCKET_ENDPOINT.to_owned(),
        ),
        Origin::Url(url) => {
            let (host, port) = Client::endpoint(url).map_err(|error| error.to_string())?;
            let endpoint = match host.contains(':') {
                true => format!("[{host}]:{port}"),
                false => format!("{host}:{port}"),
            };
            (Client::new(config), endpoint)
        }
    };
    let client = client.map_err(|error| error.to_string())?;
    let reach = GrantList {
        http: vec![endpoint],
        ..GrantList::default()
    };
    Ok(Lent::default()
        .with_client(client)
        .with_reach(move || reach.clone()))
}

/// The system's list of servers for names, and those that it names. What is no address, one with
/// a zone for instance, is left out.
fn nameservers(path: &Path) -> GrantList {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(RESOLV_CONF_BYTES_MAX).read_to_string(&mut text));
    // Who looks names up reads the file as well, and says why that fails.
    let servers = read.map_or(Vec::new(), |_| addresses(&text));
    let endpoints = servers.iter().map(|address| match address {
        IpAddr::V4(address) => format!("{address}:{DNS_PORT}"),
        IpAddr::V6(address) => format!("[{address}]:{DNS_PORT}"),
    });
    let endpoints: Vec<String> = endpoints.collect();
    GrantList {
        files: vec![path.display().to_string()],
        udp: endpoints.clone(),
        tcp: endpoints,
        ..GrantList::default()
    }
}

fn addresses(text: &str) -> Vec<IpAddr> {
    let servers = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok())?
    });
    servers.collect()
}

/// YAML as the config's own.
fn read_yaml(text: &str) -> Result<Vec<Option<FileGroup>>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let read = yaml::read::<Option<_>>(text, "");
    read.map(Option::unwrap_or_default)
        .map_err(|error| error.to_string().trim_start_matches(':').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_whom_to_ask_for_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        let text = "# nameserver 1.1.1.1\nsearch a.example\nnameserver 127.0.0.53\n\
                    nameserver  fd00::1 \nnameserver fe80::1%eth0\nnameserver\noptions ndots:5\n";
        std::fs::write(&path, text).unwrap();
        let list = nameservers(&path);
        assert_eq!(list.udp, ["127.0.0.53:53", "[fd00::1]:53"]);
        assert_eq!(list.tcp, list.udp);
        assert_eq!(list.files, [path.display().to_string()]);
        assert!(nameservers(&folder.path().join("none")).udp.is_empty());
    }

    #[test]
    fn what_an_entry_names_is_all_that_is_lent() {
        for (origin, expected) in [
            (
                Origin::Url("http://user:word@a.example/x".to_owned()),
                "a.example:80",
            ),
            (
                Origin::Url("https://[fd00::1]/x".to_owned()),
                "[fd00::1]:443",
            ),
            (Origin::Socket("/run/docker.sock".into()), "localhost:80"),
        ] {
            let lent = lent_client(&HttpConfig::default(), &origin).unwrap();
            let shown = format!("{lent:?}");
            assert!(shown.contains(&format!("http: [{expected:?}]")), "{shown}");
        }
        let origin = Origin::Url("a.example".to_owned());
        assert!(lent_client(&HttpConfig::default(), &origin).is_err());
    }

    #[test]
    fn yaml_of_files_is_that_of_the_config() {
        let groups = read_yaml("- targets: [a, 'b']\n  labels: {x: 1}\n-\n").unwrap();
        let group = FileGroup {
            targets: vec!["a".to_owned(), "b".to_owned()],
            labels: [("x".to_owned(), "1".to_owned())].into(),
        };
        assert_eq!(groups, [Some(group), None]);
        assert!(read_yaml("\n").unwrap().is_empty());
        assert!(read_yaml("- [").is_err());
    }
}
