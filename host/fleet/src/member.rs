//! One endpoint of a fleet, and what is known of it.
//!
//! It is asked every few seconds what it has. Who does not answer that is not asked for series
//! either, so that a dead member costs a query no time; the reader is warned of what it would
//! have had until it has been silent for long.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use narthex_model::{Labels, Matcher};
use narthex_storage::TimeRange;
use narthex_storeapi::message::LabelSet;
use narthex_storeapi::message::evaluation::VERSION;
use narthex_storeapi::message::info::InfoResponse;
use narthex_storeapi::{Endpoint, EndpointError};

/// What an endpoint is has to be said within this time, as in Thanos.
const INFO_TIMEOUT: Duration = Duration::from_secs(5);

/// Under this name selectors of members see where a member is, as in Thanos.
const ADDRESS: &str = "__address__";

/// An endpoint.
#[derive(Debug)]
pub(crate) struct Member {
    endpoint: Endpoint,
    is_strict: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: Option<Arc<Known>>,
    checked_ms: Option<i64>,
    /// Since when it does not answer; `None` where it does.
    silent_since_ms: Option<i64>,
    error: Option<String>,
}

/// What an endpoint says of itself.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) kind: String,
    pub(crate) label_sets: Vec<Labels>,
    /// When it has samples; `None` where it has no series.
    pub(crate) range: Option<TimeRange>,
    /// It leaves out labels and sorts what it sends by what is left.
    pub(crate) leaves_out_labels: bool,
    /// It evaluates aggregations as we mean them.
    pub(crate) evaluates: bool,
    /// How long windows of samples may be that it has and tells as we do, in milliseconds; 0 for one
    /// of samples alone, `None` for who does not say so.
    pub(crate) coarsest_ms: Option<i64>,
    /// How long windows are of which it has nothing finer, in milliseconds, and until when: 0 and 0
    /// for one that has samples of all times, or does not say so.
    pub(crate) left: (i64, i64),
}

/// What is to be done about a member for a query.
pub(crate) enum Standing {
    /// It is to be asked.
    Asked(Arc<Known>),
    /// It does not answer, and whoever reads is to know.
    Missed(Option<Arc<Known>>, String),
    /// It has not answered for long, and counts for nothing.
    Forgotten,
}

/// A member as an operator sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberStatus {
    /// `host:port`
    pub address: String,
    /// `sidecar`, `store`, `query`, `rule`, `receive`; "" as long as it has not said so.
    pub kind: String,
    /// When it was last asked what it is, in milliseconds since the epoch.
    pub checked_ms: Option<i64>,
    /// Why it did not answer then.
    pub error: Option<String>,
    /// The external labels of what it has.
    pub label_sets: Vec<Labels>,
    /// When it has samples.
    pub range: Option<TimeRange>,
}

impl Member {
    /// A member that has not been asked yet.
    pub(crate) fn new(endpoint: Endpoint, is_strict: bool, now_ms: i64) -> Self {
        let state = State {
            known: None,
            checked_ms: None,
            silent_since_ms: Some(now_ms),
            error: None,
        };
        Self {
            endpoint,
            is_strict,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.is_strict
    }

    /// Asks what it is.
    pub(crate) async fn check(&self, now: impl Fn() -> i64) {
        let answer = self.endpoint.info(INFO_TIMEOUT).await;
        self.take(answer, now());
    }

    fn take(&self, answer: Result<InfoResponse, EndpointError>, now_ms: i64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.checked_ms = Some(now_ms);
        match answer {
            Ok(info) => {
                if state.silent_since_ms.take().is_some() {
                    let address = self.endpoint.address();
                    tracing::info!(address, kind = info.component_type, "an endpoint answers");
                }
                state.known = Some(Arc::new(Known::new(info)));
                state.error = None;
            }
            Err(error) => {
                if state.silent_since_ms.is_none() || state.error.is_none() {
                    tracing::warn!(%error, "an endpoint does not say what it is");
                }
                state.silent_since_ms.get_or_insert(now_ms);
                state.error = Some(error.to_string());
            }
        }
    }

    /// What is to be done about it for a query now.
    pub(crate) fn standing(&self, now_ms: i64, unhealthy_timeout: Duration) -> Standing {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.clone();
        let Some(since_ms) = state.silent_since_ms else {
            return known.map_or(Standing::Forgotten, Standing::Asked);
        };
        let silent_ms = u128::try_from(now_ms.saturating_sub(since_ms)).unwrap_or_default();
        let error = state.error.clone();
        let error = error.unwrap_or_else(|| format!("{}: not asked yet", self.endpoint.address()));
        match known {
            Some(known) if self.is_strict => Standing::Asked(known),
            known if self.is_strict => Standing::Missed(known, error),
            known if silent_ms < unhealthy_timeout.as_millis() => Standing::Missed(known, error),
            _ => Standing::Forgotten,
        }
    }

    /// Whether one of the selectors takes it; none takes all.
    pub(crate) fn is_selected(&self, selectors: &[Vec<Matcher>]) -> bool {
        let known = self.known();
        let sets = known.as_deref().map_or(&[][..], |known| &known.label_sets);
        let address = self.endpoint.address();
        let passes = |selector: &Vec<Matcher>, labels: &Labels| {
            selector.iter().all(|matcher| match matcher.name() {
                ADDRESS => matcher.matches(address),
                name => matcher.matches(labels.get(name).unwrap_or_default()),
            })
        };
        let none = [Labels::empty()];
        let sets = if sets.is_empty() { &none } else { sets };
        let takes = |selector: &Vec<Matcher>| sets.iter().any(|labels| passes(selector, labels));
        selectors.is_empty() || selectors.iter().any(takes)
    }

    /// What it said last.
    pub(crate) fn known(&self) -> Option<Arc<Known>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.clone()
    }

    /// Whether it answered when it was last asked.
    pub(crate) fn answers(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.silent_since_ms.is_none()
    }

    /// Whether it has said what it is since this time, and has not been silent after that: whoever
    /// waits for it then waits for its work, and not for one that is gone.
    pub(crate) fn has_answered_since(&self, time_ms: i64) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_newer = state.checked_ms.is_some_and(|at_ms| at_ms > time_ms);
        is_newer && state.silent_since_ms.is_none()
    }

    /// As an operator sees it.
    pub(crate) fn status(&self) -> MemberStatus {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.as_deref();
        MemberStatus {
            address: self.endpoint.address().to_owned(),
            kind: known.map_or_else(String::new, |known| known.kind.clone()),
            checked_ms: state.checked_ms,
            error: state.error.clone(),
            label_sets: known.map_or_else(Vec::new, |known| known.label_sets.clone()),
            range: known.and_then(|known| known.range),
        }
    }
}

impl Known {
    pub(crate) fn new(info: InfoResponse) -> Self {
        let store = info.store.as_ref();
        Self {
            range: store.map(|store| TimeRange {
                start_ms: store.min_time,
                end_ms: store.max_time,
            }),
            leaves_out_labels: store.is_some_and(|store| store.supports_without_replica_labels),
            evaluates: info.evaluation.is_some_and(|own| own.version == VERSION),
            coarsest_ms: info.windows.map(|windows| windows.coarsest_ms),
            left: info
                .windows
                .map_or((0, 0), |w| (w.left_ms, w.left_until_ms)),
            kind: info.component_type,
            label_sets: info.label_sets.iter().map(labels_of).collect(),
        }
    }

    /// One number for what it has in a range; `None` where that is nothing. A store that has just
    /// begun says that it has nothing, and is not asked until it says more.
    pub(crate) fn stamp(&self, range: TimeRange) -> Option<u64> {
        let has = self.range.filter(|own| own.overlaps(range))?;
        let mut hasher = DefaultHasher::new();
        has.start_ms.max(range.start_ms).hash(&mut hasher);
        has.end_ms.min(range.end_ms).hash(&mut hasher);
        for labels in &self.label_sets {
            labels.stable_hash().hash(&mut hasher);
        }
        Some(hasher.finish())
    }

    /// Whether it may have series that these matchers take, in this range.
    pub(crate) fn may_have(&self, matchers: &[Matcher], range: TimeRange) -> bool {
        let is_there = self.range.is_some_and(|own| own.overlaps(range));
        // A label that a set does not have may be one of the series'.
        let fits = |labels: &Labels| {
            matchers.iter().all(|matcher| {
                let value = labels.get(matcher.name());
                value.is_none_or(|value| matcher.matches(value))
            })
        };
        is_there && (self.label_sets.is_empty() || self.label_sets.iter().any(fits))
    }
}

fn labels_of(set: &LabelSet) -> Labels {
    Labels::from_pairs(set.labels.iter().map(|label| (&label.name, &label.value)))
}

#[cfg(test)]
mod tests;
