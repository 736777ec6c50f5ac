//! The seam between a plugin and the scrapes of a job.

use async_trait::async_trait;
use narthex_registry::Endpoint;
use narthex_scrape::{Collector, ScrapeError, Scraped, Target};
use tokio::time::{Duration, Instant};

use crate::batch::has_samples;
use crate::bindings::exporter::exports::narthex::plugin::collector::Target as GuestTarget;
use crate::error::CallError;
use crate::instance::{Allowance, Answer, Request};
use crate::job::Job;

/// A guest is stopped so long before the scrape's own deadline, so that its error, which says
/// more, is the one that is shown.
const DEADLINE_MARGIN: Duration = Duration::from_millis(5);

#[async_trait]
impl Collector for Job {
    async fn collect(&self, target: &Target, deadline: Instant) -> Result<Scraped, ScrapeError> {
        let allowance = Allowance {
            deadline: deadline.checked_sub(DEADLINE_MARGIN).unwrap_or(deadline),
            length: target.timeout(),
        };
        let port = self.plugin.default_port();
        let endpoint = Endpoint::parse_url(target.address(), port);
        let address = match &endpoint {
            // A URL says more than where it leads.
            Some(endpoint) if !target.address().contains("://") => endpoint.to_string(),
            _ => target.address().to_owned(),
        };
        let guest_target = guest_target(target, address);
        let request = Request::Collect {
            target: &guest_target,
            endpoint,
        };
        let answer = self.call(target.address(), request, allowance).await;
        match answer.and_then(into_scraped) {
            Ok(scraped) => {
                let had_samples = has_samples(&scraped);
                let timeout = target.timeout();
                self.sighting
                    .note(target.address(), &guest_target, timeout, had_samples);
                Ok(scraped)
            }
            Err(error) => {
                self.sighting.forget(target.address());
                let name = self.plugin.name();
                Err(ScrapeError::Collect(format!("plugin {name}: {error}")))
            }
        }
    }
}

/// An exporter answers with nothing else.
pub(crate) fn into_scraped(answer: Answer) -> Result<Scraped, CallError> {
    match answer {
        Answer::Scraped(scraped) => Ok(scraped),
        _ => Err(CallError::NotReady("it is no exporter".to_owned())),
    }
}

fn guest_target(target: &Target, address: String) -> GuestTarget {
    let pairs = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    GuestTarget {
        address,
        labels: target.labels().iter().map(pairs).collect(),
        params: target
            .params()
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |v| (name.clone(), v.clone())))
            .collect(),
    }
}
