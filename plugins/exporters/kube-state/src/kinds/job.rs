//! Jobs.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};
use crate::time::Time;

/// Why a job failed, of what is told.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

objects! {
    Job {
        metadata: Metadata,
        spec: JobSpec,
        status: JobStatus,
    }

    JobSpec {
        active_deadline_seconds: Option<f64>,
        completions: Option<f64>,
        parallelism: Option<f64>,
    }

    JobStatus {
        active: f64,
        completion_time: Option<Time>,
        conditions: Vec<JobCondition>,
        failed: f64,
        ready: f64,
        start_time: Option<Time>,
        succeeded: f64,
    }

    JobCondition {
        #[serde(rename = "type")]
        kind: String,
        reason: String,
        status: String,
    }
}

impl Job {
    fn conditions(&self, kind: &str) -> impl Iterator<Item = &JobCondition> {
        let conditions = self.status.conditions.iter();
        conditions.filter(move |condition| condition.kind == kind)
    }

    fn condition(&self, kind: &str, samples: &mut Samples<'_, '_>) {
        for condition in self.conditions(kind) {
            samples.condition(&[], "condition", &condition.status);
        }
    }

    /// How many of its pods failed; where the job did, one for the reason and not how many.
    fn failed(&self, samples: &mut Samples<'_, '_>) {
        let mut is_known = false;
        if self.status.failed > 0.0 {
            for condition in self.conditions("Failed") {
                is_known |= REASONS.contains(&&*condition.reason);
                samples.one_of("reason", &REASONS, &condition.reason);
            }
        }
        if !is_known {
            samples.value(self.status.failed);
        }
    }
}

impl Object for Job {
    const RESOURCE: &'static str = "jobs";
    const NAME: &'static str = "job";
    const API_VERSION: &'static str = "batch/v1";
    const KIND: &'static str = "Job";
    const IS_NAMESPACED: bool = true;
    const LABEL: &'static str = "job_name";
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_job_complete",
            "Whether the job is done.",
            |job, samples| job.condition("Complete", samples),
        ),
        gauge(
            "kube_job_created",
            "When the job was made.",
            |job, samples| job.metadata.created(samples),
        ),
        gauge(
            "kube_job_failed",
            "Whether the job has failed.",
            |job, samples| job.condition("Failed", samples),
        ),
        gauge("kube_job_info", "The job.", |_, samples| samples.value(1.0)),
        gauge(
            "kube_job_owner",
            "Whom the job belongs to.",
            |job, samples| job.metadata.owners(samples),
        ),
        gauge(
            "kube_job_spec_active_deadline_seconds",
            "How long the job may take.",
            |job, samples| samples.some(job.spec.active_deadline_seconds),
        ),
        gauge(
            "kube_job_spec_completions",
            "How many pods have to succeed.",
            |job, samples| samples.some(job.spec.completions),
        ),
        gauge(
            "kube_job_spec_parallelism",
            "How many pods may run at once.",
            |job, samples| samples.some(job.spec.parallelism),
        ),
        gauge(
            "kube_job_status_active",
            "How many pods run.",
            |job, samples| samples.value(job.status.active),
        ),
        gauge(
            "kube_job_status_completion_time",
            "When the job was done.",
            |job, samples| samples.time(job.status.completion_time),
        ),
        gauge(
            "kube_job_status_failed",
            "How many pods failed, or why the job did.",
            Self::failed,
        ),
        gauge(
            "kube_job_status_ready",
            "How many pods are ready.",
            |job, samples| samples.value(job.status.ready),
        ),
        gauge(
            "kube_job_status_start_time",
            "When the job was begun.",
            |job, samples| samples.time(job.status.start_time),
        ),
        gauge(
            "kube_job_status_succeeded",
            "How many pods succeeded.",
            |job, samples| samples.value(job.status.succeeded),
        ),
        gauge(
            "kube_job_status_suspended",
            "Whether the job is suspended.",
            |job, samples| {
                for condition in job.conditions("Suspended") {
                    samples.flag(condition.status == "True");
                }
            },
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
