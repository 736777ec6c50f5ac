//! The answers of all members as one, in the order of label sets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use futures::future::join_all;
use narthex_model::Labels;
use narthex_storage::Warnings;

use crate::answer::{Answer, Group};
use crate::metrics::Metrics;

/// Answers that are being merged.
pub(crate) struct Merge {
    /// `None` for one that has ended or failed.
    answers: Vec<Option<Answer>>,
    /// The groups that were read and not given out, by answer.
    groups: Vec<Option<Group>>,
    /// The answers that have a group, the least label set first; of equal ones that of the first
    /// member.
    order: BinaryHeap<Reverse<(Labels, usize)>>,
    /// The answers whose next group is to be read.
    wanted: Vec<usize>,
    is_partial: bool,
    warnings: Warnings,
    metrics: Metrics,
}

impl Merge {
    /// Merges answers; where `is_partial`, one that fails costs only what is left of it, and the
    /// reader is warned.
    pub(crate) fn new(
        answers: Vec<Answer>,
        is_partial: bool,
        warnings: Warnings,
        metrics: Metrics,
    ) -> Self {
        let count = answers.len();
        Self {
            answers: answers.into_iter().map(Some).collect(),
            groups: (0..count).map(|_| None).collect(),
            order: BinaryHeap::with_capacity(count),
            wanted: (0..count).collect(),
            is_partial,
            warnings,
            metrics,
        }
    }

    /// What all members have of the next label set, in the order of members; empty at the end.
    ///
    /// # Errors
    /// A part is missing, and that is not to be.
    pub(crate) async fn next(&mut self) -> Result<Vec<Group>, String> {
        self.read_wanted().await?;
        let mut found = Vec::new();
        let Some(Reverse((labels, number))) = self.order.pop() else {
            return Ok(found);
        };
        self.take(number, &mut found);
        while let Some(Reverse((next, _))) = self.order.peek() {
            if *next != labels {
                break;
            }
            if let Some(Reverse((_, number))) = self.order.pop() {
                self.take(number, &mut found);
            }
        }
        Ok(found)
    }

    fn take(&mut self, number: usize, found: &mut Vec<Group>) {
        found.extend(self.groups[number].take());
        self.wanted.push(number);
    }

    /// Reads on, at all members at once.
    async fn read_wanted(&mut self) -> Result<(), String> {
        let wanted = std::mem::take(&mut self.wanted);
        let mut reading = Vec::with_capacity(wanted.len());
        for number in wanted {
            if let Some(answer) = self.answers[number].take() {
                reading.push((number, answer));
            }
        }
        let read = reading.into_iter().map(|(number, mut answer)| async move {
            let group = answer.next().await;
            (number, answer, group)
        });
        for (number, mut answer, group) in join_all(read).await {
            for warning in std::mem::take(&mut answer.warnings) {
                self.missing(warning)?;
            }
            match group {
                Ok(Some(group)) => {
                    self.order.push(Reverse((group.labels.clone(), number)));
                    self.groups[number] = Some(group);
                    self.answers[number] = Some(answer);
                }
                Ok(None) => {}
                Err(error) => {
                    self.metrics.failed(answer.member.endpoint().address());
                    self.missing(error)?;
                }
            }
        }
        Ok(())
    }

    /// Says what is missing.
    ///
    /// # Errors
    /// It is not to be missing.
    pub(crate) fn missing(&self, what: String) -> Result<(), String> {
        if !self.is_partial {
            return Err(what);
        }
        self.warnings.add(what);
        Ok(())
    }
}
