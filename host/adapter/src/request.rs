//! A request, taken apart as an API server of Kubernetes does.

use std::collections::BTreeMap;

use narthex_kubernetes::{Attributes, Resource};

use crate::discovery::GROUPS;

/// A request to read something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiRequest {
    /// The path as it was sent.
    path: String,
    /// `metrics.k8s.io`; empty where the path names no group.
    pub(crate) group: String,
    /// `v1beta1`; empty where the path names none.
    pub(crate) version: String,
    /// The namespace, where the path names one.
    pub(crate) namespace: Option<String>,
    /// The rest of the path, decoded.
    pub(crate) parts: Vec<String>,
    parameters: BTreeMap<String, String>,
    /// What the client would rather have: `Accept`.
    accept: String,
}

impl ApiRequest {
    /// What a path, a query and the header `Accept` ask for; the query is without its question mark.
    pub fn parse(path: &str, query: &str, accept: &str) -> Self {
        let mut parts = path.trim_matches('/').split('/').map(decoded);
        let mut request = Self {
            path: path.to_owned(),
            accept: accept.to_owned(),
            parameters: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            ..Self::default()
        };
        if parts.next().as_deref() != Some("apis") {
            return request;
        }
        request.group = parts.next().unwrap_or_default();
        request.version = parts.next().unwrap_or_default();
        request.parts = parts.filter(|part| !part.is_empty()).collect();
        // The namespace itself is an object without one.
        if request.parts.len() > 2 && request.parts.first().is_some_and(|it| it == "namespaces") {
            request.namespace = request.parts.get(1).cloned();
            request.parts.drain(..2);
        }
        request
    }

    /// A path that no client has to be known for: a probe.
    pub fn is_probe(&self) -> bool {
        matches!(self.path.as_str(), "/healthz" | "/livez" | "/readyz")
    }

    /// The group, where it is one of ours; else nothing, whatever the path says.
    pub fn known_group(&self) -> &'static str {
        let mut groups = GROUPS.iter().map(|(name, _)| *name);
        groups.find(|name| *name == self.group).unwrap_or("")
    }

    /// What has to be allowed for who asks.
    pub fn attributes(&self) -> Attributes {
        let part = |at: usize| self.parts.get(at).cloned().unwrap_or_default();
        if self.parts.is_empty() {
            return Attributes::Path {
                path: self.path.clone(),
                verb: "get".to_owned(),
            };
        }
        // The namespace of an object that is one is its name.
        let own = || {
            let is_one = self.parts.first().is_some_and(|it| it == "namespaces");
            if is_one { part(1) } else { String::new() }
        };
        let name = part(1);
        let verb = match (name.is_empty(), self.is_watch()) {
            (false, _) => "get",
            (true, true) => "watch",
            (true, false) => "list",
        };
        Attributes::Resource(Resource {
            namespace: self.namespace.clone().unwrap_or_else(own),
            verb: verb.to_owned(),
            group: self.group.clone(),
            version: self.version.clone(),
            resource: part(0),
            subresource: part(2),
            name,
        })
    }

    /// Whether changes are asked for.
    pub(crate) fn is_watch(&self) -> bool {
        matches!(self.parameter("watch"), "true" | "1")
    }

    /// The path as it was sent.
    pub(crate) fn path(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    /// A parameter of the query; empty where it is not there.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Whether the client would rather have a table.
    pub(crate) fn wants_table(&self) -> bool {
        let first = self.accept.split(',').next().unwrap_or("");
        first.contains("as=Table") && first.contains("application/json")
    }

    /// Whether the client takes nothing but a kind of answer that is not spoken here: the lists of all
    /// groups at once, which API servers ask for before they ask for each.
    pub(crate) fn takes_nothing_we_have(&self) -> bool {
        let is_plain = |entry: &str| {
            let mut words = entry.split(';').map(str::trim);
            let kind = words.next().unwrap_or("");
            matches!(kind, "application/json" | "application/*" | "*/*" | "")
                && !words.any(|word| word.starts_with("as="))
        };
        !self.wants_table() && !self.accept.split(',').any(is_plain)
    }
}

fn decoded(part: &str) -> String {
    // A plus is a letter of a path.
    let escaped = part.replace('+', "%2B");
    let mut pairs = form_urlencoded::parse(escaped.as_bytes());
    let found = pairs.next().map(|(name, value)| match value.is_empty() {
        true => name.into_owned(),
        false => format!("{name}={value}"),
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(path: &str) -> [String; 6] {
        match ApiRequest::parse(path, "", "").attributes() {
            Attributes::Resource(it) => [
                it.verb,
                it.namespace,
                it.group,
                it.resource,
                it.name,
                it.subresource,
            ],
            Attributes::Path { path, verb } => panic!("{verb} {path}"),
        }
    }

    #[test]
    fn paths_mean_what_they_mean_to_an_api_server() {
        let metrics = "/apis/metrics.k8s.io/v1beta1";
        let custom = "/apis/custom.metrics.k8s.io/v1beta2";
        let external = "/apis/external.metrics.k8s.io/v1beta1";
        for (path, expected) in [
            (format!("{metrics}/nodes"), "list  metrics.k8s.io nodes  "),
            (format!("{metrics}/nodes/a"), "get  metrics.k8s.io nodes a "),
            (format!("{metrics}/pods"), "list  metrics.k8s.io pods  "),
            (
                format!("{metrics}/namespaces/n/pods"),
                "list n metrics.k8s.io pods  ",
            ),
            (
                format!("{metrics}/namespaces/n/pods/p"),
                "get n metrics.k8s.io pods p ",
            ),
            (
                format!("{custom}/namespaces/n/pods/%2A/requests"),
                "get n custom.metrics.k8s.io pods * requests",
            ),
            (
                format!("{custom}/namespaces/n/metrics/requests"),
                "get n custom.metrics.k8s.io metrics requests ",
            ),
            (
                format!("{external}/namespaces/n/queue_length"),
                "list n external.metrics.k8s.io queue_length  ",
            ),
        ] {
            assert_eq!(resource(&path).join(" "), expected, "{path}");
        }
        let request = ApiRequest::parse("/apis/metrics.k8s.io", "", "");
        assert_eq!(
            request.attributes(),
            Attributes::Path {
                path: "/apis/metrics.k8s.io".to_owned(),
                verb: "get".to_owned()
            }
        );
    }

    #[test]
    fn what_is_taken_is_read_of_the_header() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        let groups = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
        let protobuf = "application/vnd.kubernetes.protobuf,application/json";
        for (accept, is_table, nothing) in [
            ("", false, false),
            ("*/*", false, false),
            (table, true, false),
            (groups, false, true),
            (protobuf, false, false),
            ("application/vnd.kubernetes.protobuf", false, true),
        ] {
            let request = ApiRequest::parse("/apis", "", accept);
            assert_eq!(request.wants_table(), is_table, "{accept}");
            assert_eq!(request.takes_nothing_we_have(), nothing, "{accept}");
        }
    }
}
