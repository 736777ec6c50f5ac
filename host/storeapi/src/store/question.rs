//! What is asked of the store behind the endpoint, and how its labels become those of the answer.

use narthex_model::{Labels, LabelsBuilder, MatchOp, Matcher};
use narthex_storage::{LabelsRequest, TimeRange};
use tonic::Status;

use crate::message::store::{LabelMatcher, MatcherType};

/// A request may have so many matchers.
const MATCHERS_MAX: usize = 1 << 10;

/// A question that the store can answer.
#[derive(Debug)]
pub(super) struct Question {
    /// Without those of external labels, which hold.
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: TimeRange,
    /// The external labels, without those of replicas.
    pub(super) external: Labels,
    /// Names that no series of the answer has, sorted.
    without: Vec<String>,
}

impl Question {
    /// `None` where no series can match, because an external label does not.
    ///
    /// # Errors
    /// A matcher is none.
    pub(super) fn new(
        asked: &[LabelMatcher],
        external: &Labels,
        without: &[String],
        (start_ms, end_ms): (i64, i64),
    ) -> Result<Option<Self>, Status> {
        check_left_out(without)?;
        if asked.len() > MATCHERS_MAX {
            let text = format!("more than {MATCHERS_MAX} matchers");
            return Err(Status::invalid_argument(text));
        }
        let matchers: Result<Vec<Matcher>, Status> = asked.iter().map(matcher).collect();
        let range = TimeRange { start_ms, end_ms };
        let matchers = without_external(matchers?, external);
        Ok(matchers.map(|matchers| Self::of(matchers, external, without, range)))
    }

    /// With matchers among which none is of an external label.
    pub(super) fn of(
        matchers: Vec<Matcher>,
        external: &Labels,
        without: &[String],
        range: TimeRange,
    ) -> Self {
        let mut without = without.to_vec();
        without.sort_unstable();
        without.dedup();
        Self {
            matchers,
            range,
            external: external.without(&without),
            without,
        }
    }

    /// Whether a label is left out of all series.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let found = self
            .without
            .binary_search_by(|held| held.as_str().cmp(name));
        found.is_ok()
    }

    /// The labels of a series as the answer has them: external ones win.
    pub(super) fn labels_of(&self, series: &Labels) -> Labels {
        let mut labels = LabelsBuilder::from_labels(series);
        for name in &self.without {
            labels.remove(name);
        }
        for (name, value) in self.external.iter() {
            labels.set(name, value);
        }
        labels.build()
    }

    /// The same question for labels.
    pub(super) fn labels_request(&self) -> LabelsRequest {
        LabelsRequest {
            matchers: self.matchers.clone(),
            range: self.range,
            limit: None,
        }
    }
}

/// # Errors
/// That are too many labels to be left out: each series is looked at for each of them.
pub(super) fn check_left_out(without: &[String]) -> Result<(), Status> {
    match without.len() > MATCHERS_MAX {
        true => Err(Status::invalid_argument(format!(
            "more than {MATCHERS_MAX} labels to be left out"
        ))),
        false => Ok(()),
    }
}

/// The matchers that the store is to judge; `None` where one of an external label does not hold.
pub(super) fn without_external(matchers: Vec<Matcher>, external: &Labels) -> Option<Vec<Matcher>> {
    let mut left = Vec::with_capacity(matchers.len());
    for matcher in matchers {
        match external.get(matcher.name()) {
            Some(value) if !matcher.matches(value) => return None,
            Some(_) => {}
            None => left.push(matcher),
        }
    }
    Some(left)
}

fn matcher(asked: &LabelMatcher) -> Result<Matcher, Status> {
    let op = match asked.r#type() {
        MatcherType::Eq => MatchOp::Equal,
        MatcherType::Neq => MatchOp::NotEqual,
        MatcherType::Re => MatchOp::Regex,
        MatcherType::Nre => MatchOp::NotRegex,
    };
    // An enumeration reads as its default where its number is not known.
    if i32::from(asked.r#type()) != asked.r#type {
        let text = format!("unknown type of matcher {}", asked.r#type);
        return Err(Status::invalid_argument(text));
    }
    Matcher::new(asked.name.as_str(), op, asked.value.as_str())
        .map_err(|error| Status::invalid_argument(error.to_string()))
}
