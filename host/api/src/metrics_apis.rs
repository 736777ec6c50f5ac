//! The metrics APIs of Kubernetes over HTTP, on a listener of their own: the API server of a cluster
//! stands in front of it and says for whom it asks.
//!
//! It is not: what the answers hold (`narthex-adapter`), nor who may ask (`narthex-web`).

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use narthex_adapter::{Adapter, ApiAnswer, ApiRequest, Source, refusal};
use narthex_web::{Delegation, Peer, Refused};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::ApiState;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    group: &'static str,
    code: u16,
}

/// The rules that answers are made by, and who says who may ask.
pub struct MetricsApis {
    api: ApiState,
    following: ArcSwapOption<Following>,
    requests: Family<RequestLabels, Counter>,
}

struct Following {
    adapter: Adapter,
    delegation: Arc<Delegation>,
}

impl MetricsApis {
    /// Answers that it is not ready until there is something to follow, and the store is open.
    pub fn new(api: ApiState) -> Self {
        let requests = Family::default();
        let mut registry = Registry::default();
        registry.register(
            "narthex_metrics_apis_requests",
            "Requests to the metrics APIs of Kubernetes by group and status code",
            requests.clone(),
        );
        api.add_registry(registry);
        Self {
            api,
            following: ArcSwapOption::empty(),
            requests,
        }
    }

    /// Follows other rules from here on; requests under way end as they began.
    pub fn follow(&self, adapter: Adapter, delegation: Arc<Delegation>) {
        let following = Following {
            adapter,
            delegation,
        };
        self.following.store(Some(Arc::new(following)));
    }

    /// All that is answered.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// What a request is answered with, where nobody refuses it.
    async fn answer(&self, asked: &ApiRequest, request: &Parts) -> Result<ApiAnswer, ApiAnswer> {
        let not_ready = || refusal(503, "the server is not ready");
        let following = self.following.load_full().ok_or_else(not_ready)?;
        let peer = request.peer.clone().unwrap_or_default();
        let attributes = asked.attributes();
        let delegation = &following.delegation;
        let allowed = delegation.allow(&peer, &request.headers, &attributes).await;
        allowed.map_err(|refused| match refused {
            Refused::Unauthorized => refusal(401, "Unauthorized"),
            Refused::Forbidden(message) => refusal(403, message),
            Refused::Unavailable(message) => refusal(503, message),
        })?;
        let serving = self.api.serving().ok_or_else(not_ready)?;
        let source = Source {
            engine: self.api.engine(),
            storage: serving.storage.clone(),
            now_ms: self.api.options().clock.now_ms(),
        };
        Ok(following.adapter.answer(asked, &source).await)
    }
}

/// What is known of a request without its body.
struct Parts {
    headers: axum::http::HeaderMap,
    peer: Option<Peer>,
}

async fn answer(State(apis): State<Arc<MetricsApis>>, request: Request) -> Response {
    let (mut head, _) = request.into_parts();
    if !matches!(head.method, Method::GET | Method::HEAD) {
        let refused = refusal(405, "metrics can be read only");
        let mut response = write(&refused);
        let methods = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, methods);
        return response;
    }
    let accept = head.headers.get(ACCEPT);
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or("");
    let query = head.uri.query().unwrap_or("");
    let asked = ApiRequest::parse(head.uri.path(), query, accept);
    if asked.is_probe() {
        let is_ready = apis.api.serving().is_some() || head.uri.path() == "/livez";
        return match is_ready {
            true => "ok".into_response(),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response(),
        };
    }
    let parts = Parts {
        peer: head.extensions.remove::<Peer>(),
        headers: head.headers,
    };
    let answered = apis.answer(&asked, &parts).await;
    let answered = answered.unwrap_or_else(|refused| refused);
    let (group, code) = (asked.known_group(), answered.status);
    let labels = RequestLabels { group, code };
    apis.requests.get_or_create(&labels).inc();
    write(&answered)
}

fn write(answer: &ApiAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = [(CONTENT_TYPE, "application/json")];
    (status, kind, answer.body.to_string()).into_response()
}
