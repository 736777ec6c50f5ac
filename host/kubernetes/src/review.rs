//! What a cluster says of others: whose a token is (`TokenReview`), and what somebody may
//! (`SubjectAccessReview`).
//!
//! It is not: a memory of answers, nor a decision of its own. A cluster that does not answer has
//! said neither yes nor no.

use std::collections::BTreeMap;

use async_recursion::async_recursion as boxed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::ApiError;
use crate::cluster::Cluster;
use crate::limits::{REVIEW_BYTES_MAX, REVIEW_TIMEOUT};

/// Where tokens are reviewed.
const TOKENS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// Where access is reviewed.
const ACCESS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/// Somebody, in the words of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// `system:serviceaccount:monitoring:grafana`
    #[serde(rename = "username")]
    pub name: String,
    /// What tells users of one name apart; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The groups that they are in.
    #[serde(deserialize_with = "or_none", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What else who knows them says of them.
    #[serde(
        deserialize_with = "or_none",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub extra: BTreeMap<String, Vec<String>>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Attributes {
    /// Something with objects of the API, or with what is shown as such.
    Resource(Resource),
    /// A request to a path that is no object.
    Path {
        /// `/metrics`
        path: String,
        /// `get`
        verb: String,
    },
}

/// Something with objects; what is empty is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Resource {
    /// The namespace; empty is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// `get`, `list`, `create`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub verb: String,
    /// `metrics.k8s.io`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// `v1beta1`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `pods`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// What of the object is meant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subresource: String,
    /// The object; empty is all.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenReview {
    status: TokenStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenStatus {
    authenticated: bool,
    user: User,
    #[serde(deserialize_with = "or_none")]
    audiences: Vec<String>,
    error: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccessReview {
    status: AccessStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AccessStatus {
    allowed: bool,
    evaluation_error: String,
}

impl Cluster {
    /// Whose a token is; `None` where it is nobody's, or not meant for one of `audiences`. Without
    /// audiences it has to be meant for the cluster itself.
    ///
    /// # Errors
    /// The cluster does not answer, or refuses to.
    #[boxed]
    pub async fn review_token(
        &self,
        token: &str,
        audiences: &[String],
    ) -> Result<Option<User>, String> {
        let mut spec = json!({"token": token});
        if !audiences.is_empty() {
            spec["audiences"] = json!(audiences);
        }
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec,
        });
        let answer: TokenReview = self.review(TOKENS, &review).await?;
        let status = answer.status;
        if !status.error.is_empty() {
            tracing::debug!(error = status.error, "a token was refused");
        }
        // A cluster that knows nothing of audiences names none, and has not looked at them.
        let is_meant =
            audiences.is_empty() || status.audiences.iter().any(|it| audiences.contains(it));
        Ok((status.authenticated && is_meant).then_some(status.user))
    }

    /// Whether somebody may do something.
    ///
    /// # Errors
    /// The cluster does not answer, refuses to, or could not find out.
    #[boxed]
    pub async fn review_access(
        &self,
        user: &User,
        attributes: &Attributes,
    ) -> Result<bool, String> {
        let mut spec = json!({"user": user.name, "groups": user.groups});
        if !user.uid.is_empty() {
            spec["uid"] = json!(user.uid);
        }
        if !user.extra.is_empty() {
            spec["extra"] = json!(user.extra);
        }
        match attributes {
            Attributes::Resource(resource) => spec["resourceAttributes"] = json!(resource),
            Attributes::Path { path, verb } => {
                spec["nonResourceAttributes"] = json!({"path": path, "verb": verb});
            }
        }
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec,
        });
        let answer: AccessReview = self.review(ACCESS, &review).await?;
        let status = answer.status;
        // Who was allowed in spite of an error is allowed.
        match status.allowed || status.evaluation_error.is_empty() {
            true => Ok(status.allowed),
            false => Err(status.evaluation_error),
        }
    }

    async fn review<T: for<'a> Deserialize<'a>>(
        &self,
        path: &str,
        review: &Value,
    ) -> Result<T, String> {
        let asked = self.api().post_for(path, review, REVIEW_BYTES_MAX);
        let answer = tokio::time::timeout(REVIEW_TIMEOUT, asked).await;
        let answer = answer.unwrap_or(Err(ApiError::Timeout(REVIEW_TIMEOUT)));
        answer.map_err(|error| error.to_string())
    }
}

/// Kubernetes writes empty lists as `null`.
fn or_none<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_as_clusters_write_them() {
        let text = r#"{"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1",
            "metadata": {"creationTimestamp": null}, "spec": {"token": "t"},
            "status": {"authenticated": true, "audiences": ["a"], "user": {
                "username": "system:serviceaccount:n:s", "uid": "1", "groups": ["g"],
                "extra": {"authentication.kubernetes.io/pod-name": ["p"]}}}}"#;
        let review: TokenReview = serde_json::from_str(text).unwrap();
        assert!(review.status.authenticated);
        assert_eq!(review.status.user.name, "system:serviceaccount:n:s");
        assert_eq!(review.status.user.groups, ["g"]);
        let refused = r#"{"status": {"user": {"groups": null}, "error": "invalid bearer token"}}"#;
        let review: TokenReview = serde_json::from_str(refused).unwrap();
        assert!(!review.status.authenticated);
        assert_eq!(review.status.user, User::default());
        let text = r#"{"status": {"allowed": false, "evaluationError": "no such role"}}"#;
        let review: AccessReview = serde_json::from_str(text).unwrap();
        assert!(!review.status.allowed);
        assert_eq!(review.status.evaluation_error, "no such role");
    }

    #[test]
    fn what_is_not_said_of_a_resource_is_not_sent() {
        let resource = Resource {
            verb: "get".to_owned(),
            resource: "pods".to_owned(),
            ..Resource::default()
        };
        assert_eq!(json!(resource), json!({"verb": "get", "resource": "pods"}));
    }
}
