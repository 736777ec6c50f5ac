//! A list of grants, read.

use std::path::PathBuf;

use narthex_registry::template::{expand, names_config};
use narthex_registry::{Endpoint, EndpointPattern, GrantList, HostPattern};
use serde_json::Value;

use super::Network;

/// What a list says.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Patterns {
    pub(super) files: Vec<PathBuf>,
    pub(super) file_systems: Vec<PathBuf>,
    tcp: Vec<EndpointPattern>,
    http: Vec<EndpointPattern>,
    udp: Vec<EndpointPattern>,
    icmp: Vec<HostPattern>,
    names: Vec<HostPattern>,
    pub(super) secrets: Vec<String>,
    pub(super) tls: Vec<String>,
    pub(super) kubernetes: Vec<String>,
    pub(super) state: bool,
}

impl Patterns {
    /// Reads a list, less its templates of the configuration: those belong to a job.
    pub(super) fn parse(list: &GrantList) -> Result<Self, String> {
        list.check(true)?;
        let paths = |texts: &[String]| texts.iter().map(PathBuf::from).collect();
        Ok(Self {
            files: paths(&list.files),
            file_systems: paths(&list.file_systems),
            tcp: literals(&list.tcp)
                .map(EndpointPattern::parse)
                .collect::<Result<_, _>>()?,
            http: literals(&list.http)
                .map(EndpointPattern::parse)
                .collect::<Result<_, _>>()?,
            udp: literals(&list.udp)
                .map(EndpointPattern::parse)
                .collect::<Result<_, _>>()?,
            icmp: literals(&list.icmp)
                .map(HostPattern::parse)
                .collect::<Result<_, _>>()?,
            names: literals(&list.names)
                .map(HostPattern::parse)
                .collect::<Result<_, _>>()?,
            secrets: literals(&list.secrets).map(str::to_owned).collect(),
            tls: literals(&list.tls).map(str::to_owned).collect(),
            kubernetes: list.kubernetes.clone(),
            state: list.state,
        })
    }

    /// What the templates of a request stand for in one configuration. A value that is none of
    /// its kind stands for nothing: the plugin's attempt to use it will name it.
    pub(super) fn of_config(request: &GrantList, config: &Value) -> Self {
        let texts = |list: &[String]| -> Vec<String> {
            let templates = list.iter().filter(|text| names_config(text));
            templates.flat_map(|text| expand(text, config)).collect()
        };
        let endpoints = |list: &[String]| texts(list).iter().filter_map(|t| endpoint(t)).collect();
        let hosts = |list: &[String]| {
            let texts = texts(list);
            texts
                .iter()
                .filter_map(|text| HostPattern::parse(text).ok())
                .collect()
        };
        Self {
            tcp: endpoints(&request.tcp),
            http: endpoints(&request.http),
            udp: endpoints(&request.udp),
            icmp: hosts(&request.icmp),
            names: hosts(&request.names),
            secrets: texts(&request.secrets),
            tls: texts(&request.tls),
            ..Self::default()
        }
    }

    /// Those that name the target itself.
    pub(super) fn of_target(&self) -> Self {
        let endpoints =
            |list: &[EndpointPattern]| list.iter().filter(|p| p.names_target()).cloned().collect();
        let hosts =
            |list: &[HostPattern]| list.iter().filter(|p| p.names_target()).cloned().collect();
        Self {
            tcp: endpoints(&self.tcp),
            http: endpoints(&self.http),
            udp: endpoints(&self.udp),
            icmp: hosts(&self.icmp),
            names: hosts(&self.names),
            ..Self::default()
        }
    }

    /// Adds what another list says.
    pub(super) fn extend(&mut self, more: Self) {
        self.files.extend(more.files);
        self.file_systems.extend(more.file_systems);
        self.tcp.extend(more.tcp);
        self.http.extend(more.http);
        self.udp.extend(more.udp);
        self.icmp.extend(more.icmp);
        self.names.extend(more.names);
        self.secrets.extend(more.secrets);
        self.tls.extend(more.tls);
        self.kubernetes.extend(more.kubernetes);
        self.state |= more.state;
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Where connections may lead.
    pub(super) fn endpoints(&self, network: Network) -> &[EndpointPattern] {
        match network {
            Network::Tcp => &self.tcp,
            Network::Http => &self.http,
            Network::Udp => &self.udp,
            Network::Icmp | Network::Names => &[],
        }
    }

    /// The same where there are no ports.
    pub(super) fn hosts(&self, network: Network) -> &[HostPattern] {
        match network {
            Network::Icmp => &self.icmp,
            Network::Names => &self.names,
            Network::Tcp | Network::Http | Network::Udp => &[],
        }
    }
}

fn literals(list: &[String]) -> impl Iterator<Item = &str> {
    let literals = list.iter().filter(|text| !names_config(text));
    literals.map(String::as_str)
}

/// A pattern, a host with a port, or a URL.
fn endpoint(text: &str) -> Option<EndpointPattern> {
    match EndpointPattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(_) => Endpoint::parse_url(text, None).map(|e| EndpointPattern::from(&e)),
    }
}
