//! What a request asks for: the fields of its form body and its query string, and how each kind
//! of value is read.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{Method, header};
use narthex_model::{Labels, Matcher, PromDuration};
use narthex_promql::parse_metric_selector;
use narthex_storage::TimeRange;

use crate::error::{ApiError, ErrorKind};
use crate::time;

/// A form body may have this many bytes (Go's bound for `ParseForm`); a larger one is answered
/// with 413.
pub const FORM_BYTES_MAX: usize = 10 << 20;

/// A request may have this many fields; one with more is answered with 400.
pub const FIELDS_MAX: usize = 10_000;

/// A form body must have arrived within this time; a slower one is answered with 503.
pub const FORM_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// The fields of a request. Those of the body come before those of the query string, so of a
/// field that both have, the body's counts (Go `Request.FormValue`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params {
    fields: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (head, body) = request.into_parts();
        let mut params = Self::default();
        let content_type = head.headers.get(header::CONTENT_TYPE);
        let is_form = content_type
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| {
                kind.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        if is_form && matches!(head.method, Method::POST | Method::PUT) {
            params.read(&read_body(body).await?)?;
        }
        params.read(head.uri.query().unwrap_or("").as_bytes())?;
        Ok(params)
    }
}

async fn read_body(body: Body) -> Result<Vec<u8>, ApiError> {
    let whole = tokio::time::timeout(FORM_READ_TIMEOUT, to_bytes(body, FORM_BYTES_MAX));
    match whole.await {
        Err(_) => Err(ApiError::new(
            ErrorKind::Timeout,
            format!("the request body did not arrive within {FORM_READ_TIMEOUT:?}"),
        )),
        Ok(Ok(bytes)) => Ok(bytes.to_vec()),
        Ok(Err(error)) if std::error::Error::source(&error).is_some() => Err(ApiError::new(
            ErrorKind::TooLarge,
            format!("the request body cannot be read, or has over {FORM_BYTES_MAX} bytes"),
        )),
        Ok(Err(error)) => Err(ApiError::bad_data(format!(
            "error parsing form values: {error}"
        ))),
    }
}

impl Params {
    fn read(&mut self, form: &[u8]) -> Result<(), ApiError> {
        let room = FIELDS_MAX - self.fields.len();
        let mut fields = form_urlencoded::parse(form);
        self.fields
            .extend(fields.by_ref().take(room).map(|(name, value)| {
                let (name, value) = (name.into_owned(), value.into_owned());
                (name, value)
            }));
        if fields.next().is_some() {
            return Err(ApiError::bad_data(format!(
                "error parsing form values: more than {FIELDS_MAX} fields"
            )));
        }
        Ok(())
    }

    /// The first value of a field, or "" where it is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    /// A field that has to be there.
    ///
    /// # Errors
    /// It is not, or it is empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, ApiError> {
        match self.get(name) {
            "" => Err(ApiError::bad_data(format!("no {name} parameter provided"))),
            value => Ok(value),
        }
    }

    /// `labels`, which has to be there: an object of names and values.
    ///
    /// # Errors
    /// It is not there, or it is something else.
    pub(crate) fn required_labels(&self) -> Result<Labels, ApiError> {
        let labels: BTreeMap<String, String> = serde_json::from_str(self.required("labels")?)
            .map_err(|error| ApiError::bad_data(format!("error parsing labels: {error}")))?;
        Ok(Labels::from_pairs(&labels))
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// A time that must be there.
    pub(crate) fn time(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.get(name);
        time::parse(text).ok_or_else(|| ApiError::invalid_parameter(name, not_a_time(text)))
    }

    /// A time that may be left out.
    pub(crate) fn time_or(&self, name: &str, default_ms: i64) -> Result<i64, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(default_ms);
        }
        time::parse(text).ok_or_else(|| {
            let reason = format!("Invalid time value for '{name}': {}", not_a_time(text));
            ApiError::invalid_parameter(name, reason)
        })
    }

    /// `start` and `end`; all of time where they are left out.
    pub(crate) fn time_range(&self) -> Result<TimeRange, ApiError> {
        Ok(TimeRange {
            start_ms: self.time_or("start", TimeRange::ALL.start_ms)?,
            end_ms: self.time_or("end", TimeRange::ALL.end_ms)?,
        })
    }

    /// A duration that may be left out.
    pub(crate) fn duration(&self, name: &str) -> Result<Option<SignedMillis>, ApiError> {
        match self.get(name) {
            "" => Ok(None),
            text => parse_duration(text)
                .map(Some)
                .map_err(|reason| ApiError::invalid_parameter(name, reason)),
        }
    }

    /// `limit`: at most so many results; `None` where it is left out or 0.
    pub(crate) fn limit(&self) -> Result<Option<usize>, ApiError> {
        let text = self.get("limit");
        if text.is_empty() {
            return Ok(None);
        }
        let limit: i64 = text.parse().map_err(|_| {
            let reason = format!("strconv.Atoi: parsing {text:?}: invalid syntax");
            ApiError::invalid_parameter("limit", reason)
        })?;
        let limit = usize::try_from(limit)
            .map_err(|_| ApiError::invalid_parameter("limit", "limit must be non-negative"))?;
        Ok((limit > 0).then_some(limit))
    }

    /// A count where anything below 0 and nothing at all mean "all".
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, ApiError> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(None);
        }
        let count: i64 = text
            .parse()
            .map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
        Ok(usize::try_from(count).ok())
    }

    /// The selectors of `match[]`. Each must have a matcher that not every series passes.
    pub(crate) fn matcher_sets(&self) -> Result<Vec<Vec<Matcher>>, String> {
        let sets: Vec<Vec<Matcher>> = self
            .all("match[]")
            .map(|selector| parse_metric_selector(selector).map_err(|error| error.to_string()))
            .collect::<Result<_, _>>()?;
        for set in &sets {
            if set.iter().all(|matcher| matcher.matches("")) {
                return Err("match[] must contain at least one non-empty matcher".to_owned());
            }
        }
        Ok(sets)
    }
}

fn not_a_time(text: &str) -> String {
    format!("cannot parse {text:?} to a valid timestamp")
}

/// A duration as the API takes it: in milliseconds, and it may be negative.
pub(crate) type SignedMillis = i64;

/// Reads float seconds or `1h30m`.
#[allow(
    clippy::cast_possible_truncation,
    reason = "checked against what 63 bits of nanoseconds hold"
)]
pub(crate) fn parse_duration(text: &str) -> Result<SignedMillis, String> {
    if let Ok(seconds) = text.parse::<f64>() {
        let nanoseconds = seconds * 1e9;
        if seconds.is_nan() || nanoseconds.abs() > i64::MAX as f64 {
            return Err(format!(
                "cannot parse {text:?} to a valid duration. It overflows int64"
            ));
        }
        return Ok((nanoseconds / 1e6) as i64);
    }
    text.parse::<PromDuration>()
        .map(PromDuration::as_millis_i64)
        .map_err(|_| format!("cannot parse {text:?} to a valid duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        let mut params = Params::default();
        params.read(form.as_bytes()).unwrap();
        params
    }

    #[test]
    fn durations_are_seconds_or_prometheus_durations() {
        for (text, expected) in [
            ("15", Ok(15_000)),
            ("0.5", Ok(500)),
            ("-1", Ok(-1000)),
            ("0.0004", Ok(0)),
            ("1h30m", Ok(5_400_000)),
            (
                "1e12",
                Err("cannot parse \"1e12\" to a valid duration. It overflows int64"),
            ),
            ("x", Err("cannot parse \"x\" to a valid duration")),
            ("", Err("cannot parse \"\" to a valid duration")),
        ] {
            assert_eq!(
                parse_duration(text),
                expected.map_err(str::to_owned),
                "{text}"
            );
        }
    }

    #[test]
    fn limits_are_counts_and_0_is_none() {
        for (form, expected) in [
            ("", Ok(None)),
            ("limit=0", Ok(None)),
            ("limit=7", Ok(Some(7))),
            (
                "limit=-1",
                Err(r#"invalid parameter "limit": limit must be non-negative"#),
            ),
            (
                "limit=x",
                Err(r#"invalid parameter "limit": strconv.Atoi: parsing "x": invalid syntax"#),
            ),
        ] {
            let limit = params(form).limit().map_err(|error| error.message);
            assert_eq!(limit, expected.map_err(str::to_owned), "{form}");
        }
    }

    #[test]
    fn fields_repeat_and_are_decoded() {
        let params = params("match[]=a&match%5B%5D=b+c%2B&x=%E4");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b c+"]);
        assert_eq!(params.get("x"), "\u{fffd}");
    }

    #[test]
    fn a_request_with_too_many_fields_is_refused() {
        let mut params = Params::default();
        assert!(params.read("a&".repeat(FIELDS_MAX).as_bytes()).is_ok());
        assert!(params.read(b"a").is_err());
    }
}
