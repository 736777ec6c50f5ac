//! The watches of a job: of what it finds, and of what it needs for that.

use narthex_sdk::Error;
use narthex_sdk::kubernetes::{Change, Watch};
use serde::de::DeserializeOwned;

use crate::config::{Config, Role};

/// So many names are taken at a time.
const NEWS_AT_ONCE: u32 = 5_000;

/// The watches.
pub(crate) struct Kinds {
    /// What is found.
    pub(crate) main: Kind,
    pub(crate) services: Option<Kind>,
    pub(crate) pods: Option<Kind>,
    pub(crate) nodes: Option<Kind>,
    pub(crate) namespaces: Option<Kind>,
    /// What stands between a pod and its deployment.
    pub(crate) replica_sets: Option<Kind>,
    /// What stands between a pod and its cron job.
    pub(crate) jobs: Option<Kind>,
}

/// The objects of one kind, a watch for each namespace that is looked at, or one for all.
pub(crate) struct Kind(Vec<(Option<String>, Watch)>);

impl Kinds {
    pub(crate) fn open(config: &Config) -> Result<Self, Error> {
        config.check()?;
        let kind = |role: Role| {
            let (version, name) = match role {
                Role::Node => ("v1", "Node"),
                Role::Pod => ("v1", "Pod"),
                Role::Service => ("v1", "Service"),
                Role::Endpoints => ("v1", "Endpoints"),
                Role::EndpointSlice => ("discovery.k8s.io/v1", "EndpointSlice"),
                Role::Ingress => ("networking.k8s.io/v1", "Ingress"),
            };
            let namespaces = match role {
                Role::Node => &[],
                _ => &*config.namespaces.names,
            };
            Kind::open(version, name, namespaces, config.selector(role))
        };
        let (role, attach) = (config.role, config.attach_metadata);
        let has_backends = matches!(role, Role::Endpoints | Role::EndpointSlice);
        let has_pods = has_backends || role == Role::Pod;
        let has_nodes = has_pods && attach.node;
        let has_namespaces = role != Role::Node && attach.namespace;
        let when = |wanted: bool, role: Role| wanted.then(|| kind(role)).transpose();
        let owners = |wanted: bool, version: &str, name: &str| {
            let namespaces = &config.namespaces.names;
            let open = || Kind::open(version, name, namespaces, ("", ""));
            (has_pods && wanted).then(open).transpose()
        };
        Ok(Self {
            main: kind(role)?,
            services: when(has_backends, Role::Service)?,
            pods: when(has_backends, Role::Pod)?,
            nodes: when(has_nodes, Role::Node)?,
            namespaces: has_namespaces
                .then(|| Kind::open("v1", "Namespace", &[], ("", "")))
                .transpose()?,
            replica_sets: owners(attach.deployment, "apps/v1", "ReplicaSet")?,
            jobs: owners(attach.cronjob, "batch/v1", "Job")?,
        })
    }
}

impl Kind {
    fn open(
        api_version: &str,
        kind: &str,
        namespaces: &[String],
        (labels, fields): (&str, &str),
    ) -> Result<Self, Error> {
        let given = |text| Some(text).filter(|text: &&str| !text.is_empty());
        let open = |namespace: Option<&str>| {
            let (labels, fields) = (given(labels), given(fields));
            let watch = Watch::open_selected(api_version, kind, namespace, labels, fields)?;
            Ok((namespace.map(str::to_owned), watch))
        };
        let watches = match namespaces {
            [] => Ok(vec![open(None)?]),
            some => some.iter().map(|name| open(Some(name))).collect(),
        };
        watches.map(Self)
    }

    /// Hands over the keys of the objects that changed.
    pub(crate) fn news(&mut self, mut take: impl FnMut(&str, Change)) -> Result<(), Error> {
        for (_, watch) in &mut self.0 {
            loop {
                let news = watch.drain_news(NEWS_AT_ONCE)?;
                for one in &news {
                    take(&key(&one.namespace, &one.name), one.change);
                }
                if news.len() < NEWS_AT_ONCE as usize {
                    break;
                }
            }
        }
        Ok(())
    }

    /// An object as it is now.
    pub(crate) fn lookup<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error> {
        let (namespace, name) = split(key);
        let is_it = |own: &Option<String>| own.as_ref().is_none_or(|own| own == namespace);
        match self.0.iter().find(|(own, _)| is_it(own)) {
            Some((_, watch)) => watch.lookup(namespace, name),
            None => Ok(None),
        }
    }
}

/// `NAMESPACE/NAME`, or the name alone.
pub(crate) fn key(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        _ => format!("{namespace}/{name}"),
    }
}

/// Namespace and name of a key.
pub(crate) fn split(key: &str) -> (&str, &str) {
    key.split_once('/').unwrap_or(("", key))
}
