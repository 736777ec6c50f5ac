//! Containers of a Docker daemon, of `docker_sd_configs`: a target for each port of each container
//! in each of its networks.
//!
//! It is not: Docker Swarm.

mod api;
mod targets;

use narthex_sdk::{Discovery, Error, Group, http};
use serde::Deserialize;

use api::{Container, Network, filters};

/// The host of URLs that go to a socket: any would do.
const SOCKET_HOST: &str = "http://localhost";

/// The entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the daemon is: `unix:///path`, `tcp://host:port`, or a URL.
    pub host: String,
    /// Whether `tcp://` is spoken in TLS.
    pub tls: bool,
    /// The port of containers that show none.
    pub port: u16,
    /// Which containers are listed.
    pub filters: Vec<Filter>,
    /// The address of containers in the host's network.
    pub host_networking_host: String,
    /// Whether a container in several networks is found in the first by name alone.
    pub match_first_network: bool,
    /// How often the daemon is asked; that is the host's to do.
    pub refresh_interval_seconds: f64,
}

/// A filter of Docker's API.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// What is looked at.
    pub name: String,
    /// What it has to be, one of these.
    pub values: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            host: String::new(),
            tls: false,
            port: 80,
            filters: Vec::new(),
            host_networking_host: "localhost".to_owned(),
            match_first_network: true,
            refresh_interval_seconds: 60.0,
        }
    }
}

/// Asks the daemon.
pub struct Docker {
    config: Config,
    base: String,
}

narthex_sdk::export_discovery!(Docker);

impl Discovery for Docker {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let base = match config.host.split_once("://") {
            Some(("unix", _)) => SOCKET_HOST.to_owned(),
            Some(("tcp", rest)) if config.tls => format!("https://{rest}"),
            Some(("tcp", rest)) => format!("http://{rest}"),
            Some(("http" | "https", _)) => config.host.clone(),
            _ => {
                let text = format!("unable to parse docker host `{}`", config.host);
                return Err(Error::Config(text));
            }
        };
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { config, base })
    }

    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        let mut url = format!("{}/containers/json", self.base);
        if !self.config.filters.is_empty() {
            let filters = filters(&self.config.filters);
            url = format!("{url}?{}", http::query([("filters", filters.as_str())]));
        }
        let containers: Vec<Container> =
            get(&url).map_err(|error| error.context("error while listing containers"))?;
        let networks: Vec<Network> = get(&format!("{}/networks", self.base))
            .map_err(|error| error.context("error while computing network labels"))?;
        Ok(vec![targets::group(&self.config, &containers, &networks)])
    }
}

fn get<T: serde::de::DeserializeOwned>(url: &str) -> Result<T, Error> {
    http::send(&http::get(url))?.success(url)?.json()
}

#[cfg(test)]
mod tests;
