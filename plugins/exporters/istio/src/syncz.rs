//! What istiod tells of the proxies that are connected to it: `/debug/syncz`.
//!
//! A proxy is in sync with a kind of its configuration when it has acknowledged what was sent to
//! it last.

use std::collections::BTreeMap;

use narthex_sdk::Batch;
use serde::Deserialize;

/// One proxy, as istiod prints it. Older versions have one pair of fields for each kind of
/// configuration, newer ones have `resources` too.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Proxy {
    cluster_id: String,
    proxy: String,
    proxy_type: String,
    proxy_version: String,
    istio_version: String,
    cluster_sent: String,
    cluster_acked: String,
    listener_sent: String,
    listener_acked: String,
    route_sent: String,
    route_acked: String,
    endpoint_sent: String,
    endpoint_acked: String,
    extensionconfig_sent: String,
    extensionconfig_acked: String,
    /// By type URL; `null` where nothing is watched.
    resources: Option<BTreeMap<String, Resource>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Resource {
    sent: String,
    acked: String,
    #[serde(rename = "lastError")]
    last_error: String,
}

/// How far a proxy is with one kind of its configuration, in istioctl's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Synced,
    NotSent,
    Stale,
    NeverAcknowledged,
    Rejected,
}

impl State {
    fn of(sent: &str, acked: &str, last_error: &str) -> Self {
        match (sent, acked) {
            ("", _) => Self::NotSent,
            _ if sent == acked => Self::Synced,
            _ if !last_error.is_empty() => Self::Rejected,
            (_, "") => Self::NeverAcknowledged,
            _ => Self::Stale,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::NotSent => "not_sent",
            Self::Stale => "stale",
            Self::NeverAcknowledged => "never_acknowledged",
            Self::Rejected => "rejected",
        }
    }

    /// Whether the proxy works with another configuration than it was sent.
    fn is_behind(self) -> bool {
        !matches!(self, Self::Synced | Self::NotSent)
    }
}

impl Proxy {
    /// The kinds of its configuration, each with its state.
    fn states(&self) -> Vec<(&str, State)> {
        if let Some(resources) = self.resources.as_ref().filter(|map| !map.is_empty()) {
            return resources
                .iter()
                .map(|(url, resource)| {
                    let state = State::of(&resource.sent, &resource.acked, &resource.last_error);
                    (kind(url), state)
                })
                .collect();
        }
        [
            ("cds", &self.cluster_sent, &self.cluster_acked),
            ("lds", &self.listener_sent, &self.listener_acked),
            ("rds", &self.route_sent, &self.route_acked),
            ("eds", &self.endpoint_sent, &self.endpoint_acked),
            (
                "ecds",
                &self.extensionconfig_sent,
                &self.extensionconfig_acked,
            ),
        ]
        .map(|(kind, sent, acked)| (kind, State::of(sent, acked, "")))
        .to_vec()
    }

    fn version(&self) -> &str {
        match self.istio_version.as_str() {
            "" => &self.proxy_version,
            version => version,
        }
    }
}

/// The short name of a type URL, as `type.googleapis.com/envoy.config.cluster.v3.Cluster`.
fn kind(url: &str) -> &str {
    let name = url.rsplit('/').next().unwrap_or(url);
    match name {
        "envoy.config.cluster.v3.Cluster" => "cds",
        "envoy.config.listener.v3.Listener" => "lds",
        "envoy.config.route.v3.RouteConfiguration" => "rds",
        "envoy.config.endpoint.v3.ClusterLoadAssignment" => "eds",
        "envoy.config.core.v3.TypedExtensionConfig" => "ecds",
        "envoy.extensions.transport_sockets.tls.v3.Secret" => "sds",
        "istio.networking.nds.v1.NameTable" => "nds",
        "istio.workload.Address" => "wds",
        "istio.security.Authorization" => "wads",
        name => name,
    }
}

/// Writes how many proxies there are in which state, and names those that are behind, up to
/// `stale_max` of them.
pub(crate) fn write(proxies: &[Proxy], stale_max: usize, batch: &mut Batch) {
    let mut connected: BTreeMap<[&str; 3], u32> = BTreeMap::new();
    let mut states: BTreeMap<(&str, &str, State), u32> = BTreeMap::new();
    let mut behind: Vec<(&Proxy, &str, State)> = Vec::new();
    for proxy in proxies {
        let key = [&*proxy.cluster_id, &*proxy.proxy_type, proxy.version()];
        *connected.entry(key).or_default() += 1;
        for (kind, state) in proxy.states() {
            *states.entry((&proxy.cluster_id, kind, state)).or_default() += 1;
            if state.is_behind() {
                behind.push((proxy, kind, state));
            }
        }
    }
    let mut family = batch.gauge(
        "istio_exporter_syncz_proxies",
        "Proxies that are connected to this istiod.",
    );
    for ([cluster, proxy_type, version], count) in connected {
        let labels = [
            ("cluster_id", cluster),
            ("proxy_type", proxy_type),
            ("istio_version", version),
        ];
        family.sample(&labels, f64::from(count));
    }
    let mut family = batch.gauge(
        "istio_exporter_syncz_proxy_states",
        "Proxies by the state of a kind of their configuration.",
    );
    for ((cluster, kind, state), count) in states {
        let labels = [
            ("cluster_id", cluster),
            ("type", kind),
            ("state", state.name()),
        ];
        family.sample(&labels, f64::from(count));
    }
    let named = behind.len().min(stale_max);
    let mut family = batch.gauge(
        "istio_exporter_syncz_proxy_behind",
        "Always 1: a proxy that works with another configuration than it was sent.",
    );
    for (proxy, kind, state) in behind.get(..named).unwrap_or_default() {
        let labels = [
            ("cluster_id", &*proxy.cluster_id),
            ("proxy", &*proxy.proxy),
            ("type", kind),
            ("state", state.name()),
        ];
        family.sample(&labels, 1.0);
    }
    batch
        .gauge(
            "istio_exporter_syncz_proxies_behind_unnamed",
            "Pairs of proxy and type that are behind but not named, since there are too many.",
        )
        .sample(&[], (behind.len() - named) as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(json: &str, stale_max: usize) -> String {
        let proxies: Vec<Proxy> = serde_json::from_str(json).unwrap();
        let mut batch = Batch::new();
        write(&proxies, stale_max, &mut batch);
        batch.to_text()
    }

    #[test]
    fn states_in_istioctls_words() {
        for (sent, acked, error, expected) in [
            ("", "", "", State::NotSent),
            ("a", "a", "", State::Synced),
            ("a", "a", "an old one", State::Synced),
            ("b", "a", "", State::Stale),
            ("a", "", "", State::NeverAcknowledged),
            ("b", "a", "bad listener", State::Rejected),
        ] {
            assert_eq!(State::of(sent, acked, error), expected);
        }
    }

    #[test]
    fn proxies_of_an_older_istiod() {
        let json = include_str!("../fixtures/syncz-1.20.json");
        let text = written(json, 10);
        let expected = r#"istio_exporter_syncz_proxies{cluster_id="Kubernetes",proxy_type="router",istio_version="1.20.3"} 1
istio_exporter_syncz_proxies{cluster_id="Kubernetes",proxy_type="sidecar",istio_version="1.20.3"} 2
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="cds",state="synced"} 3
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="ecds",state="not_sent"} 3
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="eds",state="synced"} 2
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="eds",state="stale"} 1
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="lds",state="synced"} 2
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="lds",state="never_acknowledged"} 1
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="rds",state="synced"} 2
istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="rds",state="not_sent"} 1
istio_exporter_syncz_proxy_behind{cluster_id="Kubernetes",proxy="reviews-v1-5b5d6494f4-k7g8t.default",type="lds",state="never_acknowledged"} 1
istio_exporter_syncz_proxy_behind{cluster_id="Kubernetes",proxy="reviews-v1-5b5d6494f4-k7g8t.default",type="eds",state="stale"} 1
istio_exporter_syncz_proxies_behind_unnamed 0
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn proxies_of_a_newer_istiod_say_why() {
        let text = written(include_str!("../fixtures/syncz-1.29.json"), 10);
        for line in [
            r#"istio_exporter_syncz_proxies{cluster_id="Kubernetes",proxy_type="ztunnel",istio_version="1.29.0"} 1"#,
            r#"istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="wds",state="synced"} 1"#,
            r#"istio_exporter_syncz_proxy_states{cluster_id="Kubernetes",type="lds",state="rejected"} 1"#,
            r#"istio_exporter_syncz_proxy_behind{cluster_id="Kubernetes",proxy="productpage-v1-7bd5bd857c-hwlfm.default",type="lds",state="rejected"} 1"#,
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn only_so_many_are_named() {
        let proxy = |n: u32| {
            format!(r#"{{"cluster_id":"c","proxy":"p{n}","cluster_sent":"b","cluster_acked":"a"}}"#)
        };
        let proxies: Vec<String> = (0..50).map(proxy).collect();
        let text = written(&format!("[{}]", proxies.join(",")), 20);
        assert_eq!(text.matches("syncz_proxy_behind{").count(), 20);
        assert!(text.ends_with("istio_exporter_syncz_proxies_behind_unnamed 30\n"));
    }

    #[test]
    fn nobody_is_connected() {
        assert_eq!(
            written("[]", 5),
            "istio_exporter_syncz_proxies_behind_unnamed 0\n"
        );
    }
}
