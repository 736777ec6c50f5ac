//! Fixtures of exporters: samples, errors, memory.

use std::sync::Arc;

use narthex_scrape::Collector;
use tokio::time::Instant;

use crate::AuthorError;
use crate::collected::{Collected, format_series};
use crate::fixture::SampleExpectation;
use crate::leak::{self, Growth, Verdict};
use crate::report::{Fault, FixtureReport};
use crate::samples::{Comparison, Difference, ExpectedSamples};
use crate::trial::{Stage, note_complaints};

/// The job whose instance is called again and again.
const GROWING_JOB: &str = "second";

/// What one call came to.
pub(super) struct Call {
    pub(super) outcome: Result<Collected, String>,
    pub(super) complaints: Vec<String>,
}

impl Stage<'_> {
    pub(super) async fn play_samples(
        &mut self,
        expectation: &SampleExpectation,
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        let how = Comparison {
            contains: expectation.contains,
            varying: &expectation.varying,
        };
        let job = self.session.collector("first", &self.config)?;
        let first = self.call(&job).await;
        note_complaints(first.complaints, report);
        let first = match first.outcome {
            Ok(first) => first,
            Err(message) => {
                report.faults.push(Fault::Call { message });
                return Ok(());
            }
        };
        report.samples = first.series.len();
        let differences = self.expected.compare(&first, how);
        if !differences.is_empty() {
            report.faults.push(Fault::Different { differences });
        }

        // An instance of its own, so that what the first one remembers makes no difference.
        let job = self.session.collector(GROWING_JOB, &self.config)?;
        let second = self.call(&job).await;
        match second.outcome {
            Ok(second) => {
                let differences = self.unsteady(&first, &second, how.varying);
                if !differences.is_empty() {
                    report.faults.push(Fault::Unsteady { differences });
                }
            }
            Err(error) => {
                let message = format!("the second instance, on the same dialogue: {error}");
                report.faults.push(Fault::Call { message });
            }
        }
        if report.faults.is_empty() {
            self.grow(&job, report).await;
        }
        report.memory_bytes = self.session.memory_bytes(GROWING_JOB);
        Ok(())
    }

    /// What differs between two collections that were to be the same.
    fn unsteady(
        &self,
        first: &Collected,
        second: &Collected,
        varying: &[String],
    ) -> Vec<Difference> {
        let lines = first.series.iter().map(|(labels, observation)| {
            let series = format_series(labels);
            match self.expected.is_fixed(labels) {
                true => format!("{series} {}\n", observation.value),
                false => format!("{series} *\n"),
            }
        });
        let how = Comparison {
            contains: false,
            varying,
        };
        match ExpectedSamples::parse(&lines.collect::<String>()) {
            Ok(one) => one.compare(second, how),
            // A series that its own text is not read back from.
            Err(_) => Vec::new(),
        }
    }

    /// Calls one instance again and again and watches its memory.
    async fn grow(&mut self, job: &Arc<dyn Collector>, report: &mut FixtureReport) {
        let start = Instant::now();
        let mut growth = Growth::default();
        let verdict = loop {
            let call = self.call(job).await;
            if let Err(error) = call.outcome {
                let number = growth.calls() + 2;
                let message = format!("call {number} of an instance: {error}");
                report.faults.push(Fault::Call { message });
                return note_complaints(call.complaints, report);
            }
            match growth.note(self.session.memory_bytes(GROWING_JOB)) {
                Verdict::GoOn if start.elapsed() > leak::TIME_MAX => break growth.give_up(),
                Verdict::GoOn => {}
                verdict => break verdict,
            }
        };
        if verdict == Verdict::Leak {
            let message = growth.describe();
            report.faults.push(Fault::Leak { message });
        }
    }

    pub(super) async fn play_error(
        &mut self,
        text: &str,
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        let expected = self.player.places().fill(text);
        for job in ["first", "second"] {
            let job = self.session.collector(job, &self.config)?;
            let call = self.call(&job).await;
            note_complaints(call.complaints, report);
            let message = match call.outcome {
                Err(error) if error.contains(&expected) => continue,
                Err(error) => format!("expected an error with {expected:?} in it, was: {error}"),
                Ok(collected) => format!(
                    "expected an error with {expected:?} in it, came {} samples",
                    collected.series.len()
                ),
            };
            report.faults.push(Fault::Expectation { message });
            break;
        }
        Ok(())
    }

    pub(super) async fn call(&mut self, job: &Arc<dyn Collector>) -> Call {
        self.player.begin_call();
        let start = Instant::now();
        let scraped = self.session.collect(job, &self.target).await;
        self.durations.push(start.elapsed().as_secs_f64());
        let complaints = self.player.end_call().await;
        let outcome = match scraped {
            Ok(scraped) => Collected::of(&scraped),
            Err(error) => Err(error.to_string()),
        };
        Call {
            outcome,
            complaints,
        }
    }
}
