//! Aggregations that members evaluate over the series that they alone have.
//!
//! A result of series that another member has too would count them twice: then replicas would be
//! two, which as series are made one. So only those members are asked whose external labels, without
//! those of replicas, no other one has: external labels are on each series, and so none of theirs is
//! anybody else's. The series of all others are read.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::{join_all, try_join_all};
use narthex_model::{Labels, METRIC_NAME};
use narthex_storage::{
    Part, Partial, PushedDown, Queryable, SelectRequest, Series, StorageError, TimeRange, Wanted,
    Warnings,
};
use narthex_storeapi::EndpointError;
use narthex_storeapi::message::LabelSet;
use narthex_storeapi::message::evaluation::{EvaluateRequest, EvaluateResponse};
use narthex_storeapi::message::store;
use tokio::time::timeout;

use super::{Asked, View};
use crate::answer::{Group, series_len};
use crate::member::{Known, Member};

/// The results of a member may take so much memory; the series of one that has more are read.
const RESULTS_BYTES_MAX: usize = 64 << 20;

/// A time and a value, in memory.
const BYTES_A_SAMPLE: usize = 16;

/// So many remarks of a member are taken, and so many characters of each.
const INFOS_MAX: usize = 100;
const INFO_CHARS_MAX: usize = 1_000;

/// So many aggregations of the same series are evaluated by members, for each of which they read the
/// series anew. Of more of them the series are read here, once.
const PARTS_MAX: usize = 16;

/// With this code of gRPC a member says that its external labels are others than we take them for.
const RELABELLED: &str = "Aborted";

/// Functions take these labels away from series, so that they tell none apart.
const METADATA: [&str; 3] = [METRIC_NAME, "__type__", "__unit__"];

/// Why a member has no results.
#[derive(Debug)]
enum Unevaluated {
    /// Its series are to be read.
    Refused(String),
    /// It has other external labels by now: its series may be those of others, too.
    Relabelled(String),
    /// It has not finished in time. One that is there works on it, and its series are to be read.
    Late(String),
    /// It is not there.
    Failed(String),
}

impl View {
    /// Has members evaluate aggregations that read the same series; `None` where none may.
    pub(super) async fn pushed(
        &self,
        request: &SelectRequest,
        parts: &[Part],
        warnings: &Warnings,
    ) -> Result<Option<PushedDown>, StorageError> {
        if parts.len() > PARTS_MAX {
            return Ok(None);
        }
        let begun_ms = self.fleet.now_ms();
        let missing = Warnings::default();
        let asked = self.asked(&request.matchers, request.range, &missing)?;
        let are_apart = apart(&asked, &self.without);
        if !are_apart.contains(&true) {
            return Ok(None);
        }
        let answers = asked
            .iter()
            .zip(are_apart)
            .map(|(asked, is_apart)| async move {
                match is_apart {
                    true => Some(self.evaluated(asked, parts).await),
                    false => None,
                }
            });
        let answers = join_all(answers).await;
        let mut said = answers.iter().flatten();
        if said.any(|answer| matches!(answer, Err(Unevaluated::Relabelled(_)))) {
            self.fleet.metrics().evaluated("refused");
            tracing::debug!("a member has other external labels by now, so all series are read");
            return Ok(None);
        }
        for what in missing.texts() {
            warnings.add(what);
        }
        let mut found = vec![Partial::default(); parts.len()];
        let mut rest = Vec::new();
        let metrics = self.fleet.metrics();
        for (asked, answer) in asked.into_iter().zip(answers) {
            match answer {
                None => rest.push(asked),
                Some(Ok(partials)) => {
                    metrics.evaluated("taken");
                    for (found, partial) in found.iter_mut().zip(partials) {
                        found.extend(partial);
                    }
                }
                Some(Err(Unevaluated::Refused(why) | Unevaluated::Relabelled(why))) => {
                    metrics.evaluated("refused");
                    tracing::debug!(why, "a member does not aggregate, so its series are read");
                    rest.push(asked);
                }
                Some(Err(Unevaluated::Late(why))) if asked.0.has_answered_since(begun_ms) => {
                    metrics.evaluated("late");
                    tracing::debug!(
                        why,
                        "a member aggregates for too long, so its series are read"
                    );
                    rest.push(asked);
                }
                Some(Err(Unevaluated::Late(error) | Unevaluated::Failed(error))) => {
                    metrics.evaluated("failed");
                    metrics.failed(asked.0.endpoint().address());
                    self.missing(error, warnings)?;
                }
            }
        }
        let rest: Option<Arc<dyn Queryable>> = match rest.is_empty() {
            true => None,
            false => Some(Arc::new(Self {
                only: Some(rest),
                ..self.clone()
            })),
        };
        Ok(Some(PushedDown { parts: found, rest }))
    }

    /// What a member makes of all the aggregations.
    async fn evaluated(
        &self,
        (member, known): &Asked,
        parts: &[Part],
    ) -> Result<Vec<Partial>, Unevaluated> {
        let patience = self.response_timeout();
        let evaluated = parts.iter().map(|part| self.result(member, known, part));
        let evaluated = timeout(patience, try_join_all(evaluated)).await;
        evaluated.unwrap_or_else(|_| {
            let address = member.endpoint().address();
            let text = format!("{address}: no results within {patience:?}");
            Err(Unevaluated::Late(text))
        })
    }

    async fn result(
        &self,
        member: &Member,
        known: &Known,
        part: &Part,
    ) -> Result<Partial, Unevaluated> {
        let (one, several) = match &known.label_sets[..] {
            [one] => (Some(one), &[][..]),
            several => (None, several),
        };
        let request = EvaluateRequest {
            query: part.query.clone(),
            start: number(part.start),
            end: number(part.end),
            query_start: part.query_start_ms,
            query_end: part.query_end_ms,
            query_step: part.query_step_ms,
            first: part.steps.start_ms,
            step: part.steps.step_ms,
            count: number(part.steps.count),
            lookback: part.lookback_ms,
            subquery_step: part.subquery_step_ms,
            with_counts: part.with_counts,
            external_labels: one.map(LabelSet::of),
            label_sets: several.iter().map(LabelSet::of).collect(),
            without_replica_labels: self.without.clone(),
            max_resolution: part.max_resolution_ms,
        };
        let endpoint = member.endpoint();
        let frames = endpoint.evaluate(request, self.response_timeout()).await;
        let mut frames = frames.map_err(unevaluated)?;
        let mut results = Results::default();
        while let Some(frame) = frames.next().await {
            let taken = results.take(frame.map_err(unevaluated)?, part);
            taken.map_err(|fault| no_results(member, &fault))?;
        }
        let partial = results.finish(part);
        partial.map_err(|fault| no_results(member, &fault))
    }
}

/// As it travels.
fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn unevaluated(error: EndpointError) -> Unevaluated {
    match error {
        EndpointError::Refused {
            code: RELABELLED, ..
        } => Unevaluated::Relabelled(error.to_string()),
        EndpointError::Refused { .. } | EndpointError::Address { .. } => {
            Unevaluated::Refused(error.to_string())
        }
        EndpointError::Deadline { .. } => Unevaluated::Late(error.to_string()),
        EndpointError::Unreachable { .. } => Unevaluated::Failed(error.to_string()),
    }
}

fn no_results(member: &Member, fault: &str) -> Unevaluated {
    Unevaluated::Refused(format!("{}: {fault}", member.endpoint().address()))
}

/// The results of a member that are under way.
#[derive(Debug, Default)]
struct Results {
    partial: Partial,
    bytes: usize,
}

impl Results {
    fn take(&mut self, frame: EvaluateResponse, part: &Part) -> Result<(), String> {
        let series = frame.values.iter().chain(&frame.counts).map(series_len);
        let infos = frame.infos.iter().map(String::len);
        self.charge(series.chain(infos).sum())?;
        for info in frame.infos {
            if self.partial.infos.len() >= INFOS_MAX {
                return Err(format!("more than {INFOS_MAX} remarks"));
            }
            let info = info.chars().take(INFO_CHARS_MAX).collect();
            self.partial.infos.push(info);
        }
        for sent in frame.values {
            let series = self.unpacked(sent, part)?;
            self.partial.values.push(series);
        }
        for sent in frame.counts {
            let series = self.unpacked(sent, part)?;
            self.partial.counts.push(series);
        }
        Ok(())
    }

    /// # Errors
    /// That is more memory than results may take.
    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes > RESULTS_BYTES_MAX {
            true => Err(format!("results of more than {RESULTS_BYTES_MAX} bytes")),
            false => Ok(()),
        }
    }

    /// A result, whose samples count: a quarter of a byte may hold one.
    fn unpacked(&mut self, sent: store::Series, part: &Part) -> Result<Series, String> {
        let samples = samples_said(&sent);
        if samples > part.steps.count {
            return Err("a result has more samples than were asked for".to_owned());
        }
        self.charge(samples.saturating_mul(BYTES_A_SAMPLE))?;
        let series = series_of(sent, part)?;
        let histograms = series.histograms.as_deref().unwrap_or_default();
        let more = histograms.iter().flatten().map(|h| h.samples());
        self.charge(more.sum::<usize>().saturating_mul(BYTES_A_SAMPLE))?;
        Ok(series)
    }

    fn finish(self, part: &Part) -> Result<Partial, String> {
        let Partial { values, counts, .. } = &self.partial;
        if !values.is_sorted_by(|a, b| a.labels < b.labels) {
            return Err("results that are not sorted, or there twice".to_owned());
        }
        let belongs = |(value, count): (&Series, &Series)| {
            value.labels == count.labels && value.timestamps[..] == count.timestamps[..]
        };
        let expected = if part.with_counts { values.len() } else { 0 };
        if counts.len() != expected || !values.iter().zip(counts).all(belongs) {
            return Err("counts that do not belong to the results".to_owned());
        }
        Ok(self.partial)
    }
}

/// How many samples the chunks of a series say that they have: every encoding begins with that.
fn samples_said(sent: &store::Series) -> usize {
    let raw = sent.chunks.iter().filter_map(|chunk| chunk.raw.as_ref());
    let counts = raw.filter_map(|raw| raw.data.first_chunk::<2>());
    counts
        .map(|count| usize::from(u16::from_be_bytes(*count)))
        .sum()
}

fn series_of(sent: store::Series, part: &Part) -> Result<Series, String> {
    let pairs = sent.labels.iter();
    let pairs = pairs.map(|label| (label.name.as_str(), label.value.as_str()));
    let labels = Labels::from_pairs(pairs);
    let steps = part.steps;
    let range = TimeRange {
        start_ms: steps.start_ms,
        end_ms: steps.end_ms(),
    };
    let read = Group::new(labels, sent.chunks).series(range, Wanted::Samples);
    if let Some(fault) = read.faults.into_iter().next() {
        return Err(fault);
    }
    let mut series = read.series.into_iter();
    let (Some(series), None) = (series.next(), series.next()) else {
        return Err("a result that is no series".to_owned());
    };
    let is_step = |time_ms: &i64| steps.position(*time_ms).is_some();
    match series.timestamps.iter().all(is_step) {
        true => Ok(series),
        false => Err("results at times that were not asked for".to_owned()),
    }
}

/// Which members evaluate, and have series that nobody else has: they differ from all others in
/// labels that everybody has.
fn apart(asked: &[Asked], without: &[String]) -> Vec<bool> {
    // One that does not say which labels its series have may have those of anybody.
    if asked.iter().any(|(_, known)| known.label_sets.is_empty()) {
        return vec![false; asked.len()];
    }
    let sets = || asked.iter().flat_map(|(_, known)| &known.label_sets);
    let mut names: BTreeSet<&str> = match sets().next() {
        Some(first) => first.iter().map(|(name, _)| name).collect(),
        None => BTreeSet::new(),
    };
    names.retain(|name| {
        let is_left_out = METADATA.contains(name) || without.iter().any(|left| left == name);
        !is_left_out && sets().all(|set| set.get(name).is_some())
    });
    let key = |set: &Labels| set.filtered(|name| names.contains(name));
    // Whose each is; `None` where it is that of several.
    let mut owners: HashMap<Labels, Option<usize>> = HashMap::new();
    for (at, (_, known)) in asked.iter().enumerate() {
        for set in &known.label_sets {
            // Two of one member may be replicas of each other.
            let owner = owners.entry(key(set)).and_modify(|owner| *owner = None);
            owner.or_insert(Some(at));
        }
    }
    let is_apart = |(at, (_, known)): (usize, &Asked)| {
        let mut sets = known.label_sets.iter();
        known.evaluates && sets.all(|set| owners.get(&key(set)) == Some(&Some(at)))
    };
    asked.iter().enumerate().map(is_apart).collect()
}

#[cfg(test)]
mod tests;
