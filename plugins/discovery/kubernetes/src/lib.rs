//! Finds what runs in a Kubernetes cluster: nodes, pods, services, endpoints, endpoint slices and
//! ingresses, with the labels of Prometheus.
//!
//! Objects stay with the host. A change of one makes those groups anew that depend on it, and
//! those alone are told.
//!
//! It is not: a client of a cluster, and it reads no credentials.

mod build;
mod config;
mod endpoints;
mod endpointslice;
mod ingress;
mod kinds;
mod labels;
mod needs;
mod node;
mod objects;
mod pod;
mod service;

use std::collections::BTreeSet;
use std::rc::Rc;

use narthex_sdk::{Discovery, Error, Group, log, more_to_come, only_changes};

use build::Builder;
use kinds::Kinds;
use needs::{Need, Needs};

pub use config::{AttachMetadata, Config, Namespaces, Role, Selector};

/// So many groups are made in one call; with more to make, the host calls again.
const GROUPS_AT_ONCE: usize = 2_000;

/// So many labels are told in one call, with those of the last group beyond it; a group of
/// endpoints may have tens of thousands.
const LABELS_AT_ONCE: usize = 200_000;

/// The discovery of one job.
pub struct Kubernetes {
    builder: Builder,
    needs: Needs,
    /// The groups that have to be made anew.
    stale: BTreeSet<Rc<str>>,
}

narthex_sdk::export_discovery!(Kubernetes);

impl Discovery for Kubernetes {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let kinds = Kinds::open(&config)?;
        Ok(Self {
            builder: Builder::new(config, kinds),
            needs: Needs::default(),
            stale: BTreeSet::new(),
        })
    }

    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        only_changes();
        self.take_news()?;
        let (mut groups, mut labels) = (Vec::new(), 0);
        while groups.len() < GROUPS_AT_ONCE && labels < LABELS_AT_ONCE {
            let Some(key) = self.stale.first().cloned() else {
                return Ok(groups);
            };
            // It is no longer stale once it was told, and nothing was that ends in an error.
            let built = self.builder.group(&key);
            let group = match built {
                Ok((group, needs)) => {
                    self.needs.set(&key, needs);
                    group
                }
                Err(Error::Protocol(error)) => {
                    let fields = [("object", &*key), ("error", &*error)];
                    log::warn(
                        "an object is not what it should be, and is left out",
                        &fields,
                    );
                    self.needs.set(&key, Vec::new());
                    Group::new(&self.builder.source(&key))
                }
                Err(error) => {
                    self.make_stale_again(&groups);
                    return Err(error);
                }
            };
            self.stale.remove(&key);
            labels += group.labels.len() + group.targets.iter().map(Vec::len).sum::<usize>();
            groups.push(group);
        }
        if !self.stale.is_empty() {
            more_to_come();
        }
        Ok(groups)
    }
}

impl Kubernetes {
    /// Notes which groups the changes of the cluster concern.
    fn take_news(&mut self) -> Result<(), Error> {
        let (kinds, needs, stale) = (&mut self.builder.kinds, &self.needs, &mut self.stale);
        kinds.main.news(|key, _| {
            stale.insert(key.into());
        })?;
        for (kind, need) in [
            (&mut kinds.services, Need::service as fn(&str) -> Need),
            (&mut kinds.pods, Need::pod),
            (&mut kinds.nodes, Need::node),
            (&mut kinds.namespaces, Need::namespace),
            (&mut kinds.replica_sets, Need::replica_set),
            (&mut kinds.jobs, Need::job),
        ] {
            if let Some(kind) = kind {
                kind.news(|key, _| stale.extend(needs.who_need(&need(key))))?;
            }
        }
        Ok(())
    }

    fn make_stale_again(&mut self, groups: &[Group]) {
        let prefix = self.builder.source("").len();
        let keys = groups.iter().filter_map(|group| group.source.get(prefix..));
        self.stale.extend(keys.map(Rc::from));
    }
}

#[cfg(test)]
mod tests;
