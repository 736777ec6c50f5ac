//! Makes the group of an object, with all that it takes from others.
//!
//! What belongs to one role alone is in the file of its name.

use narthex_sdk::{Error, Group};

use crate::config::{AttachMetadata, Config, Role};
use crate::kinds::{Kind, Kinds, key};
use crate::labels::Labels;
use crate::needs::Need;
use crate::objects::{Metadata, Node, Plain, Pod, Reference, Service};

/// Makes groups.
pub(crate) struct Builder {
    pub(crate) role: Role,
    pub(crate) attach: AttachMetadata,
    pub(crate) kinds: Kinds,
}

/// A group that is being made.
#[derive(Default)]
pub(crate) struct Draft {
    /// Of all targets.
    pub(crate) labels: Labels,
    pub(crate) targets: Vec<Labels>,
    /// What was asked for, be it there or not.
    pub(crate) needs: Vec<Need>,
}

impl Builder {
    pub(crate) fn new(config: Config, kinds: Kinds) -> Self {
        Self {
            role: config.role,
            attach: config.attach_metadata,
            kinds,
        }
    }

    /// The source of the group of an object.
    pub(crate) fn source(&self, key: &str) -> String {
        let prefix = match self.role {
            Role::Node => "node",
            Role::Pod => "pod",
            Role::Service => "svc",
            Role::Endpoints => "endpoints",
            Role::EndpointSlice => "endpointslice",
            Role::Ingress => "ingress",
        };
        format!("{prefix}/{key}")
    }

    /// The group of an object as it is now, without targets where it is gone, and what it needs.
    pub(crate) fn group(&mut self, key: &str) -> Result<(Group, Vec<Need>), Error> {
        let draft = match self.role {
            Role::Node => self.draft(key, Self::node)?,
            Role::Pod => self.draft(key, Self::pod)?,
            Role::Service => self.draft(key, Self::service)?,
            Role::Endpoints => self.draft(key, Self::endpoints)?,
            Role::EndpointSlice => self.draft(key, Self::endpoint_slice)?,
            Role::Ingress => self.draft(key, Self::ingress)?,
        };
        let mut group = Group::new(&self.source(key));
        group.labels = draft.labels.into_pairs();
        group.targets = draft.targets.into_iter().map(Labels::into_pairs).collect();
        Ok((group, draft.needs))
    }

    fn draft<T: serde::de::DeserializeOwned>(
        &self,
        key: &str,
        make: impl Fn(&Self, &T, &mut Draft) -> Result<(), Error>,
    ) -> Result<Draft, Error> {
        let mut draft = Draft::default();
        if let Some(object) = self.kinds.main.lookup(key)? {
            make(self, &object, &mut draft)?;
        }
        Ok(draft)
    }

    /// Attaches the metadata of the namespace, where that is wanted.
    pub(crate) fn attach_namespace(
        &self,
        metadata: &Metadata,
        draft: &mut Draft,
    ) -> Result<(), Error> {
        let Some(namespaces) = &self.kinds.namespaces else {
            return Ok(());
        };
        draft.needs.push(Need::namespace(&metadata.namespace));
        if let Some(namespace) = namespaces.lookup::<Plain>(&metadata.namespace)? {
            draft.labels.set_marks("namespace", &namespace.metadata);
        }
        Ok(())
    }

    /// The metadata of a node; none where it is not there, or nobody wants it.
    pub(crate) fn node_metadata(
        &self,
        name: &str,
        needs: &mut Vec<Need>,
    ) -> Result<Option<Labels>, Error> {
        let Some(nodes) = self.kinds.nodes.as_ref().filter(|_| !name.is_empty()) else {
            return Ok(None);
        };
        needs.push(Need::node(name));
        let node = nodes.lookup::<Node>(name)?;
        Ok(node.map(|node| {
            let mut labels = Labels::default();
            labels.set_metadata("node", &node.metadata);
            labels
        }))
    }

    /// Attaches the labels of the service of that name, and hands it over.
    pub(crate) fn attach_service(
        &self,
        namespace: &str,
        name: &str,
        draft: &mut Draft,
    ) -> Result<Option<Service>, Error> {
        let key = key(namespace, name);
        draft.needs.push(Need::service(&key));
        let service: Option<Service> = find(self.kinds.services.as_ref(), &key)?;
        if let Some(service) = &service {
            draft.labels.merge(&service.labels());
        }
        Ok(service)
    }

    /// The pod behind an endpoint, where it is one.
    pub(crate) fn pod_of(
        &self,
        target: Option<&Reference>,
        needs: &mut Vec<Need>,
    ) -> Result<Option<(String, Pod)>, Error> {
        let Some(target) = target.filter(|target| target.kind == "Pod") else {
            return Ok(None);
        };
        let key = key(&target.namespace, &target.name);
        needs.push(Need::pod(&key));
        let pod: Option<Pod> = find(self.kinds.pods.as_ref(), &key)?;
        let Some(mut pod) = pod else {
            return Ok(None);
        };
        pod.workload = self.workload(&pod.metadata, needs)?;
        Ok(Some((key, pod)))
    }

    /// What a pod belongs to beyond its controller: its deployment, its job, and the cron job of
    /// that, as far as they are wanted.
    pub(crate) fn workload(&self, pod: &Metadata, needs: &mut Vec<Need>) -> Result<Labels, Error> {
        let mut labels = Labels::default();
        let Some(owner) = pod.controller().filter(|owner| !owner.name.is_empty()) else {
            return Ok(labels);
        };
        let key = key(&pod.namespace, &owner.name);
        let of = |kind: &Kind, wanted: &str| {
            let between = kind.lookup::<Plain>(&key)?;
            let owner = between.as_ref().and_then(|one| one.metadata.controller());
            let owner = owner.filter(|owner| owner.kind == wanted);
            Ok::<_, Error>(owner.map(|owner| owner.name.clone()))
        };
        if let Some(replica_sets) = &self.kinds.replica_sets
            && owner.kind == "ReplicaSet"
        {
            needs.push(Need::replica_set(&key));
            labels.set_some("pod_deployment_name", of(replica_sets, "Deployment")?);
        }
        if self.attach.job && owner.kind == "Job" {
            labels.set("pod_job_name", &owner.name);
        }
        if let Some(jobs) = &self.kinds.jobs
            && owner.kind == "Job"
        {
            needs.push(Need::job(&key));
            labels.set_some("pod_cronjob_name", of(jobs, "CronJob")?);
        }
        Ok(labels)
    }
}

fn find<T: serde::de::DeserializeOwned>(
    kind: Option<&Kind>,
    key: &str,
) -> Result<Option<T>, Error> {
    kind.map_or(Ok(None), |kind| kind.lookup(key))
}
