//! Names that are looked up, of `dns_sd_configs`.
//!
//! It is not: the system's resolver. It asks the system's name servers itself, since only that
//! tells records of services from names that do not exist.

mod records;
mod resolver;

use std::collections::BTreeMap;

use narthex_sdk::{Discovery, Error, Group, host_with_port, log, looked_up};
use serde::Deserialize;

use records::{Data, Kind};
use resolver::Resolver;

/// The entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The names.
    pub names: Vec<String>,
    /// `SRV`, `A`, `AAAA`, `MX` or `NS`.
    #[serde(rename = "type")]
    pub record_type: String,
    /// The port of targets, where the records have none.
    pub port: u16,
    /// How often names are looked up; that is the host's to do.
    pub refresh_interval_seconds: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            record_type: "SRV".to_owned(),
            port: 0,
            refresh_interval_seconds: 30.0,
        }
    }
}

/// Looks names up.
pub struct Dns {
    names: Vec<String>,
    kind: Kind,
    port: u16,
    resolver: Resolver,
    /// What each name led to when it was looked up last with success.
    known: BTreeMap<String, Group>,
}

narthex_sdk::export_discovery!(Dns);

impl Discovery for Dns {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let kind = Kind::named(&config.record_type).ok_or_else(|| {
            let text = format!("invalid DNS-SD records type {}", config.record_type);
            Error::Config(text)
        })?;
        Ok(Self {
            names: config.names,
            kind,
            port: config.port,
            resolver: Resolver::default(),
            known: BTreeMap::new(),
        })
    }

    /// A name that cannot be looked up keeps its group. It is an error only where nothing is known
    /// of any name.
    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        // An entry of the config has far fewer names.
        let count = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.resolver
            .read_config()
            .inspect_err(|_| looked_up(count, count))?;
        let (mut last, mut failed) = (None, 0);
        for name in &self.names {
            match self.resolver.look_up(name, self.kind) {
                Ok(records) => {
                    let targets = records.iter().filter_map(|data| self.target(name, data));
                    let mut group = Group::new(name);
                    group.targets.extend(targets);
                    self.known.insert(name.clone(), group);
                }
                Err(error) => {
                    let fields = [("name", name.as_str()), ("error", error.message())];
                    log::warn("a name was not looked up", &fields);
                    last = Some(error);
                    failed += 1;
                }
            }
        }
        looked_up(count, failed);
        match last {
            Some(error) if self.known.is_empty() => Err(error),
            _ => Ok(self.known.values().cloned().collect()),
        }
    }
}

impl Dns {
    /// The labels of a record's target; none, where it leads nowhere.
    fn target(&self, name: &str, data: &Data) -> Option<Vec<(String, String)>> {
        // As Prometheus has it, every target has all of the labels.
        let mut special = [
            ("__meta_dns_srv_record_target", String::new()),
            ("__meta_dns_srv_record_port", String::new()),
            ("__meta_dns_mx_record_target", String::new()),
            ("__meta_dns_ns_record_target", String::new()),
        ];
        // The last dot of a full name is not usual in addresses.
        let bare = |host: &str| host.trim_end_matches('.').to_owned();
        let address = match data {
            Data::Address(address) => host_with_port(&address.to_string(), self.port),
            Data::Service { host, port } => {
                special[0].1.clone_from(host);
                special[1].1 = port.to_string();
                host_with_port(&bare(host), *port)
            }
            Data::Mail(host) => {
                special[2].1.clone_from(host);
                host_with_port(&bare(host), self.port)
            }
            Data::Server(host) => {
                special[3].1.clone_from(host);
                host_with_port(&bare(host), self.port)
            }
            Data::Other => return None,
        };
        let mut labels = vec![
            ("__address__".to_owned(), address),
            ("__meta_dns_name".to_owned(), name.to_owned()),
        ];
        labels.extend(special.map(|(name, value)| (name.to_owned(), value)));
        Some(labels)
    }
}

#[cfg(test)]
mod tests;
