//! An endpoint of the StoreAPI that is asked: a Narthex host, or a sidecar, store, receiver, ruler
//! or querier of Thanos.
//!
//! It is not: a choice among endpoints, or a merge of their answers.

mod error;
mod received;
mod tls;
mod unpacked;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use futures::future::ready;
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use narthex_http::Credentials;
use narthex_http::header::HeaderMap;
use prometheus_client::metrics::counter::Counter;
use prost::Message;
use tokio::time::{Instant, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{self, Channel};
use tonic::{Request, Status, Streaming};

pub use self::error::EndpointError;
use self::received::Counted;
pub use self::tls::EndpointTls;
pub use self::unpacked::UNPACKED_BYTES_MAX;
use self::unpacked::Unpacked;
use crate::message::evaluation::{EvaluateRequest, EvaluateResponse};
use crate::message::exemplars::{ExemplarsFrame, ExemplarsRequest, ExemplarsResponse};
use crate::message::info::{InfoRequest, InfoResponse};
use crate::message::store::{
    LabelNamesRequest, LabelNamesResponse, LabelValuesRequest, LabelValuesResponse, SeriesFrame,
    SeriesRequest, SeriesResponse,
};
use crate::method;

/// A message may have this many bytes on its way; a longer one fails the request. Thanos puts a whole
/// series, or a batch of them, into one.
pub const MESSAGE_BYTES_MAX: usize = 256 << 20;

/// A connection must stand within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// So much of an answer may be under way that nobody has read yet.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;

/// The connection must never be what holds an answer up that is read, because of others that are
/// not: the greatest window of HTTP/2.
const CONNECTION_WINDOW_BYTES: u32 = (1 << 31) - 1;

/// While answers are awaited, a connection is asked so often whether it still stands, as by Thanos.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// It has so long to say so; then it is given up, and so are the requests on it.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The frames of an answer, in their order. After an error there are no more.
pub type SeriesFrames = BoxStream<'static, Result<SeriesFrame, EndpointError>>;

/// The frames of an answer about exemplars. After an error there are no more.
pub type ExemplarsFrames = BoxStream<'static, Result<ExemplarsFrame, EndpointError>>;

/// The parts of an answer about an aggregation. After an error there are no more.
pub type EvaluateFrames = BoxStream<'static, Result<EvaluateResponse, EndpointError>>;

/// One endpoint, by its address. Clones share a connection, which is made when it is first needed
/// and again where it broke.
#[derive(Clone)]
pub struct Endpoint {
    address: String,
    channel: Arc<RwLock<Channel>>,
    credentials: Option<Credentials>,
    /// The bytes of all messages that came.
    received: Counter,
}

impl Endpoint {
    /// The endpoint at `host:port`. Nothing is sent yet; it must be called within a runtime.
    ///
    /// # Errors
    /// That is no address, or a certificate cannot be used.
    pub fn connect(address: &str, tls: Option<&EndpointTls>) -> Result<Self, EndpointError> {
        Ok(Self {
            address: address.to_owned(),
            channel: Arc::new(RwLock::new(channel(address, tls)?)),
            credentials: None,
            received: Counter::default(),
        })
    }

    /// Makes a new connection when it is needed next, by other certificates. What is under way ends
    /// over the old one, clones have the new one too. It must be called within a runtime.
    ///
    /// # Errors
    /// A certificate cannot be used; then nothing changes.
    pub fn reconnect(&self, tls: Option<&EndpointTls>) -> Result<(), EndpointError> {
        let channel = channel(&self.address, tls)?;
        *self.channel.write().unwrap_or_else(PoisonError::into_inner) = channel;
        Ok(())
    }

    /// The same, and the bytes of what it sends are counted there.
    #[must_use]
    pub fn counted_by(self, received: Counter) -> Self {
        Self { received, ..self }
    }

    /// The same, and what it is asked says who asks. Secrets in files are read for each request.
    #[must_use]
    pub fn authorized_by(self, credentials: Option<Credentials>) -> Self {
        Self {
            credentials,
            ..self
        }
    }

    /// `host:port`, as it was given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What the endpoint is, within a time.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses.
    #[boxed]
    pub async fn info(&self, timeout: Duration) -> Result<InfoResponse, EndpointError> {
        self.unary(InfoRequest {}, method::INFO, timeout).await
    }

    /// The series that are asked for. The time is that of the whole answer.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses. What goes wrong later is in the stream.
    #[boxed]
    pub async fn series(
        &self,
        request: SeriesRequest,
        timeout: Duration,
    ) -> Result<SeriesFrames, EndpointError> {
        let messages = self.stream(request, method::SERIES, timeout).await?;
        // Hints are for who sent some.
        let frames = messages.try_filter_map(|message: SeriesResponse| ready(Ok(message.result)));
        Ok(frames.boxed())
    }

    /// The exemplars of the series that a query selects. The time is that of the whole answer.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses. What goes wrong later is in the stream.
    #[boxed]
    pub async fn exemplars(
        &self,
        request: ExemplarsRequest,
        timeout: Duration,
    ) -> Result<ExemplarsFrames, EndpointError> {
        let messages = self.stream(request, method::EXEMPLARS, timeout).await?;
        let frames =
            messages.try_filter_map(|message: ExemplarsResponse| ready(Ok(message.result)));
        Ok(frames.boxed())
    }

    /// What an aggregation of a query is over the series that the endpoint has. The time is that of the
    /// whole answer.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses: then the series are to be asked for. What goes
    /// wrong later is in the stream.
    #[boxed]
    pub async fn evaluate(
        &self,
        request: EvaluateRequest,
        timeout: Duration,
    ) -> Result<EvaluateFrames, EndpointError> {
        self.stream(request, method::EVALUATE, timeout).await
    }

    /// The names of labels, within a time.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses.
    #[boxed]
    pub async fn label_names(
        &self,
        request: LabelNamesRequest,
        timeout: Duration,
    ) -> Result<LabelNamesResponse, EndpointError> {
        self.unary(request, method::LABEL_NAMES, timeout).await
    }

    /// The values of a label, within a time.
    ///
    /// # Errors
    /// It cannot be reached, takes longer, or refuses.
    #[boxed]
    pub async fn label_values(
        &self,
        request: LabelValuesRequest,
        timeout: Duration,
    ) -> Result<LabelValuesResponse, EndpointError> {
        self.unary(request, method::LABEL_VALUES, timeout).await
    }

    /// A message for a message.
    async fn unary<Q, A>(
        &self,
        request: Q,
        path: &'static str,
        timeout: Duration,
    ) -> Result<A, EndpointError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Unpacked + Send + Sync + 'static,
    {
        let asked = async {
            let request = self.request(request, timeout).await?;
            let mut grpc = self.ready().await?;
            let path = PathAndQuery::from_static(path);
            let codec = Counted::<Q, A>::new(self.received.clone());
            grpc.unary(request, path, codec).await
        };
        let answer = tokio::time::timeout(timeout, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(late(timeout)));
        let answer = answer.map_err(|status| self.failed(&status))?;
        Ok(answer.into_inner())
    }

    /// Messages for a message.
    async fn stream<Q, A>(
        &self,
        request: Q,
        path: &'static str,
        timeout: Duration,
    ) -> Result<BoxStream<'static, Result<A, EndpointError>>, EndpointError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Unpacked + Send + Sync + 'static,
    {
        let deadline = Instant::now() + timeout;
        let asked = async {
            let request = self.request(request, timeout).await?;
            let mut grpc = self.ready().await?;
            let path = PathAndQuery::from_static(path);
            let codec = Counted::<Q, A>::new(self.received.clone());
            grpc.server_streaming(request, path, codec).await
        };
        let answer = timeout_at(deadline, asked).await;
        let answer = answer.unwrap_or_else(|_| Err(late(timeout)));
        let messages = answer.map_err(|status| self.failed(&status))?.into_inner();
        let reading = Reading {
            endpoint: self.clone(),
            messages: Some(messages),
            deadline,
            timeout,
        };
        let messages = stream::unfold(reading, |mut reading| async move {
            let message = reading.next().await?;
            Some((message, reading))
        });
        Ok(messages.boxed())
    }

    fn channel(&self) -> Channel {
        let channel = self.channel.read().unwrap_or_else(PoisonError::into_inner);
        channel.clone()
    }

    /// What sends a request, as soon as one can be sent.
    async fn ready(&self) -> Result<Grpc<Channel>, Status> {
        let channel = self.channel();
        let mut grpc = Grpc::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
        match grpc.ready().await {
            Ok(()) => Ok(grpc),
            Err(error) => Err(Status::from_error(Box::new(error))),
        }
    }

    /// The request, how long it is worth answering, and who asks.
    async fn request<T>(&self, message: T, timeout: Duration) -> Result<Request<T>, Status> {
        let mut request = Request::new(message);
        request.set_timeout(timeout);
        if let Some(credentials) = &self.credentials {
            let headers = credentials.headers().await;
            let headers = headers.map_err(|reason| {
                Status::unauthenticated(format!("there are no credentials to show: {reason}"))
            })?;
            let metadata: &mut HeaderMap = request.metadata_mut().as_mut();
            metadata.extend(headers);
        }
        Ok(request)
    }

    fn failed(&self, status: &Status) -> EndpointError {
        EndpointError::status(&self.address, status)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Endpoint").field(&self.address).finish()
    }
}

/// An answer that is being read.
struct Reading<A> {
    endpoint: Endpoint,
    /// `None` after its end.
    messages: Option<Streaming<A>>,
    deadline: Instant,
    timeout: Duration,
}

impl<A> Reading<A> {
    async fn next(&mut self) -> Option<Result<A, EndpointError>> {
        let messages = self.messages.as_mut()?;
        let message = timeout_at(self.deadline, messages.message()).await;
        match message.unwrap_or_else(|_| Err(late(self.timeout))) {
            Ok(Some(message)) => Some(Ok(message)),
            Ok(None) => {
                self.messages = None;
                None
            }
            Err(status) => {
                self.messages = None;
                Some(Err(self.endpoint.failed(&status)))
            }
        }
    }
}

/// A connection that is made when it is first needed.
fn channel(address: &str, tls: Option<&EndpointTls>) -> Result<Channel, EndpointError> {
    let refused = |error: transport::Error| EndpointError::address(address, &error);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let uri = format!("{scheme}://{address}");
    let mut endpoint = transport::Endpoint::from_shared(uri)
        .map_err(refused)?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .tcp_nodelay(true);
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls.config()).map_err(refused)?;
    }
    Ok(endpoint.connect_lazy())
}

fn late(timeout: Duration) -> Status {
    Status::deadline_exceeded(format!("no whole answer within {timeout:?}"))
}
