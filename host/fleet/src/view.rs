//! What one reader sees of a fleet.

mod labels;
mod push_down;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use futures::stream::{self, StreamExt as _};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{
    LabelsRequest, Part, PushedDown, Queryable, SelectRequest, Series, SeriesStream, StorageError,
    TimeRange, Wanted, Warnings,
};
use narthex_storeapi::message::store::{
    Aggr, LabelMatcher, MatcherType, PartialResponseStrategy, SeriesRequest,
};
use tokio::time::Instant;

use crate::answer::{Answer, Group};
use crate::member::{Known, Member, Standing};
use crate::merge::Merge;
use crate::windows;
use crate::{Dedup, Fleet, ViewOptions};

/// So many series a frame may have, as Thanos' querier asks for.
const BATCH_SERIES: i64 = 64;

/// A member, and what it said of itself.
type Asked = (Arc<Member>, Arc<Known>);

/// One reader's view.
#[derive(Clone)]
pub(crate) struct View {
    fleet: Arc<Fleet>,
    /// How replicas are made one; `None` where they are not.
    dedup: Option<Dedup>,
    /// What is left out of label sets.
    without: Vec<String>,
    is_partial: bool,
    members: Vec<Vec<Matcher>>,
    /// Nobody else is asked, and the reader knows who else is missing; `None` where it is to be told.
    only: Option<Vec<Asked>>,
}

impl View {
    pub(crate) fn new(fleet: Arc<Fleet>, wishes: ViewOptions) -> Self {
        let options = fleet.options();
        let is_deduplicated = wishes.dedup.unwrap_or(true);
        let replica_labels = wishes.replica_labels;
        let replica_labels = replica_labels.unwrap_or_else(|| options.replica_labels.clone());
        Self {
            dedup: is_deduplicated.then_some(options.dedup),
            without: if is_deduplicated {
                replica_labels
            } else {
                Vec::new()
            },
            is_partial: wishes.partial_response.unwrap_or(options.partial_response),
            members: wishes.members,
            only: None,
            fleet,
        }
    }

    fn response_timeout(&self) -> Duration {
        match self.fleet.options().response_timeout {
            // As in Thanos: as long as it takes.
            Duration::ZERO => ANSWER_TIMEOUT,
            timeout => timeout,
        }
    }

    fn strategy(&self) -> i32 {
        match self.is_partial {
            true => PartialResponseStrategy::Warn as i32,
            false => PartialResponseStrategy::Abort as i32,
        }
    }

    /// Whether this member leaves out the labels itself that are to be left out.
    fn is_left_out_by(&self, known: &Known) -> bool {
        known.leaves_out_labels || self.without.is_empty()
    }

    /// How many series or texts a member is asked for where so many are enough, 0 for all: of the
    /// first ones of a member that leaves no labels out, several may be one here, or none.
    fn limit_at(&self, known: &Known, limit: i64) -> i64 {
        match self.is_left_out_by(known) {
            true => limit,
            false => 0,
        }
    }

    /// Says what is missing, or fails because of it.
    fn missing(&self, what: String, warnings: &Warnings) -> Result<(), StorageError> {
        if !self.is_partial {
            return Err(incomplete(what));
        }
        warnings.add(what);
        Ok(())
    }

    /// Who may have what is asked for.
    fn asked(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        warnings: &Warnings,
    ) -> Result<Vec<Asked>, StorageError> {
        if let Some(only) = &self.only {
            return Ok(only.clone());
        }
        let (now_ms, timeout) = (self.fleet.now_ms(), self.fleet.options().unhealthy_timeout);
        for what in self.fleet.unfound().iter() {
            self.missing(what.clone(), warnings)?;
        }
        let mut asked = Vec::new();
        for member in self.fleet.members().iter() {
            if !member.is_selected(&self.members) {
                continue;
            }
            match member.standing(now_ms, timeout) {
                Standing::Asked(known) if known.may_have(matchers, range) => {
                    asked.push((Arc::clone(member), known));
                }
                Standing::Missed(known, error)
                    if known
                        .as_ref()
                        .is_none_or(|known| known.may_have(matchers, range)) =>
                {
                    // Nobody asked it, and still a part of the answer is missing.
                    self.fleet.metrics().failed(member.endpoint().address());
                    self.missing(error, warnings)?;
                }
                Standing::Asked(_) | Standing::Missed(..) | Standing::Forgotten => {}
            }
        }
        Ok(asked)
    }

    /// Asks for series, and merges the answers.
    async fn merged(
        &self,
        request: &SelectRequest,
        only_labels: Option<usize>,
        warnings: &Warnings,
    ) -> Result<Merge, StorageError> {
        self.merged_wanted(request, Wanted::Samples, only_labels, warnings)
            .await
    }

    /// As [`Self::merged`], where aggregates of windows may be wanted: who has such is asked for
    /// them, others for samples.
    async fn merged_wanted(
        &self,
        request: &SelectRequest,
        wanted: Wanted,
        only_labels: Option<usize>,
        warnings: &Warnings,
    ) -> Result<Merge, StorageError> {
        let asked = self.asked(&request.matchers, request.range, warnings)?;
        let wire = SeriesRequest {
            min_time: request.range.start_ms,
            max_time: request.range.end_ms,
            matchers: request.matchers.iter().map(matcher_of).collect(),
            aggregates: vec![Aggr::Raw as i32],
            partial_response_disabled: !self.is_partial,
            partial_response_strategy: self.strategy(),
            skip_chunks: only_labels.is_some(),
            without_replica_labels: self.without.clone(),
            limit: only_labels.map_or(0, limit_of),
            response_batch_size: BATCH_SERIES,
            ..SeriesRequest::default()
        };
        let answers = asked.into_iter().map(|(member, known)| {
            let mut wire = windows::asked(wire.clone(), &known, wanted);
            wire.limit = self.limit_at(&known, wire.limit);
            async move {
                let answer = self.answer(&member, &known, wire).await;
                (member, answer)
            }
        });
        let mut merged = Vec::new();
        for (member, answer) in join_all(answers).await {
            match answer {
                Ok(answer) => merged.push(answer),
                Err(error) => {
                    self.fleet.metrics().failed(member.endpoint().address());
                    self.missing(error, warnings)?;
                }
            }
        }
        let metrics = self.fleet.metrics().clone();
        Ok(Merge::new(
            merged,
            self.is_partial,
            warnings.clone(),
            metrics,
        ))
    }

    async fn answer(
        &self,
        member: &Arc<Member>,
        known: &Known,
        request: SeriesRequest,
    ) -> Result<Answer, String> {
        let patience = self.response_timeout();
        let begun = Instant::now();
        // A reader that is slow itself must not be taken for a slow member, so that an answer as a
        // whole has the time of the query, and only waiting for it is bounded here.
        let frames = member.endpoint().series(request, ANSWER_TIMEOUT);
        let frames = tokio::time::timeout(patience, frames).await;
        let frames = frames.map_err(|_| {
            let address = member.endpoint().address();
            format!("{address}: no answer within {patience:?}")
        })?;
        let frames = frames.map_err(|error| error.to_string())?;
        let answer = Answer::new(Arc::clone(member), frames, (begun.elapsed(), patience));
        match self.is_left_out_by(known) {
            true => Ok(answer),
            false => answer.sorted_without(&self.without).await,
        }
    }
}

/// An answer may take so long as a whole; the query's own timeout is usually shorter.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3600);

impl Queryable for View {
    /// Who is asked for these times, for which of them, and how replicas become one: others who share
    /// what is kept may have another way. That nothing changes of what members have is for the caller
    /// to know: old samples seldom do. What somebody is missed for has a warning, and is not kept.
    fn version(&self, range: TimeRange) -> Option<u64> {
        let (now_ms, timeout) = (self.fleet.now_ms(), self.fleet.options().unhealthy_timeout);
        let mut hasher = DefaultHasher::new();
        self.dedup.hash(&mut hasher);
        self.without.hash(&mut hasher);
        for member in self.fleet.members().iter() {
            if !member.is_selected(&self.members) {
                continue;
            }
            let Standing::Asked(known) = member.standing(now_ms, timeout) else {
                continue;
            };
            if let Some(stamp) = known.stamp(range) {
                (member.endpoint().address(), stamp).hash(&mut hasher);
            }
        }
        Some(hasher.finish())
    }

    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let warnings = Warnings::default();
            let found = self.select_with_warnings(request, &warnings).await;
            log(&warnings);
            found
        }
        .boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let merge = self.merged_wanted(request, wanted, None, warnings).await?;
            let dedup = self.dedup;
            // So that there is always a time after a sample.
            let range = TimeRange {
                end_ms: request.range.end_ms.min(i64::MAX - 1),
                ..request.range
            };
            let found = stream::try_unfold(merge, move |mut merge| async move {
                loop {
                    let mut groups = merge.next().await.map_err(incomplete)?;
                    if groups.is_empty() {
                        return Ok(None);
                    }
                    if dedup == Some(Dedup::Penalty) {
                        groups = Group::joined(groups);
                    }
                    let mut replicas = Vec::new();
                    for group in groups {
                        let read = group.series(range, wanted);
                        replicas.extend(read.series);
                        for fault in read.faults {
                            merge.missing(fault).map_err(incomplete)?;
                        }
                    }
                    let series = match dedup {
                        Some(dedup) => dedup.apply(replicas, wanted),
                        // A window says what its samples, which another member has, say once more.
                        None if matches!(wanted, Wanted::Windows { .. }) => {
                            Dedup::Interval.apply(replicas, wanted)
                        }
                        None => Series::join(replicas),
                    };
                    // A chunk may reach into the range, and none of its samples.
                    if let Some(series) = series {
                        return Ok(Some((series, merge)));
                    }
                }
            });
            Ok(found.boxed())
        }
        .boxed()
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        let (now_ms, timeout) = (self.fleet.now_ms(), self.fleet.options().unhealthy_timeout);
        let members = self.fleet.members();
        let selected = members.iter().filter(|m| m.is_selected(&self.members));
        // Who is not asked makes nobody look back further.
        let known = selected.filter_map(|member| match member.standing(now_ms, timeout) {
            Standing::Asked(known) => Some(known),
            Standing::Missed(..) | Standing::Forgotten => None,
        });
        windows::resolution_ms(known, range, max_resolution_ms)
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let warnings = Warnings::default();
            let found = self.series_with_warnings(request, &warnings).await;
            log(&warnings);
            found
        }
        .boxed()
    }

    fn series_with_warnings<'a>(
        &'a self,
        request: &'a LabelsRequest,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        self.listed(request, warnings).boxed()
    }

    fn pushes_down(&self) -> bool {
        self.fleet.options().push_down
    }

    fn push_down<'a>(
        &'a self,
        request: &'a SelectRequest,
        parts: &'a [Part],
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Option<PushedDown>, StorageError>> {
        self.pushed(request, parts, warnings).boxed()
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.texts(None, request).boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.texts(Some(name), request).boxed()
    }
}

fn matcher_of(matcher: &Matcher) -> LabelMatcher {
    let how = match matcher.op() {
        MatchOp::Equal => MatcherType::Eq,
        MatchOp::NotEqual => MatcherType::Neq,
        MatchOp::Regex => MatcherType::Re,
        MatchOp::NotRegex => MatcherType::Nre,
    };
    LabelMatcher {
        r#type: how as i32,
        name: matcher.name().to_owned(),
        value: matcher.value().to_owned(),
    }
}

/// As it travels: 0 stands for all.
fn limit_of(limit: usize) -> i64 {
    match i64::try_from(limit) {
        Ok(i64::MAX) | Err(_) => 0,
        Ok(limit) => limit,
    }
}

fn incomplete(what: String) -> StorageError {
    StorageError::Read {
        context: "a part of the answer is missing".to_owned(),
        source: what.into(),
    }
}

/// For readers that show no warnings.
fn log(warnings: &Warnings) {
    for warning in warnings.texts() {
        tracing::warn!(warning, "a part of what was read is missing");
    }
}
