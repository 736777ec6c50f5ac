//! Tests a plugin: each of its fixtures in the real runtime.
//!
//! It is not: the format of fixtures, the servers, or how samples are compared.

use std::path::PathBuf;
use std::sync::Arc;

use narthex_model::SimulatedClock;
use narthex_scrape::{Collector, Target};
use serde_json::Value;
use tokio::time::Instant;

use crate::AuthorError;
use crate::collected::Collected;
use crate::fixture::{Expectation, Fixture, SampleExpectation};
use crate::leak::{self, Growth, Verdict};
use crate::package::BuiltPlugin;
use crate::player::Player;
use crate::report::{Fault, FixtureReport, Report};
use crate::samples::{Comparison, Difference, ExpectedSamples};
use crate::session::{Session, Setup};

/// Runs the fixtures of a plugin.
#[derive(Debug)]
pub struct Trial<'a> {
    /// The plugin.
    pub plugin: &'a BuiltPlugin,
    /// Where compiled components are kept.
    pub cache: Option<PathBuf>,
}

impl Trial<'_> {
    /// Runs fixtures one after the other; each report goes to `progress` as soon as it is there.
    pub async fn run(
        &self,
        fixtures: &[Fixture],
        mut progress: impl FnMut(&FixtureReport),
    ) -> Report {
        let mut reports = Vec::new();
        for fixture in fixtures {
            let report = self.fixture(fixture).await;
            progress(&report);
            reports.push(report);
        }
        Report {
            plugin: self.plugin.name().to_owned(),
            version: self.plugin.manifest.version.clone(),
            passed: reports.iter().all(|report| report.passed),
            fixtures: reports,
            warnings: Vec::new(),
        }
    }

    /// Runs one fixture.
    pub async fn fixture(&self, fixture: &Fixture) -> FixtureReport {
        let mut report = FixtureReport {
            name: fixture.name.clone(),
            description: fixture.description.clone(),
            ..FixtureReport::default()
        };
        match Stage::set(self, fixture).await {
            Ok(mut stage) => stage.play(&mut report).await,
            Err(message) => report.faults.push(Fault::Setup { message }),
        }
        report.passed = report.faults.is_empty();
        report
    }
}

/// One fixture at work: its servers and its runtime.
struct Stage<'a> {
    fixture: &'a Fixture,
    player: Player,
    session: Session,
    target: Target,
    config: Value,
    expected: ExpectedSamples,
    durations: Vec<f64>,
}

/// What one call came to.
struct Call {
    outcome: Result<Collected, String>,
    complaints: Vec<String>,
}

impl<'a> Stage<'a> {
    async fn set(trial: &Trial<'_>, fixture: &'a Fixture) -> Result<Self, String> {
        let player = Player::start(fixture)
            .await
            .map_err(|error| error.to_string())?;
        let setup = Setup {
            files: (!fixture.files.is_empty()).then(|| player.files().to_owned()),
            secrets: fixture.secrets.clone(),
            clock: Arc::new(SimulatedClock::at(fixture.now_ms)),
            cache: trial.cache.clone(),
        };
        let expected = match &fixture.expect {
            Expectation::Samples(expected) => {
                let fill = |text: &str| player.places().fill(text);
                let text = expected.samples.text(fixture.folder(), fill);
                let text = text.map_err(|error| format!("{}: {error}", fixture.path.display()))?;
                let read = ExpectedSamples::parse(&text);
                read.map_err(|error| format!("{}: {error}", fixture.path.display()))?
            }
            _ => ExpectedSamples::default(),
        };
        let session = Session::start(trial.plugin, &setup).await;
        let session = session.map_err(|error| error.to_string())?;
        Ok(Self {
            target: session.target(&fixture.target, player.places()),
            config: player.places().fill_value(&fixture.plugin_config),
            fixture,
            player,
            session,
            expected,
            durations: Vec::new(),
        })
    }

    async fn play(&mut self, report: &mut FixtureReport) {
        let fixture = self.fixture;
        let done = match &fixture.expect {
            Expectation::Samples(expected) => self.play_samples(expected, report).await,
            Expectation::Error(text) => self.play_error(text, report).await,
            Expectation::Groups(_) | Expectation::Outcome(_) => {
                let message = "its world is not one that this fixture is for".to_owned();
                report.faults.push(Fault::Setup { message });
                Ok(())
            }
        };
        if let Err(error) = done {
            let message = error.to_string();
            report.faults.push(Fault::Setup { message });
        }
        self.durations.sort_by(f64::total_cmp);
        let median = self.durations.get(self.durations.len() / 2);
        report.call_seconds = median.copied().unwrap_or(0.0);
        report.calls = u32::try_from(self.durations.len()).unwrap_or(u32::MAX);
        report.memory_bytes = self.session.memory_bytes();
        self.note_denials(report);
    }

    async fn play_samples(
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
        note_complaints(&first, report);
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
        let job = self.session.collector("second", &self.config)?;
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
        Ok(())
    }

    /// What differs between two collections that were to be the same.
    fn unsteady(
        &self,
        first: &Collected,
        second: &Collected,
        varying: &[String],
    ) -> Vec<Difference> {
        let mut one = String::new();
        for (labels, observation) in &first.series {
            let is_fixed = self.expected.is_fixed(labels);
            let value = match is_fixed {
                true => observation.value.to_string(),
                false => "*".to_owned(),
            };
            one.push_str(&format!(
                "{} {value}\n",
                crate::collected::format_series(labels)
            ));
        }
        let how = Comparison {
            contains: false,
            varying,
        };
        match ExpectedSamples::parse(&one) {
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
                return note_complaints_of(call.complaints, report);
            }
            match growth.note(self.session.memory_bytes()) {
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

    async fn play_error(
        &mut self,
        text: &str,
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        let expected = self.player.places().fill(text);
        for job in ["first", "second"] {
            let job = self.session.collector(job, &self.config)?;
            let call = self.call(&job).await;
            note_complaints(&call, report);
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

    async fn call(&mut self, job: &Arc<dyn Collector>) -> Call {
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

    fn note_denials(&self, report: &mut FixtureReport) {
        for denial in self.session.denials() {
            let message = format!(
                "it wanted what plugin.toml does not request: add it to `{}` under [request]",
                denial.capability
            );
            report.faults.push(Fault::Undeclared { message });
        }
    }
}

fn note_complaints(call: &Call, report: &mut FixtureReport) {
    note_complaints_of(call.complaints.clone(), report);
}

fn note_complaints_of(complaints: Vec<String>, report: &mut FixtureReport) {
    let faults = complaints
        .into_iter()
        .map(|message| Fault::Dialogue { message });
    report.faults.extend(faults);
}
