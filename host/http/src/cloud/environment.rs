//! What a process is given beside its configuration: variables, the time, and the two ways to those
//! who hand out credentials.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use narthex_model::{Clock, SystemClock};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use super::answer::Answer;
use crate::credentials::read_secret;
use crate::error::cause;
use crate::transport::Transport;
use crate::{BodyLimit, BuildError, HttpConfig, Secret, body};

/// Those who hand out credentials may take so long. It is less than `remote_timeout` is where nothing
/// is said.
const OUTSIDE_TIMEOUT: Duration = Duration::from_secs(20);

/// The machine's own service may take so long; where there is none, nobody answers at all.
const MACHINE_TIMEOUT: Duration = Duration::from_secs(5);

/// An answer with credentials may be this large.
const ANSWER_BYTES_MAX: u64 = 1 << 20;

type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// All of it.
#[derive(Clone)]
pub(crate) struct Environment {
    variables: Variables,
    clock: Arc<dyn Clock>,
    /// To services that stand anywhere, through the proxy that the variables name.
    outside: Transport,
    /// To the machine itself, which no proxy could reach.
    machine: Transport,
}

/// Whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Outside,
    Machine,
}

/// A question.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) way: Way,
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Question {
    /// A GET.
    pub(crate) fn get(way: Way, url: String) -> Self {
        Self {
            way,
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A form that is posted.
    pub(crate) fn form(url: String, form: &[(&str, &str)]) -> Self {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, form_type)]),
            body: Bytes::from(crate::oauth2::encoded(form)),
            ..Self::get(Way::Outside, url)
        }
    }

    /// The same with one header more.
    ///
    /// # Errors
    /// The value cannot stand in a header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Result<Self, String> {
        let value = super::secret_value(value).ok_or("a value cannot stand in a header")?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }
}

impl Environment {
    /// The process' own.
    ///
    /// # Errors
    /// No client can be made.
    pub(crate) fn of_process() -> Result<Self, BuildError> {
        let variables = |name: &str| std::env::var(name).ok();
        Self::new(Arc::new(variables), Arc::new(SystemClock))
    }

    pub(crate) fn new(variables: Variables, clock: Arc<dyn Clock>) -> Result<Self, BuildError> {
        let outside = HttpConfig {
            proxy_from_environment: true,
            ..HttpConfig::default()
        };
        Ok(Self {
            variables,
            clock,
            outside: Transport::new(&outside)?,
            machine: Transport::new(&HttpConfig::default())?,
        })
    }

    /// A variable; none where it is empty, too.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// A variable or, where it is not set, a path below the home folder; none without one.
    pub(crate) fn file(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        match self.variable(variable) {
            Some(path) => Some(PathBuf::from(path)),
            None => Some(PathBuf::from(self.variable("HOME")?).join(below_home)),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// How long something lasts that ends at a time.
    pub(crate) fn until(&self, end_ms: i64) -> Duration {
        let left = end_ms.saturating_sub(self.now_ms());
        Duration::from_millis(u64::try_from(left).unwrap_or(0))
    }

    /// The text of a file that holds a secret.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) async fn secret(&self, path: &str) -> Result<Secret, String> {
        read_secret(path).await
    }

    /// Asks; an answer with an error status is an answer.
    ///
    /// # Errors
    /// No answer came, or it is too large.
    pub(crate) async fn ask(&self, question: Question) -> Result<Answer, String> {
        let (transport, timeout) = match question.way {
            Way::Outside => (&self.outside, OUTSIDE_TIMEOUT),
            Way::Machine => (&self.machine, MACHINE_TIMEOUT),
        };
        let url = question.url.clone();
        let whole = async {
            let client = transport.client().await?;
            let request = client
                .request(question.method, &question.url)
                .headers(question.headers)
                .body(question.body);
            let sent = request.send().await;
            let response = sent.map_err(|error| cause(&error, &address(&question.url)))?;
            let status = response.status();
            let read = body::read(response, BodyLimit::Bytes(ANSWER_BYTES_MAX)).await;
            let body = read.map_err(|error| error.to_string())?;
            Ok::<Answer, String>(Answer { status, body })
        };
        match tokio::time::timeout(timeout, whole).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(format!("{url}: {error}")),
            Err(_) => Err(format!("{url}: no answer within {} s", timeout.as_secs())),
        }
    }
}

/// What is dialled for a URL.
fn address(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return String::new();
    };
    let port = url.port_or_known_default().unwrap_or(0);
    format!("{}:{port}", url.host_str().unwrap_or_default())
}
