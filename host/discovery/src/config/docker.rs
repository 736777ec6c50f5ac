//! `docker_sd_configs`: containers of a Docker daemon.

use narthex_http::http_section;
use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};

use super::Origin;

/// Containers that are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DockerFilter {
    /// What is looked at, as in Docker's API.
    pub name: String,
    /// What it has to be, one of these.
    pub values: Vec<String>,
}

http_section! {
    /// One entry of `docker_sd_configs`.
    pub struct DockerSdConfig {
        /// Where the daemon is: `unix:///path`, `tcp://host:port`, or a URL of HTTP.
        pub host: String = String::new(),
        /// The port of containers that show none.
        pub port: u16 = 80,
        /// Which containers are listed; all where there are none.
        pub filters: Vec<DockerFilter> = Vec::new(),
        /// The address of containers in the host's network.
        pub host_networking_host: String = "localhost".to_owned(),
        /// How often the daemon is asked.
        pub refresh_interval: PromDuration = PromDuration::from_secs(60),
        /// Whether a container in several networks is found in the first by name alone.
        pub match_first_network: bool = true,
    }
}

impl DockerSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.host.split_once("://") {
            _ if self.host.is_empty() => faults.push("host missing".to_owned()),
            Some(("unix" | "tcp" | "http" | "https", rest)) if !rest.is_empty() => {}
            _ => faults.push(format!("unable to parse docker host `{}`", self.host)),
        }
        faults.extend(self.http_faults());
        faults
    }

    /// Where the daemon is. What is said of TCP is spoken as HTTP, with TLS where that is
    /// configured.
    pub(super) fn origin(&self) -> Origin {
        match self.host.split_once("://") {
            Some(("unix", path)) => Origin::Socket(path.into()),
            Some(("tcp", rest)) => {
                let scheme = self.tls_config.as_ref().map_or("http", |_| "https");
                Origin::Url(format!("{scheme}://{rest}"))
            }
            _ => Origin::Url(self.host.clone()),
        }
    }
}
