//! The containers of pods, those that run before the others as well: what they are, what they ask
//! for, and how they are.

use crate::fields::objects;
use crate::object::Samples;
use crate::resources::{self, Resources};
use crate::time::Time;

objects! {
    Container {
        name: String,
        image: String,
        resources: ContainerResources,
    }

    ContainerResources {
        limits: Resources,
        requests: Resources,
    }

    ContainerStatus {
        name: String,
        image: String,
        #[serde(rename = "imageID")]
        image_id: String,
        #[serde(rename = "containerID")]
        container_id: String,
        ready: bool,
        restart_count: f64,
        state: State,
        last_state: State,
    }

    /// One of the three is there, or none.
    State {
        waiting: Option<Waiting>,
        running: Option<Running>,
        terminated: Option<Terminated>,
    }

    Waiting {
        reason: String,
    }

    Running {
        started_at: Option<Time>,
    }

    Terminated {
        reason: String,
        exit_code: f64,
        started_at: Option<Time>,
        finished_at: Option<Time>,
    }
}

/// Containers of one sort, as a pod has them.
#[derive(Clone, Copy)]
pub(super) struct Containers<'p> {
    pub(super) asked: &'p [Container],
    pub(super) found: &'p [ContainerStatus],
    pub(super) node: &'p str,
}

impl Containers<'_> {
    /// A sample for each that is known to run or to have run, where there is a value.
    fn each(self, samples: &mut Samples<'_, '_>, value: impl Fn(&ContainerStatus) -> Option<f64>) {
        for status in self.found {
            if let Some(value) = value(status) {
                samples.with(&[("container", &*status.name)], value);
            }
        }
    }

    /// A sample for each that has a reason for something.
    fn each_reason(
        self,
        samples: &mut Samples<'_, '_>,
        reason: impl Fn(&ContainerStatus) -> Option<&str>,
    ) {
        for status in self.found {
            if let Some(reason) = reason(status).filter(|reason| !reason.is_empty()) {
                let labels = [("container", &*status.name), ("reason", reason)];
                samples.with(&labels, 1.0);
            }
        }
    }

    pub(super) fn info(self, samples: &mut Samples<'_, '_>) {
        for status in self.found {
            let mut asked = self.asked.iter();
            let asked = asked.find(|container| container.name == status.name);
            let labels = [
                ("container", &*status.name),
                (
                    "image_spec",
                    asked.map_or("", |container| &*container.image),
                ),
                ("image", &*status.image),
                ("image_id", &*status.image_id),
                ("container_id", &*status.container_id),
            ];
            samples.with(&labels, 1.0);
        }
    }

    pub(super) fn limits(self, samples: &mut Samples<'_, '_>) {
        for container in self.asked {
            let labels = [("container", &*container.name), ("node", self.node)];
            resources::write(samples, &labels, &container.resources.limits);
        }
    }

    pub(super) fn requests(self, samples: &mut Samples<'_, '_>) {
        for container in self.asked {
            let labels = [("container", &*container.name), ("node", self.node)];
            resources::write(samples, &labels, &container.resources.requests);
        }
    }

    pub(super) fn started(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| {
            let running = status.state.running.as_ref();
            let terminated = status.state.terminated.as_ref();
            let running = running.and_then(|state| state.started_at);
            let started = running.or(terminated.and_then(|state| state.started_at));
            started.map(Time::seconds)
        });
    }

    pub(super) fn ready(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| number(status.ready));
    }

    pub(super) fn restarts(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| Some(status.restart_count));
    }

    pub(super) fn waiting(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| number(status.state.waiting.is_some()));
    }

    pub(super) fn running(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| number(status.state.running.is_some()));
    }

    pub(super) fn terminated(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| number(status.state.terminated.is_some()));
    }

    pub(super) fn waiting_reason(self, samples: &mut Samples<'_, '_>) {
        self.each_reason(samples, |status| {
            status.state.waiting.as_ref().map(|state| &*state.reason)
        });
    }

    pub(super) fn terminated_reason(self, samples: &mut Samples<'_, '_>) {
        self.each_reason(samples, |status| {
            status.state.terminated.as_ref().map(|state| &*state.reason)
        });
    }

    pub(super) fn last_reason(self, samples: &mut Samples<'_, '_>) {
        self.each_reason(samples, |status| {
            let last = status.last_state.terminated.as_ref();
            last.map(|state| &*state.reason)
        });
    }

    pub(super) fn last_exit_code(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| {
            let last = status.last_state.terminated.as_ref();
            last.map(|state| state.exit_code)
        });
    }

    pub(super) fn last_time(self, samples: &mut Samples<'_, '_>) {
        self.each(samples, |status| {
            let last = status.last_state.terminated.as_ref();
            last.and_then(|state| state.finished_at).map(Time::seconds)
        });
    }
}

fn number(is_so: bool) -> Option<f64> {
    Some(f64::from(u8::from(is_so)))
}
