//! Istio's control plane (istiod) and its proxies (Envoy, ztunnel): their own metrics, with what
//! is not wanted left out while the text is read, and the state of istiod's proxies from
//! `/debug/syncz`.
//!
//! A body that nothing is taken from and nothing added to stays with the host, which parses it.
//!
//! It is not: a reader of Envoy's admin interface beyond its metrics, nor of protobuf.

mod preset;
mod syncz;

use narthex_sdk::http::{self, Client, Scheme};
use narthex_sdk::text::{Filter, Parsed};
use narthex_sdk::{Batch, Error, Exporter, Payload, Target, log};
use serde::Deserialize;

use preset::Preset;

/// What the targets of a job are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// The control plane, on port 15014.
    Istiod,
    /// A sidecar, gateway or waypoint: port 15020, with the agent's and the application's
    /// metrics, or 15090 without.
    #[default]
    Envoy,
    /// A node's proxy of the ambient mesh, on port 15020.
    Ztunnel,
}

/// What a job can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the targets are.
    pub component: Component,
    /// Where the metrics are; by default where the component has them.
    pub path: Option<String>,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The TLS profile.
    pub tls: Option<String>,
    /// The name of the secret that is the bearer token; istiod wants one for `/debug/syncz`.
    pub token_secret: Option<String>,
    /// Asks Envoy for those statistics only that were ever changed.
    pub used_only: bool,
    /// A choice of families to begin with.
    pub preset: Preset,
    /// What to keep; its rules come before the preset's.
    pub metrics: Filter,
    /// Whether istiod is asked for the state of its proxies.
    pub syncz: bool,
    /// How many proxies that are behind are named one by one.
    pub stale_proxies_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            component: Component::Envoy,
            path: None,
            scheme: Scheme::Http,
            tls: None,
            token_secret: None,
            used_only: false,
            preset: Preset::Full,
            metrics: Filter::default(),
            syncz: true,
            stale_proxies_max: 20,
        }
    }
}

/// The exporter.
pub struct Istio {
    client: Client,
    path: String,
    filter: Filter,
    /// The most stale proxies to name, where istiod is asked for them.
    syncz: Option<usize>,
}

narthex_sdk::export!(Istio);

impl Exporter for Istio {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let path = config.path.unwrap_or_else(|| {
            let path = match config.component {
                Component::Envoy => "/stats/prometheus",
                Component::Istiod | Component::Ztunnel => "/metrics",
            };
            path.to_owned()
        });
        if !path.starts_with('/') {
            return Err(Error::Config(format!(
                "path {path:?} does not begin with /"
            )));
        }
        if config.used_only && config.component != Component::Envoy {
            return Err(Error::Config("used_only is for component envoy".to_owned()));
        }
        let client = Client::new(config.scheme).tls(config.tls.as_deref());
        let is_istiod = config.component == Component::Istiod;
        Ok(Self {
            client: client.credentials(None, None, config.token_secret.as_deref())?,
            path: match config.used_only {
                true => format!("{path}?usedonly"),
                false => path,
            },
            filter: config.preset.with(config.metrics),
            syncz: (is_istiod && config.syncz).then_some(config.stale_proxies_max),
        })
    }

    fn payload(&mut self, target: &Target) -> Result<Payload, Error> {
        if self.filter.keeps_all() && self.syncz.is_none() {
            let stored = self.client.fetch(&self.client.url(target, &self.path))?;
            return Ok(http::payload(&stored));
        }
        self.collected(target)
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let url = self.client.url(target, &self.path);
        let parsed = self.client.metrics(&url, &self.filter, batch)?;
        if !self.filter.keeps_all() {
            write_parsed(parsed, batch);
        }
        if let Some(stale_max) = self.syncz {
            self.collect_syncz(target, stale_max, batch);
        }
        Ok(())
    }
}

impl Istio {
    /// Writes the state of istiod's proxies. Without it, as where istiod wants a token, its
    /// metrics are worth having all the same.
    fn collect_syncz(&self, target: &Target, stale_max: usize, batch: &mut Batch) {
        let url = self.client.url(target, "/debug/syncz");
        let proxies = self.client.get(&url).and_then(|response| {
            let proxies = response.json::<Vec<syncz::Proxy>>();
            proxies.map_err(|error| error.context(&url))
        });
        batch
            .gauge(
                "istio_exporter_syncz_up",
                "Whether istiod told the state of its proxies.",
            )
            .sample(&[], f64::from(u8::from(proxies.is_ok())));
        match proxies {
            Ok(proxies) => syncz::write(&proxies, stale_max, batch),
            Err(error) => log::warn(
                "istiod did not tell the state of its proxies",
                &[("error", error.message())],
            ),
        }
    }
}

/// Tells what the filter did.
fn write_parsed(parsed: Parsed, batch: &mut Batch) {
    let mut family = batch.gauge(
        "istio_exporter_samples",
        "Samples of the last scrape: kept, dropped, or merged into another once labels were dropped.",
    );
    for (result, count) in [
        ("kept", parsed.kept),
        ("dropped", parsed.dropped),
        ("merged", parsed.merged),
    ] {
        family.sample(&[("result", result)], count as f64);
    }
}

#[cfg(test)]
mod tests;
