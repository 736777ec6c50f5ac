//! A server that a command asks over HTTP: a host of ours, or any other with Prometheus' API.
//!
//! It is not: what is asked, nor an Alertmanager, which the commands of alerts ask.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use narthex_http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use narthex_http::{BodyLimit, Client, HttpConfig, Response, StatusCode, http_section};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{query_string, yaml};

/// An answer may have this many bytes: what fifty million samples have, which is as many as a
/// query may read.
const ANSWER_BYTES_MAX: u64 = 1 << 30;

/// How long an answer may take where nothing else is said. A server ends a query long before.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// How much of an answer is shown that is not one of the API.
const REASON_CHARS_MAX: usize = 1000;

http_section! {
    /// The file of `--http.config.file`.
    pub struct ClientFile {}
}

/// How to speak to it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ClientArgs {
    /// HTTP client configuration file for this command to connect to the server.
    #[arg(long = "http.config.file", value_name = "FILE")]
    http_config: Option<PathBuf>,
}

impl ClientArgs {
    /// The same, with another file where none was named.
    pub(crate) fn or_file(&self, file: Option<&str>) -> Self {
        let file = || file.map(PathBuf::from);
        Self {
            http_config: self.http_config.clone().or_else(file),
        }
    }

    /// What a client is made of.
    ///
    /// # Errors
    /// The file cannot be read, or what it says does not go together.
    pub(crate) fn config(&self) -> anyhow::Result<HttpConfig> {
        match &self.http_config {
            Some(path) => client_config(path),
            None => Ok(HttpConfig::default()),
        }
    }
}

/// What a client is made of that a file describes; the files that it names lie beside it.
///
/// # Errors
/// The file cannot be read, or what it says does not go together.
pub(crate) fn client_config(path: &Path) -> anyhow::Result<HttpConfig> {
    let name = path.display().to_string();
    let text = yaml::read_text(path).with_context(|| name.clone())?;
    let read: Option<ClientFile> = yaml::read(&text, &name)?;
    let mut read = read.unwrap_or_default();
    let faults = read.http_faults();
    if !faults.is_empty() {
        bail!("{name}: {}", faults.join("; "));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    for file in read.http_files() {
        if !file.is_empty() {
            *file = folder.join(&*file).display().to_string();
        }
    }
    Ok(read.http_config())
}

/// A way to it.
pub(crate) struct PrometheusServer {
    runtime: Runtime,
    client: Client,
    /// Its URL, without a slash at the end.
    base: String,
    /// What goes with every request.
    headers: HeaderMap,
    /// How long an answer may take.
    timeout: Duration,
}

/// What the API says.
#[derive(Debug)]
pub(crate) struct ApiAnswer {
    /// Null where there is none.
    pub(crate) data: Value,
    /// What it warns of, and what it remarks.
    pub(crate) warnings: Vec<String>,
}

impl PrometheusServer {
    /// Makes one; nothing is asked yet. `headers` are `name=value` each.
    ///
    /// # Errors
    /// The URL or a header is none, or no client can be made.
    pub(crate) fn new(url: &str, args: &ClientArgs, headers: &[String]) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        Ok(Self {
            runtime,
            client: Client::new(&args.config()?)?,
            base: base(url)?,
            headers: header_map(headers)?,
            timeout: ANSWER_TIMEOUT,
        })
    }

    /// The same, whose answers take no longer than this.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Its URL, without a slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a form to a path below `/api/v1`, as queries may be longer than a URL.
    ///
    /// # Errors
    /// No answer came, or one that says why there is none.
    pub(crate) fn ask(&self, path: &str, form: &[(&str, &str)]) -> anyhow::Result<ApiAnswer> {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        let body = query_string::form(form).into_bytes();
        let (status, body) = self.post(&format!("/api/v1/{path}"), kind, &[], body)?;
        api_answer(status, &body)
    }

    /// Asks for a path below `/api/v1`, with what a query string says.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) fn look_up(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<ApiAnswer> {
        let (status, body) = self.page(&format!("/api/v1/{path}?{}", query_string::form(query)))?;
        api_answer(status, &body)
    }

    /// The status and the body of a page.
    ///
    /// # Errors
    /// No answer came.
    pub(crate) fn page(&self, path: &str) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let url = format!("{}{path}", self.base);
        self.wait(&url, async {
            let response = self.client.get(&url, &self.headers).await?;
            body(response).await
        })
    }

    /// Sends a body, with headers beside its own and those of every request.
    ///
    /// # Errors
    /// No answer came.
    pub(crate) fn post(
        &self,
        path: &str,
        content_type: HeaderValue,
        more: &[(&'static str, &'static str)],
        sent: Vec<u8>,
    ) -> anyhow::Result<(StatusCode, Vec<u8>)> {
        let url = format!("{}{path}", self.base);
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, content_type);
        for (name, value) in more {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        self.wait(&url, async {
            let response = self.client.post(&url, &headers, sent.into()).await?;
            body(response).await
        })
    }

    fn wait<T>(
        &self,
        url: &str,
        asked: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let timeout = self.timeout;
        let asked = self.runtime.block_on(async {
            // A timer needs its runtime when it is made.
            tokio::time::timeout(timeout, asked).await
        });
        asked.map_err(|_| anyhow!("{url}: no answer within {timeout:?}"))?
    }
}

async fn body(response: Response) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let status = response.status();
    let body = response.body(BodyLimit::Bytes(ANSWER_BYTES_MAX)).await?;
    Ok((status, body.to_vec()))
}

/// A URL that a path can follow. A host and a port alone are one of HTTP.
fn base(url: &str) -> anyhow::Result<String> {
    let whole = match url.contains("://") {
        true => url.to_owned(),
        false => format!("http://{url}"),
    };
    let behind = whole.strip_prefix("http://");
    let behind = behind.or_else(|| whole.strip_prefix("https://"));
    let behind = behind.with_context(|| format!("{url}: the URL of a server begins with http"))?;
    if behind.is_empty() || behind.starts_with(['/', '?', '#']) {
        bail!("{url}: the URL names no host");
    }
    if behind.contains(['?', '#']) {
        bail!("{url}: the URL of a server has no query string");
    }
    Ok(whole.trim_end_matches('/').to_owned())
}

fn header_map(headers: &[String]) -> anyhow::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for header in headers {
        // The value may be a token, so that a header is not shown.
        let pair = header.split_once(['=', ':']);
        let (name, value) = pair.context("a header is written as name=value")?;
        let parsed: Option<HeaderName> = name.trim().parse().ok();
        let parsed = parsed.with_context(|| format!("invalid header name {name:?}"))?;
        let value = HeaderValue::from_str(value.trim());
        let value = value.with_context(|| format!("invalid value of the header {name:?}"))?;
        map.append(parsed, value);
    }
    Ok(map)
}

/// What an answer of the API says, or why there is none in it.
fn api_answer(status: StatusCode, body: &[u8]) -> anyhow::Result<ApiAnswer> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body);
        let text: String = text.trim().chars().take(REASON_CHARS_MAX).collect();
        bail!("{status}: {text}");
    };
    if answer["status"] != "success" {
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        bail!("{}: {}", text("errorType"), text("error"));
    }
    let mut warnings = Vec::new();
    for name in ["warnings", "infos"] {
        let texts = answer[name].as_array().into_iter().flatten();
        warnings.extend(texts.filter_map(Value::as_str).map(str::to_owned));
    }
    Ok(ApiAnswer {
        data: answer["data"].take(),
        warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_url_or_a_host() {
        for (url, expected) in [
            ("http://localhost:9090", "http://localhost:9090"),
            ("https://a.example/prom/", "https://a.example/prom"),
            ("localhost:9090", "http://localhost:9090"),
            ("[::1]:9090", "http://[::1]:9090"),
        ] {
            assert_eq!(base(url).unwrap(), expected);
        }
        for url in ["", "http://", "ftp://a", "http:///x", "http://a?b=c"] {
            assert!(base(url).is_err(), "{url}");
        }
    }

    #[test]
    fn headers_are_pairs() {
        let map = header_map(&["X-A=b=c".to_owned(), "x-d: e".to_owned()]).unwrap();
        assert_eq!(map.get("x-a").unwrap(), "b=c");
        assert_eq!(map.get("x-d").unwrap(), "e");
        for header in ["a", "b c=d", "a=b\nc"] {
            let refused = header_map(&[header.to_owned()]);
            assert!(refused.is_err(), "{header}");
        }
    }

    #[test]
    fn an_answer_is_data_or_a_reason() {
        let of = |body: &str| api_answer(StatusCode::OK, body.as_bytes());
        let answer = of(r#"{"status":"success","data":[1],"warnings":["a"],"infos":["b"]}"#);
        let answer = answer.unwrap();
        assert_eq!(answer.data, serde_json::json!([1]));
        assert_eq!(answer.warnings, ["a", "b"]);
        let error = of(r#"{"status":"error","errorType":"bad_data","error":"no"}"#);
        assert_eq!(error.unwrap_err().to_string(), "bad_data: no");
        assert_eq!(of("<html>").unwrap_err().to_string(), "200 OK: <html>");
    }

    #[test]
    fn the_file_of_a_client_names_its_files_from_its_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("client.yml");
        let read = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let http_config = Some(file.clone());
            ClientArgs { http_config }.config()
        };
        let config = read("basic_auth: {username: a, password_file: p}\n").unwrap();
        let named = config.basic_auth.unwrap().password_file;
        assert_eq!(Path::new(&named), folder.path().join("p"));
        assert_eq!(read("").unwrap(), HttpConfig::default());
        for text in [
            "basic_auths: {}\n",
            "bearer_token: a\nbearer_token_file: b\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
