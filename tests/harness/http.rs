//! Plain HTTP on the loopback interface.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

/// A status code and a body.
pub type Answer = (u16, String);

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build();
    config.into()
}

fn answer(
    response: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response
        .body_mut()
        .with_config()
        .limit(256 << 20)
        .read_to_string();
    Ok((status, body.map_err(|error| error.to_string())?))
}

/// GET.
///
/// # Errors
/// No answer came; a status that tells of an error is an answer.
pub fn get(url: &str) -> Result<Answer, String> {
    answer(agent().get(url).call())
}

/// A line of the metrics of a server, its labels included in the name.
///
/// # Errors
/// As [`get`], or it has no such line.
pub fn gauge(base: &str, name: &str) -> Result<f64, String> {
    let (_, page) = get(&format!("{base}/metrics"))?;
    let mut lines = page.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = value.and_then(|value| value.parse().ok());
    value.ok_or_else(|| format!("no {name}"))
}

/// PUT of a body.
///
/// # Errors
/// As [`get`].
pub fn put(url: &str, body: &str) -> Result<Answer, String> {
    answer(agent().put(url).send(body))
}

/// POST without a body.
///
/// # Errors
/// As [`get`].
pub fn post(url: &str) -> Result<Answer, String> {
    answer(agent().post(url).send_empty())
}

/// Any method, with a body and headers.
///
/// # Errors
/// As [`get`].
pub fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, String> {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).map_err(|error| error.to_string())?;
    answer(agent().run(request))
}

/// A status code, and the headers of an answer by their names in lower case; what stands in several
/// of a name is joined.
///
/// # Errors
/// As [`get`].
pub fn head_of(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
) -> Result<(u16, BTreeMap<String, String>), String> {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).map_err(|error| error.to_string())?;
    let response = agent().run(request).map_err(|error| error.to_string())?;
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let own = found.entry(name.as_str().to_owned());
        own.and_modify(|own| own.push_str(&format!(", {value}")))
            .or_insert(value);
    }
    Ok((response.status().as_u16(), found))
}

/// The `data` of a Prometheus API answer.
///
/// # Errors
/// No answer, one that is not JSON, or one whose status is not `success`.
pub fn api(url: &str) -> Result<Value, String> {
    let (status, body) = get(url)?;
    let mut answer: Value =
        serde_json::from_str(&body).map_err(|e| format!("{status} {e}: {body}"))?;
    if answer["status"] != "success" {
        return Err(format!("{status}: {body}"));
    }
    Ok(answer["data"].take())
}

/// Percent-encodes a query parameter.
pub fn encode(text: &str) -> String {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
    let mut encoded = String::new();
    for byte in text.bytes() {
        if is_plain(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
