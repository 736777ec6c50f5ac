//! What a reader is told of labels: names, values, and whole sets.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use narthex_model::Labels;
use narthex_storage::{LabelsRequest, StorageError, Warnings};
use narthex_storeapi::message::store::{LabelMatcher, LabelNamesRequest, LabelValuesRequest};
use tokio::time::timeout;

use super::{View, incomplete, limit_of, log, matcher_of};
use crate::member::{Known, Member};

/// The label sets of a listing may have so many bytes; a longer one fails.
const LISTED_BYTES_MAX: usize = 1 << 30;

impl View {
    /// The names of labels, or the values of one, that members answer: each once, sorted.
    pub(super) async fn texts(
        &self,
        label: Option<&str>,
        request: &LabelsRequest,
    ) -> Result<Vec<String>, StorageError> {
        if label.is_some_and(|label| self.leaves_out(label)) {
            return Ok(Vec::new());
        }
        let (range, matchers) = (request.range, &request.matchers);
        let limit = request.limit.map_or(0, limit_of);
        let matchers = || -> Vec<LabelMatcher> { matchers.iter().map(matcher_of).collect() };
        let patience = self.response_timeout();
        let ask = |member: Arc<Member>, known: Arc<Known>| async move {
            let endpoint = member.endpoint();
            let limit = self.limit_at(&known, limit);
            let Some(label) = label else {
                let names = LabelNamesRequest {
                    partial_response_disabled: !self.is_partial,
                    partial_response_strategy: self.strategy(),
                    start: range.start_ms,
                    end: range.end_ms,
                    matchers: matchers(),
                    without_replica_labels: self.without.clone(),
                    limit,
                };
                let answer = endpoint.label_names(names, patience).await;
                return answer.map(|answer| (answer.names, answer.warnings));
            };
            let values = LabelValuesRequest {
                label: label.to_owned(),
                partial_response_disabled: !self.is_partial,
                partial_response_strategy: self.strategy(),
                start: range.start_ms,
                end: range.end_ms,
                matchers: matchers(),
                without_replica_labels: self.without.clone(),
                limit,
            };
            let answer = endpoint.label_values(values, patience).await;
            answer.map(|answer| (answer.values, answer.warnings))
        };
        let warnings = Warnings::default();
        let asked = self.asked(&request.matchers, request.range, &warnings)?;
        let answers = asked.into_iter().map(|(member, known)| ask(member, known));
        let mut found = BTreeSet::new();
        for answer in join_all(answers).await {
            match answer {
                Ok((texts, missing)) => {
                    found.extend(texts);
                    for what in missing {
                        self.missing(what, &warnings)?;
                    }
                }
                Err(error) => self.missing(error.to_string(), &warnings)?,
            }
        }
        log(&warnings);
        if label.is_none() {
            found.retain(|name: &String| !self.leaves_out(name));
        }
        let limit = request.limit.unwrap_or(usize::MAX);
        Ok(found.into_iter().take(limit).collect())
    }

    /// Whether no series has this label for the reader.
    fn leaves_out(&self, label: &str) -> bool {
        self.without.iter().any(|left_out| left_out == label)
    }

    /// The label sets of all series that match, within the bounds of a listing.
    pub(super) async fn listed(
        &self,
        request: &LabelsRequest,
        warnings: &Warnings,
    ) -> Result<Vec<Labels>, StorageError> {
        let limit = self.fleet.options().listing_timeout;
        let listed = timeout(limit, self.sets(request, warnings)).await;
        listed.unwrap_or_else(|_| Err(incomplete(format!("series were listed for {limit:?}"))))
    }

    async fn sets(
        &self,
        request: &LabelsRequest,
        warnings: &Warnings,
    ) -> Result<Vec<Labels>, StorageError> {
        let limit = request.limit.unwrap_or(usize::MAX);
        let samples = request.samples();
        let mut merge = self.merged(&samples, Some(limit), warnings).await?;
        let mut listing = Listing::new(LISTED_BYTES_MAX);
        while listing.sets.len() < limit {
            let groups = merge.next().await.map_err(incomplete)?;
            let Some(group) = groups.into_iter().next() else {
                break;
            };
            listing.push(group.labels).map_err(incomplete)?;
        }
        Ok(listing.sets)
    }
}

/// Label sets that are listed, within a bound.
struct Listing {
    sets: Vec<Labels>,
    bytes: usize,
    bytes_max: usize,
}

impl Listing {
    fn new(bytes_max: usize) -> Self {
        Self {
            sets: Vec::new(),
            bytes: 0,
            bytes_max,
        }
    }

    /// # Errors
    /// That is one too many.
    fn push(&mut self, labels: Labels) -> Result<(), String> {
        let bytes = labels.encoded_len() + size_of::<Labels>();
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > self.bytes_max {
            let max = self.bytes_max;
            return Err(format!("the series that match have more than {max} bytes"));
        }
        self.sets.push(labels);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use narthex_model::SystemClock;
    use narthex_storeapi::message::info::{InfoResponse, StoreInfo};
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::{Dedup, Fleet, FleetOptions, ViewOptions};

    #[test]
    fn who_leaves_out_no_labels_is_asked_for_more_than_are_enough() {
        let long = Duration::from_secs(60);
        let options = FleetOptions {
            endpoints: Vec::new(),
            strict: Vec::new(),
            tls: None,
            credentials: None,
            replica_labels: vec!["replica".to_owned()],
            dedup: Dedup::Interval,
            partial_response: true,
            response_timeout: long,
            unhealthy_timeout: long,
            dns_interval: long,
            push_down: false,
            listing_timeout: long,
            clock: Arc::new(SystemClock),
        };
        let fleet = Fleet::new(options, &mut Registry::default());
        let known = |supports_without_replica_labels| {
            Known::new(InfoResponse {
                store: Some(StoreInfo {
                    supports_without_replica_labels,
                    ..StoreInfo::default()
                }),
                ..InfoResponse::default()
            })
        };
        for (dedup, expected) in [(true, [10, 0]), (false, [10, 10])] {
            let wishes = ViewOptions {
                dedup: Some(dedup),
                ..ViewOptions::default()
            };
            let view = View::new(Arc::clone(&fleet), wishes);
            let limits = [true, false].map(|leaves_out| view.limit_at(&known(leaves_out), 10));
            assert_eq!(limits, expected, "{dedup}");
            // Nor has any series that label then, whoever answers.
            assert_eq!(view.leaves_out("replica"), dedup);
            assert!(!view.leaves_out("job"));
        }
    }

    #[test]
    fn a_listing_ends_at_its_bound() {
        let mut listing = Listing::new(1_000);
        let mut sets = (0..).map(|number: i32| Labels::from_pairs([("n", number.to_string())]));
        let error = sets.find_map(|labels| listing.push(labels).err()).unwrap();
        assert!(error.contains("more than 1000 bytes"), "{error}");
        assert!(!listing.sets.is_empty() && listing.sets.len() < 1_000);
    }
}
