//! Which method a request means, and the answer to it.

use std::future::Future;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::future::ready;
use futures::stream::{self, BoxStream};
use hyper::{Request, Response};
use prost::Message;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::codegen::{Body as HttpBody, StdError};
use tonic::server::Grpc;
use tonic::{Code, Status};
use tower::service_fn;

use super::metrics::GrpcMetrics;
use super::parts::{Checked, Parted};
use super::unread::{self, LATE};
use super::{arrival, deadline};
use crate::message::exemplars::ExemplarsRequest;
use crate::message::health::{HealthCheckRequest, HealthCheckResponse, ServingStatus};
use crate::message::info::InfoRequest;
use crate::message::metadata::MetricMetadataRequest;
use crate::message::rules::RulesRequest;
use crate::message::targets::TargetsRequest;
use crate::{StoreApi, method};

/// The methods of an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Service {
    api: Arc<StoreApi>,
    metrics: GrpcMetrics,
}

impl Service {
    pub(super) fn new(api: Arc<StoreApi>, metrics: GrpcMetrics) -> Self {
        Self { api, metrics }
    }

    /// Answers a request that may not go on.
    pub(super) fn refuse(&self, path: &str, status: &Status) -> Response<Body> {
        let mut methods = method::ALL.into_iter();
        if let Some(path) = methods.find(|known| *known == path) {
            let call = self.metrics.begin(path, method::kind(path));
            call.end(status.code());
        }
        status.clone().into_http()
    }

    /// Answers a request within the time that it gives. Messages are bounded by tonic's 4 MiB, and
    /// [by what is in them](super::parts).
    pub(super) async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        let Some(time) = deadline::of(request.headers()) else {
            return self.call(request, None).await;
        };
        // A time beyond what the clock can tell is none.
        let until = Instant::now().checked_add(time);
        let answer = tokio::time::timeout(time, self.call(request, until)).await;
        answer.unwrap_or_else(|_| Status::deadline_exceeded(LATE).into_http())
    }

    async fn call<B>(&self, request: Request<B>, until: Option<Instant>) -> Response<Body>
    where
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        let api = Arc::clone(&self.api);
        match request.uri().path() {
            method::INFO => {
                let answer = move |_: InfoRequest| {
                    let mut info = api.info();
                    info.windows = Some(api.windows_info());
                    async move { Ok(info) }
                };
                self.unary(method::INFO, answer, request).await
            }
            method::HEALTH => {
                let answer = |asked: HealthCheckRequest| ready(health(&asked));
                self.unary(method::HEALTH, answer, request).await
            }
            method::LABEL_NAMES => {
                let answer = move |asked| {
                    let api = Arc::clone(&api);
                    async move { api.label_names(asked).await }
                };
                self.unary(method::LABEL_NAMES, answer, request).await
            }
            method::LABEL_VALUES => {
                let answer = move |asked| {
                    let api = Arc::clone(&api);
                    async move { api.label_values(asked).await }
                };
                self.unary(method::LABEL_VALUES, answer, request).await
            }
            method::SERIES => {
                let answer = move |asked| Arc::clone(&api).series(asked);
                self.streaming(method::SERIES, answer, (request, until))
                    .await
            }
            method::EVALUATE => {
                let answer = move |asked| Arc::clone(&api).evaluate(asked);
                self.streaming(method::EVALUATE, answer, (request, until))
                    .await
            }
            method::EXEMPLARS => {
                let answer = move |asked: ExemplarsRequest| ready(all(api.exemplars(&asked)));
                self.streaming(method::EXEMPLARS, answer, (request, until))
                    .await
            }
            method::RULES => {
                let answer = move |asked: RulesRequest| ready(all(api.rules(&asked)));
                self.streaming(method::RULES, answer, (request, until))
                    .await
            }
            method::TARGETS => {
                let answer = move |asked: TargetsRequest| ready(all(api.targets(asked)));
                self.streaming(method::TARGETS, answer, (request, until))
                    .await
            }
            method::METADATA => {
                let answer = move |asked: MetricMetadataRequest| ready(all(api.metadata(&asked)));
                self.streaming(method::METADATA, answer, (request, until))
                    .await
            }
            path => Status::unimplemented(format!("there is no method {path}")).into_http(),
        }
    }

    /// Answers a request that did not come in time.
    fn give_up(&self, path: &'static str, kind: &'static str) -> Response<Body> {
        self.metrics.begin(path, kind).end(Code::DeadlineExceeded);
        Status::deadline_exceeded(arrival::LATE).into_http()
    }

    /// A message for a message.
    async fn unary<Q, A, F, B>(
        &self,
        path: &'static str,
        answer: impl Fn(Q) -> F + Send,
        request: Request<B>,
    ) -> Response<Body>
    where
        Q: Message + Default + Parted + Send + 'static,
        A: Message + Send + 'static,
        F: Future<Output = Result<A, Status>> + Send,
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        let metrics = &self.metrics;
        let (begun, arrived) = oneshot::channel();
        let mut begun = Some(begun);
        let service = service_fn(move |asked: tonic::Request<Q>| {
            drop(begun.take());
            let call = metrics.begin(path, "unary");
            let answer = answer(asked.into_inner());
            async move {
                let answer = answer.await;
                call.end(answer.as_ref().err().map_or(Code::Ok, Status::code));
                answer.map(tonic::Response::new)
            }
        });
        let mut grpc = Grpc::new(Checked::<A, Q>::new(metrics, path, "unary"));
        let answered = arrival::answered(arrived, grpc.unary(service, request)).await;
        answered.unwrap_or_else(|| self.give_up(path, "unary"))
    }

    /// A stream of messages for a message.
    async fn streaming<Q, A, F, B>(
        &self,
        path: &'static str,
        answer: impl Fn(Q) -> F + Send,
        (request, until): (Request<B>, Option<Instant>),
    ) -> Response<Body>
    where
        Q: Message + Default + Parted + Send + 'static,
        A: Message + Send + 'static,
        F: Future<Output = Result<Messages<A>, Status>> + Send,
        B: HttpBody + Send + 'static,
        B::Error: Into<StdError> + Send + 'static,
    {
        let metrics = &self.metrics;
        let (begun, arrived) = oneshot::channel();
        let mut begun = Some(begun);
        let service = service_fn(move |asked: tonic::Request<Q>| {
            drop(begun.take());
            let call = metrics.begin(path, "server_stream");
            let answer = answer(asked.into_inner());
            async move {
                match answer.await {
                    Ok(messages) => {
                        let sending = unread::sending(messages, call, until);
                        Ok(tonic::Response::new(sending))
                    }
                    Err(status) => {
                        call.end(status.code());
                        Err(status)
                    }
                }
            }
        });
        let mut grpc = Grpc::new(Checked::<A, Q>::new(metrics, path, "server_stream"));
        let answered = arrival::answered(arrived, grpc.server_streaming(service, request)).await;
        answered.unwrap_or_else(|| self.give_up(path, "server_stream"))
    }
}

/// The messages of an answer.
pub(super) type Messages<A> = BoxStream<'static, Result<A, Status>>;

/// The server answers, and so do all of its services.
fn health(asked: &HealthCheckRequest) -> Result<HealthCheckResponse, Status> {
    let mut services = method::ALL.into_iter().map(method::service);
    match asked.service.is_empty() || services.any(|service| service == asked.service) {
        true => Ok(HealthCheckResponse {
            status: ServingStatus::Serving.into(),
        }),
        false => Err(Status::not_found("there is no such service")),
    }
}

/// Messages that are there.
fn all<A: Send + 'static>(messages: Result<Vec<A>, Status>) -> Result<Messages<A>, Status> {
    messages.map(|messages| stream::iter(messages.into_iter().map(Ok)).boxed())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use hyper::body::Frame;
    use narthex_model::Labels;
    use narthex_storage::MemoryStore;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::message::metadata::MetricMetadataEntry;
    use crate::message::rules::RuleGroup;
    use crate::message::targets::TargetDiscovery;
    use crate::{HostView, StoreLimits, StoreOptions};

    /// A host that has nothing to say.
    struct Silent;

    impl HostView for Silent {
        fn rule_groups(&self) -> Vec<RuleGroup> {
            Vec::new()
        }

        fn targets(&self) -> TargetDiscovery {
            TargetDiscovery::default()
        }

        fn metadata(&self, _: &str) -> BTreeMap<String, MetricMetadataEntry> {
            BTreeMap::new()
        }
    }

    /// What comes of a request whose rest does not come.
    struct Endless;

    impl HttpBody for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_the_rest_of_a_request() {
        let api = StoreApi::new(StoreOptions {
            store: Arc::new(MemoryStore::new()),
            external_labels: Box::new(Labels::empty),
            oldest_ms: Box::new(|| 0),
            selectors: Box::new(|_| Ok(Vec::new())),
            view: Box::new(Silent),
            limits: StoreLimits {
                series_max: 0,
                samples_max: 0,
                bytes_max: 0,
                requests_max: 1,
            },
        });
        let metrics = GrpcMetrics::register(&mut Registry::default());
        let service = Service::new(Arc::new(api), metrics);
        for path in [method::HEALTH, method::SERIES] {
            let request = Request::builder().uri(path).body(Endless).unwrap();
            let answer = service.answer(request).await;
            let status = Status::from_header_map(answer.headers()).unwrap();
            assert_eq!(status.code(), Code::DeadlineExceeded, "{path}");
            assert_eq!(status.message(), arrival::LATE, "{path}");
        }
    }
}
