//! The fields of an HTTP client where a section has them beside its own and is not a job.

use narthex_http::Secret;
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, resolve};

use super::url;
use crate::yaml::{Document, Part};

/// What such a section may say of its client.
pub(super) use narthex_http::HTTP_FIELDS as FIELDS;

/// What is wrong with the URL of a proxy. It may hold a password, and is not quoted.
pub(super) fn proxy_fault(proxy_url: &Option<Secret>) -> Option<String> {
    let fault = url::fault(proxy_url.as_ref()?.expose())?;
    let quoted = fault.split('"').next().unwrap_or_default().trim_end();
    Some(format!("proxy_url: {quoted}"))
}

/// The name of the job as which the fields are read.
const JOB: &str = "client";

/// Reads and checks such fields, as those of a job.
pub(super) fn read(document: &mut Document, part: &Part) -> Option<ScrapeConfig> {
    let mut read = document.read_part::<ScrapeConfig>(part.clone())?;
    read.job_name = JOB.to_owned();
    if let Some(fault) = proxy_fault(&read.proxy_url) {
        let fault = document.at_part(part, fault);
        document.push(fault);
    }
    if let Err(faults) = resolve(GlobalConfig::default(), vec![read.clone()]) {
        let of_job = format!(" for scrape config with job name {JOB:?}");
        for fault in faults {
            let fault = document.at_part(part, fault.message.replace(&of_job, ""));
            document.push(fault);
        }
    }
    Some(read)
}
