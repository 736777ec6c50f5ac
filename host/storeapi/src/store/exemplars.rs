//! Exemplars of the series that a query selects.

use narthex_storage::{ExemplarsRequest as Asked, TimeRange};
use tonic::Status;

use super::StoreApi;
use super::question::{Question, without_external};
use crate::message::exemplars::{
    Exemplar, ExemplarData, ExemplarsFrame, ExemplarsRequest, ExemplarsResponse,
};
use crate::message::{Label, LabelSet};

impl StoreApi {
    /// The exemplars of a series in each message, sorted by the labels of the series.
    ///
    /// # Errors
    /// The request has no query.
    pub(crate) fn exemplars(
        &self,
        request: &ExemplarsRequest,
    ) -> Result<Vec<ExemplarsResponse>, Status> {
        let external = self.external_labels()?;
        let selectors = (self.options.selectors)(&request.query);
        let selectors = selectors.map_err(Status::invalid_argument)?;
        let range = TimeRange {
            start_ms: request.start,
            end_ms: request.end,
        };
        let selectors = selectors.into_iter();
        let found = self.options.store.exemplars(&Asked {
            selectors: selectors
                .filter_map(|matchers| without_external(matchers, &external))
                .collect(),
            range,
        });
        let question = Question::of(Vec::new(), &external, &[], range);
        let mut data: Vec<(Vec<Label>, Vec<Exemplar>)> = found
            .iter()
            .map(|series| {
                let exemplars = series.exemplars.iter().map(|exemplar| Exemplar {
                    labels: Some(LabelSet::of(&exemplar.labels)),
                    value: exemplar.value,
                    ts: exemplar.timestamp_ms,
                });
                let labels = question.labels_of(&series.labels);
                (Label::of(&labels), exemplars.collect())
            })
            .collect();
        data.sort_by(|(a, _), (b, _)| a.cmp(b));
        let messages = data.into_iter().map(|(labels, exemplars)| {
            let series_labels = Some(LabelSet { labels });
            let data = ExemplarData {
                series_labels,
                exemplars,
            };
            ExemplarsResponse {
                result: Some(ExemplarsFrame::Data(data)),
            }
        });
        Ok(messages.collect())
    }
}
