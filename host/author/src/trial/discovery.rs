//! Fixtures of discovery plugins: the groups they find.

use narthex_discovery::TargetGroup;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::AuthorError;
use crate::fixture::Group;
use crate::report::{Fault, FixtureReport};
use crate::samples::Difference;
use crate::session::Session;
use crate::trial::{Stage, note_complaints};

impl Stage<'_> {
    pub(super) async fn play_groups(
        &mut self,
        expected: &[Group],
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        for job in ["first", "second"] {
            let found = self.find(job, report).await?;
            if let Some(message) = self.session.last_error() {
                report.faults.push(Fault::Call { message });
            }
            let differences = self.compare_groups(expected, &found);
            if !differences.is_empty() {
                report.faults.push(Fault::Different { differences });
            }
            if !report.faults.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// A refresh that fails leaves its error with the plugin.
    pub(super) async fn play_lost_groups(
        &mut self,
        text: &str,
        report: &mut FixtureReport,
    ) -> Result<(), AuthorError> {
        let expected = self.player.places().fill(text);
        let found = self.find("first", report).await?;
        let error = self.session.last_error();
        if !error
            .as_ref()
            .is_some_and(|error| error.contains(&expected))
        {
            let was = error.unwrap_or_else(|| format!("{} groups were found", found.len()));
            let message = format!("expected an error with {expected:?} in it, was: {was}");
            report.faults.push(Fault::Expectation { message });
        }
        Ok(())
    }

    /// The groups of a new job's first refresh; none, where nothing comes in time.
    async fn find(
        &mut self,
        job: &str,
        report: &mut FixtureReport,
    ) -> Result<Vec<TargetGroup>, AuthorError> {
        let discoverer = self.session.discoverer(job, &self.config)?;
        let (sender, mut found) = mpsc::channel(1);
        self.player.begin_call();
        let start = Instant::now();
        let first = tokio::select! {
            first = found.recv() => first,
            () = discoverer.run(sender) => None,
            () = tokio::time::sleep(self.session.patience()) => None,
        };
        self.durations.push(start.elapsed().as_secs_f64());
        drop(discoverer);
        note_complaints(self.player.end_call().await, report);
        Ok(first.unwrap_or_default())
    }

    fn compare_groups(&self, expected: &[Group], found: &[TargetGroup]) -> Vec<Difference> {
        let places = self.player.places();
        let expected: Vec<Group> = expected
            .iter()
            .map(|group| {
                let fill = |labels: &std::collections::BTreeMap<String, String>| {
                    let filled = labels.iter().map(|(n, v)| (n.clone(), places.fill(v)));
                    filled.collect()
                };
                Group {
                    source: group.source.as_ref().map(|source| places.fill(source)),
                    targets: group.targets.iter().map(fill).collect(),
                    labels: fill(&group.labels),
                }
            })
            .collect();
        let mut missing: Vec<&Group> = expected.iter().collect();
        let mut differences = Vec::new();
        for group in found {
            let is_it = |wanted: &&Group| {
                wanted.targets == group.targets
                    && wanted.labels == group.labels
                    && wanted
                        .source
                        .as_ref()
                        .is_none_or(|source| *source == group.source)
            };
            match missing.iter().position(is_it) {
                Some(index) => {
                    missing.remove(index);
                }
                None => differences.push(Difference::Unexpected(format!(
                    "group {:?}: targets {:?}, labels {:?}",
                    group.source, group.targets, group.labels
                ))),
            }
        }
        let missing = missing.into_iter().map(|group| {
            let source = group.source.as_deref().unwrap_or("*");
            Difference::Missing(format!(
                "group {source:?}: targets {:?}, labels {:?}",
                group.targets, group.labels
            ))
        });
        differences.splice(0..0, missing);
        differences
    }
}

impl Session {
    /// A little longer than a call may take, so that the runtime's own verdict comes first.
    fn patience(&self) -> std::time::Duration {
        self.timeout() * 2
    }
}
