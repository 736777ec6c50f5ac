//! The kinds of objects, a file for each or for those that are told alike.

mod autoscaler;
mod certificate;
mod cluster;
mod container;
mod cron_job;
mod endpoints;
mod ingress;
mod job;
mod node;
mod pod;
mod quota;
mod replicas;
mod service;
mod stateful_set;
mod volume;

use crate::config::Selected;
use crate::kept::{Kept, Objects};
use crate::object::Object;

/// One of them.
pub(crate) struct Kind {
    /// `pods`
    pub(crate) resource: &'static str,
    pub(crate) is_namespaced: bool,
    is_default: bool,
    make: fn(&Selected) -> Box<dyn Kept>,
}

/// All of them.
pub(crate) static ALL: [Kind; 22] = [
    kind::<node::Node>(),
    kind::<cluster::Namespace>(),
    kind::<pod::Pod>(),
    kind::<replicas::Deployment>(),
    kind::<replicas::ReplicaSet>(),
    kind::<replicas::ReplicationController>(),
    kind::<stateful_set::StatefulSet>(),
    kind::<replicas::DaemonSet>(),
    kind::<job::Job>(),
    kind::<cron_job::CronJob>(),
    kind::<autoscaler::Autoscaler>(),
    kind::<volume::Volume>(),
    kind::<volume::Claim>(),
    kind::<cluster::StorageClass>(),
    kind::<service::Service>(),
    kind::<endpoints::Endpoints>(),
    kind::<endpoints::EndpointSlice>(),
    kind::<ingress::Ingress>(),
    kind::<quota::ResourceQuota>(),
    kind::<quota::LimitRange>(),
    kind::<quota::DisruptionBudget>(),
    kind::<certificate::SigningRequest>(),
];

const fn kind<T: Object>() -> Kind {
    Kind {
        resource: T::RESOURCE,
        is_namespaced: T::IS_NAMESPACED,
        is_default: T::IS_DEFAULT,
        make: make::<T>,
    }
}

fn make<T: Object>(selected: &Selected) -> Box<dyn Kept> {
    Box::new(Objects::<T>::new(selected))
}

/// The one that the configuration calls so.
pub(crate) fn named(resource: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.resource == resource)
}

/// Those that are looked at where a job names none.
pub(crate) fn defaults() -> Vec<String> {
    let defaults = ALL.iter().filter(|kind| kind.is_default);
    defaults.map(|kind| kind.resource.to_owned()).collect()
}

/// Somewhere for the objects of each of them, each once.
pub(crate) fn kept(resources: &[String], selected: &Selected) -> Vec<Box<dyn Kept>> {
    let is_wanted = |kind: &&Kind| resources.iter().any(|name| name == kind.resource);
    let wanted = ALL.iter().filter(is_wanted);
    wanted.map(|kind| (kind.make)(selected)).collect()
}
