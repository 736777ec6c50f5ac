//! Names and values of labels, the external ones among them.

use std::collections::BTreeSet;

use narthex_storage::LabelsRequest;
use tonic::Status;

use super::question::Question;
use super::{StoreApi, failed};
use crate::message::store::{
    LabelNamesRequest, LabelNamesResponse, LabelValuesRequest, LabelValuesResponse,
};

impl StoreApi {
    /// The names of the labels of the series that match.
    ///
    /// # Errors
    /// The request is none, or the store cannot be read.
    pub(crate) async fn label_names(
        &self,
        request: LabelNamesRequest,
    ) -> Result<LabelNamesResponse, Status> {
        let external = self.external_labels()?;
        let without = &request.without_replica_labels;
        let range = self.answered((request.start, request.end));
        let asked = Question::new(&request.matchers, &external, without, range)?;
        let Some(question) = asked else {
            return Ok(LabelNamesResponse::default());
        };
        let asked = question.labels_request();
        let found = self.options.store.label_names(&asked);
        let found = found.await.map_err(|error| failed(&error))?;
        let mut names: BTreeSet<String> = found.into_iter().collect();
        // Where there is no series, nothing has the external labels either.
        if !names.is_empty() {
            let external = question.external.iter();
            names.extend(external.map(|(name, _)| name.to_owned()));
        }
        names.retain(|name| !question.leaves_out(name));
        Ok(LabelNamesResponse {
            names: limited(names, request.limit),
            warnings: Vec::new(),
        })
    }

    /// The values of a label of the series that match.
    ///
    /// # Errors
    /// The request is none, or the store cannot be read.
    pub(crate) async fn label_values(
        &self,
        request: LabelValuesRequest,
    ) -> Result<LabelValuesResponse, Status> {
        if request.label.is_empty() {
            return Err(Status::invalid_argument("the name of the label is empty"));
        }
        let external = self.external_labels()?;
        let without = &request.without_replica_labels;
        let range = self.answered((request.start, request.end));
        let asked = Question::new(&request.matchers, &external, without, range)?;
        let Some(question) = asked.filter(|question| !question.leaves_out(&request.label)) else {
            return Ok(LabelValuesResponse::default());
        };
        let values = match question.external.get(&request.label) {
            Some(value) => match self.has_any(&question).await? {
                true => vec![value.to_owned()],
                false => Vec::new(),
            },
            None => self.values_of(&request.label, &question).await?,
        };
        Ok(LabelValuesResponse {
            values: limited(values, request.limit),
            warnings: Vec::new(),
        })
    }

    async fn values_of(&self, label: &str, question: &Question) -> Result<Vec<String>, Status> {
        let request: LabelsRequest = question.labels_request();
        let found = self.options.store.label_values(label, &request).await;
        found.map_err(|error| failed(&error))
    }
}

/// The first so many, or all.
fn limited(texts: impl IntoIterator<Item = String>, limit: i64) -> Vec<String> {
    let limit = usize::try_from(limit).unwrap_or(0);
    let limit = if limit == 0 { usize::MAX } else { limit };
    texts.into_iter().take(limit).collect()
}
