//! Cron jobs.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};
use crate::schedule::Schedule;
use crate::time::Time;

/// Time zones in which it is as late as everywhere; where a job names none, it is the cluster's own,
/// which is one of these as a rule.
const UNIVERSAL: [&str; 4] = ["", "UTC", "Etc/UTC", "Etc/GMT"];

objects! {
    CronJob {
        metadata: Metadata,
        spec: CronJobSpec,
        status: CronJobStatus,
    }

    CronJobSpec {
        concurrency_policy: String,
        failed_jobs_history_limit: Option<f64>,
        schedule: String,
        starting_deadline_seconds: Option<f64>,
        successful_jobs_history_limit: Option<f64>,
        suspend: Option<bool>,
        time_zone: String,
    }

    CronJobStatus {
        active: Vec<Active>,
        last_schedule_time: Option<Time>,
        last_successful_time: Option<Time>,
    }

    /// A job that runs.
    Active {}
}

impl CronJob {
    /// When it is due next; none, where it is suspended or where that depends on a place.
    fn next(&self) -> Option<Time> {
        let (spec, status) = (&self.spec, &self.status);
        if spec.suspend == Some(true) || !UNIVERSAL.contains(&&*spec.time_zone) {
            return None;
        }
        let last = status.last_schedule_time;
        let after = last.or(self.metadata.creation_timestamp)?;
        Schedule::parse(&spec.schedule)?.next(after)
    }
}

impl Object for CronJob {
    const RESOURCE: &'static str = "cronjobs";
    const NAME: &'static str = "cronjob";
    const API_VERSION: &'static str = "batch/v1";
    const KIND: &'static str = "CronJob";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_cronjob_created",
            "When the cron job was made.",
            |cron_job, samples| cron_job.metadata.created(samples),
        ),
        gauge(
            "kube_cronjob_info",
            "When the cron job runs, and whether twice at once.",
            |cron_job, samples| {
                let spec = &cron_job.spec;
                let labels = [
                    ("schedule", &*spec.schedule),
                    ("concurrency_policy", &*spec.concurrency_policy),
                    ("timezone", &*spec.time_zone),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_cronjob_metadata_resource_version",
            "The version of the object.",
            |cron_job, samples| cron_job.metadata.version(samples),
        ),
        gauge(
            "kube_cronjob_next_schedule_time",
            "When the cron job is due next.",
            |cron_job, samples| samples.time(cron_job.next()),
        ),
        gauge(
            "kube_cronjob_spec_failed_job_history_limit",
            "How many failed jobs are kept.",
            |cron_job, samples| samples.some(cron_job.spec.failed_jobs_history_limit),
        ),
        gauge(
            "kube_cronjob_spec_starting_deadline_seconds",
            "How late a job may be begun.",
            |cron_job, samples| samples.some(cron_job.spec.starting_deadline_seconds),
        ),
        gauge(
            "kube_cronjob_spec_successful_job_history_limit",
            "How many jobs that succeeded are kept.",
            |cron_job, samples| samples.some(cron_job.spec.successful_jobs_history_limit),
        ),
        gauge(
            "kube_cronjob_spec_suspend",
            "Whether no more jobs are begun.",
            |cron_job, samples| {
                if let Some(is_suspended) = cron_job.spec.suspend {
                    samples.flag(is_suspended);
                }
            },
        ),
        gauge(
            "kube_cronjob_status_active",
            "How many jobs run.",
            |cron_job, samples| samples.value(cron_job.status.active.len() as f64),
        ),
        gauge(
            "kube_cronjob_status_last_schedule_time",
            "When a job was last begun.",
            |cron_job, samples| samples.time(cron_job.status.last_schedule_time),
        ),
        gauge(
            "kube_cronjob_status_last_successful_time",
            "When a job last succeeded.",
            |cron_job, samples| samples.time(cron_job.status.last_successful_time),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
