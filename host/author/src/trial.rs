//! Tests a plugin: each of its fixtures in the real runtime.
//!
//! It is not: the format of fixtures, the servers, or how samples are compared.

mod discovery;
mod exporter;
mod receiver;

use std::path::PathBuf;

use async_recursion::async_recursion as boxed;
use narthex_scrape::Target;
use serde_json::Value;

use crate::collected::Collected;
use crate::fixture::{Expectation, Fixture, Places};
use crate::package::BuiltPlugin;
use crate::player::Player;
use crate::report::{Fault, FixtureReport, Report};
use crate::samples::ExpectedSamples;
use crate::session::{Session, Setup};

/// Log lines of a fixture that are reported; the first ones.
const LOG_LINES_MAX: usize = 50;

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
        let has_unknown = reports.iter().any(|report| report.calls == 0);
        Report {
            plugin: self.plugin.name().to_owned(),
            version: self.plugin.manifest.version.clone(),
            passed: reports.iter().all(|report| report.passed),
            warnings: match has_unknown {
                true => Vec::new(),
                false => self.unused(&reports),
            },
            fixtures: reports,
        }
    }

    /// What the manifest requests and no fixture makes use of.
    fn unused(&self, reports: &[FixtureReport]) -> Vec<String> {
        let request = &self.plugin.manifest.request;
        let is_used = |interface: &str| {
            let mut used = reports.iter().flat_map(|report| &report.interfaces);
            used.any(|used| used == interface)
        };
        // By the name of the host's interface that makes use of it.
        let requested = [
            ("files", !request.files.is_empty()),
            ("http", !request.http.is_empty()),
            ("icmp", !request.icmp.is_empty()),
            ("kubernetes", !request.kubernetes.is_empty()),
            ("names", !request.names.is_empty()),
            ("secrets", !request.secrets.is_empty()),
            ("state", request.state),
            ("tcp", !request.tcp.is_empty()),
            ("udp", !request.udp.is_empty()),
        ];
        requested
            .into_iter()
            .filter(|(interface, is_requested)| *is_requested && !is_used(interface))
            .map(|(interface, _)| {
                format!("plugin.toml requests `{interface}`, and no fixture makes use of it")
            })
            .collect()
    }

    /// What two instances bring on a fixture, each with where the fixture's servers were. What is
    /// expected does not matter.
    pub(crate) async fn collect_twice(
        &self,
        fixture: &Fixture,
    ) -> Result<Vec<(Collected, Places)>, String> {
        let mut stage = Stage::set(self, fixture).await?;
        let mut both = Vec::new();
        for name in ["first", "second"] {
            let job = stage.session.collector(name, &stage.config);
            let call = stage.call(&job.map_err(|error| error.to_string())?).await;
            if let Some(complaint) = call.complaints.into_iter().next() {
                return Err(complaint);
            }
            both.push((call.outcome?, stage.player.places().clone()));
        }
        Ok(both)
    }

    /// Runs one fixture.
    #[boxed]
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

impl<'a> Stage<'a> {
    async fn set(trial: &Trial<'_>, fixture: &'a Fixture) -> Result<Self, String> {
        let player = Player::start(fixture)
            .await
            .map_err(|error| error.to_string())?;
        let setup = Setup::of_fixture(fixture, &player, trial.cache.clone());
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
        let config = player.places().fill_value(&fixture.plugin_config);
        session.check_config(&config)?;
        Ok(Self {
            target: session.target(&fixture.target, player.places()),
            config,
            fixture,
            player,
            session,
            expected,
            durations: Vec::new(),
        })
    }

    async fn play(&mut self, report: &mut FixtureReport) {
        let fixture = self.fixture;
        let world = self.session.world().to_owned();
        let done = match (&fixture.expect, world.as_str()) {
            (Expectation::Samples(expected), "exporter") => {
                self.play_samples(expected, report).await
            }
            (Expectation::Error(text), "exporter") => self.play_error(text, report).await,
            (Expectation::Groups(groups), "discovery") => self.play_groups(groups, report).await,
            (Expectation::Error(text), "discovery") => self.play_lost_groups(text, report).await,
            (Expectation::Outcome(outcome), "receiver") => self.play_outcome(outcome, report).await,
            (Expectation::Error(text), "receiver") => {
                let outcome = crate::fixture::Outcome::Rejected(text.clone());
                self.play_outcome(&outcome, report).await
            }
            (_, world) => Err(crate::AuthorError::Project(format!(
                "what the fixture expects is nothing that plugins of the world {world} bring: \
                 exporters bring samples, discovery plugins groups, receivers an outcome"
            ))),
        };
        if let Err(error) = done {
            let message = error.to_string();
            report.faults.push(Fault::Setup { message });
        }
        self.durations.sort_by(f64::total_cmp);
        let median = self.durations.get(self.durations.len() / 2);
        report.call_seconds = median.copied().unwrap_or(0.0);
        report.calls = u32::try_from(self.durations.len()).unwrap_or(u32::MAX);
        report.interfaces = self.session.interfaces();
        self.note_log(report);
        self.note_denials(report);
    }

    /// The log goes into the report; an error in it that nobody expects is a fault.
    fn note_log(&self, report: &mut FixtureReport) {
        let expected: Option<&[String]> = match &self.fixture.expect {
            Expectation::Samples(samples) => Some(&samples.log),
            // What fails may say so in its log.
            Expectation::Error(_) => None,
            Expectation::Groups(_) | Expectation::Outcome(_) => Some(&[]),
        };
        for line in self.session.log().into_iter().take(LOG_LINES_MAX) {
            let text = format!("{} {}", line.level, line.message);
            if let (Some(expected), "error") = (expected, line.level) {
                let is_expected = expected.iter().any(|part| line.message.contains(part));
                let fault = Fault::LoggedError {
                    message: line.message,
                };
                if !is_expected && !report.faults.contains(&fault) {
                    report.faults.push(fault);
                }
            }
            report.log.push(text);
        }
    }

    /// Whatever was refused has to be in the manifest, or not be wanted.
    fn note_denials(&self, report: &mut FixtureReport) {
        let mut advices = Vec::new();
        let texts = report.faults.iter().map(ToString::to_string);
        for text in texts.chain(report.log.iter().cloned()) {
            advices.extend(advice(&text).filter(|advice| !advices.contains(advice)));
        }
        let denials = self.session.denials();
        if advices.is_empty() {
            advices.extend(denials.iter().map(|denial| {
                let capability = &denial.capability;
                format!("it was refused `{capability}`: under [request] in plugin.toml")
            }));
        }
        // An expected error may be a refusal.
        let is_expected = matches!(&self.fixture.expect, Expectation::Error(_));
        let is_fine = is_expected && report.faults.is_empty();
        if !denials.is_empty() && !is_fine {
            let faults = advices
                .into_iter()
                .map(|message| Fault::Undeclared { message });
            report.faults.extend(faults);
        }
    }
}

/// What to add to the manifest, out of what the host says of a refusal to operators.
fn advice(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(" to plugins.grants.")?;
    let (_, entry) = before.rsplit_once("add ")?;
    let name = rest.split_whitespace().next()?;
    let (_, capability) = name.rsplit_once('.')?;
    Some(format!(
        "it wanted what plugin.toml does not request: add {entry} to `{capability}` under [request]"
    ))
}

fn note_complaints(complaints: Vec<String>, report: &mut FixtureReport) {
    let faults = complaints
        .into_iter()
        .map(|message| Fault::Dialogue { message });
    report.faults.extend(faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_write_into_the_manifest() {
        let text = "plugin x: denied: tcp db:1 is not granted to plugin x: its manifest does not \
                    ask for it; to grant it, add \"db:1\" to plugins.grants.x.tcp";
        let expected = "it wanted what plugin.toml does not request: add \"db:1\" to `tcp` under \
                        [request]";
        assert_eq!(advice(text).as_deref(), Some(expected));
        assert_eq!(advice("connection refused"), None);
    }
}
