//! Which format a target answers in.

use crate::quote::quote;

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text, 0.0.4 and 1.0.0.
    PrometheusText,
    /// OpenMetrics text, 0.0.1 and 1.0.0.
    OpenMetrics,
}

/// Any format of a scrape's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageFormat {
    /// One that [`Parser`](crate::Parser) reads.
    Text(Format),
    /// Delimited protobuf, which [`ProtobufParser`](crate::ProtobufParser) reads.
    Protobuf,
}

/// Why a response's format is not known, in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnsupportedContentType {
    /// There is no `Content-Type`.
    #[error(
        "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol \
         specified for target"
    )]
    Blank,
    /// The `Content-Type` does not parse; with what is wrong with it.
    #[error("cannot parse Content-Type {} and no fallback_scrape_protocol for target\n{reason}", quote(.content_type.as_bytes()))]
    Malformed {
        /// The header as it came.
        content_type: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The media type is none that is read here.
    #[error(
        "received unsupported Content-Type {} and no fallback_scrape_protocol specified for target",
        quote(.0.as_bytes())
    )]
    Unknown(String),
}

impl Format {
    /// The text format of a response, from its `Content-Type` header ("" where it has none). The
    /// version is not looked at. `fallback` is what is used where the header says nothing useful.
    ///
    /// # Errors
    /// The header says nothing useful, or that it is protobuf, and there is no fallback.
    pub fn from_content_type(
        content_type: &str,
        fallback: Option<Self>,
    ) -> Result<Self, UnsupportedContentType> {
        let declared = declared(content_type).and_then(|declared| match declared {
            PageFormat::Text(format) => Ok(format),
            PageFormat::Protobuf => Err(UnsupportedContentType::Unknown(content_type.to_owned())),
        });
        declared.or_else(|error| fallback.ok_or(error))
    }

    /// The `Content-Type` of what [`write`](crate::write) writes.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::PrometheusText => {
                "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8"
            }
            Self::OpenMetrics => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            }
        }
    }
}

impl PageFormat {
    /// The format of a response; as [`Format::from_content_type`], protobuf among them. Of
    /// protobuf neither the message nor the encoding is looked at.
    ///
    /// # Errors
    /// The header says nothing useful and there is no fallback.
    pub fn from_content_type(
        content_type: &str,
        fallback: Option<Self>,
    ) -> Result<Self, UnsupportedContentType> {
        declared(content_type).or_else(|error| fallback.ok_or(error))
    }
}

fn declared(content_type: &str) -> Result<PageFormat, UnsupportedContentType> {
    if content_type.is_empty() {
        return Err(UnsupportedContentType::Blank);
    }
    let media_type = media_type(content_type).map_err(|reason| {
        let content_type = content_type.to_owned();
        UnsupportedContentType::Malformed {
            content_type,
            reason,
        }
    })?;
    match media_type.as_str() {
        "text/plain" => Ok(PageFormat::Text(Format::PrometheusText)),
        "application/openmetrics-text" => Ok(PageFormat::Text(Format::OpenMetrics)),
        "application/vnd.google.protobuf" => Ok(PageFormat::Protobuf),
        _ => Err(UnsupportedContentType::Unknown(content_type.to_owned())),
    }
}

/// The media type of a header in lower case, its parameters only checked. The rules and the
/// reasons are those of Go's `mime.ParseMediaType`.
fn media_type(header: &str) -> Result<String, &'static str> {
    let (media_type, mut parameters) = match header.find(';') {
        Some(at) => header.split_at(at),
        None => (header, ""),
    };
    let media_type = media_type.trim().to_ascii_lowercase();
    let (name, rest) = token(&media_type);
    if name.is_empty() {
        return Err("mime: no media type");
    }
    if !rest.is_empty() {
        let subtype = rest
            .strip_prefix('/')
            .ok_or("mime: expected slash after first token")?;
        let (subtype, rest) = token(subtype);
        if subtype.is_empty() {
            return Err("mime: expected token after slash");
        }
        if !rest.is_empty() {
            return Err("mime: unexpected content after media subtype");
        }
    }
    let mut names: Vec<String> = Vec::new();
    loop {
        parameters = parameters.trim_start();
        // A semicolon at the end is let pass.
        if parameters.is_empty() || parameters.trim_end() == ";" {
            return Ok(media_type);
        }
        let (name, rest) = parameter(parameters).ok_or("mime: invalid media parameter")?;
        let name = name.to_ascii_lowercase();
        if names.contains(&name) {
            return Err("mime: duplicate parameter name");
        }
        if names.len() == PARAMETERS_MAX {
            return Err("mime: invalid media parameter");
        }
        names.push(name);
        parameters = rest;
    }
}

/// A header with more parameters than this is refused.
const PARAMETERS_MAX: usize = 32;

/// Takes `; name=value` off the front; gives the name and what is left.
fn parameter(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start());
    if name.is_empty() {
        return None;
    }
    let value = rest.trim_start().strip_prefix('=')?.trim_start();
    let Some(quoted) = value.strip_prefix('"') else {
        let (value, rest) = token(value);
        return (!value.is_empty()).then_some((name, rest));
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((name, quoted.get(at + 1..)?)),
            '\r' | '\n' => return None,
            _ => {}
        }
    }
    None
}

/// Takes a token of RFC 2045 off the front.
fn token(text: &str) -> (&str, &str) {
    let is_token = |b: u8| b.is_ascii_graphic() && !br#"()<>@,;:\"/[]?="#.contains(&b);
    let end = text.bytes().position(|b| !is_token(b));
    text.split_at(end.unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content_type: &str, expect: Result<Format, &str>) {
        let format = Format::from_content_type(content_type, None);
        let format = format.map_err(|error| error.to_string());
        assert_eq!(format, expect.map_err(str::to_owned), "{content_type:?}");
        let fallback = Some(Format::PrometheusText);
        let with_fallback = Format::from_content_type(content_type, fallback).unwrap();
        assert_eq!(with_fallback, expect.unwrap_or(Format::PrometheusText));
    }

    #[test]
    fn what_a_header_says() {
        for (header, format) in [
            ("text/plain", Format::PrometheusText),
            (
                "text/plain; version=0.0.4; charset=utf-8",
                Format::PrometheusText,
            ),
            (
                "text/plain;version=1.0.0;escaping=allow-utf-8",
                Format::PrometheusText,
            ),
            ("Text/Plain ;", Format::PrometheusText),
            ("text/plain; version=\"0.0.4;\\\"\"", Format::PrometheusText),
            ("application/openmetrics-text", Format::OpenMetrics),
            (
                "application/openmetrics-text; version=0.0.1; charset=utf-8",
                Format::OpenMetrics,
            ),
        ] {
            check(header, Ok(format));
        }
        check(
            "",
            Err(
                "non-compliant scrape target sending blank Content-Type and no \
                 fallback_scrape_protocol specified for target",
            ),
        );
        for (header, quoted) in [
            ("text/html; charset=utf-8", r#""text/html; charset=utf-8""#),
            (
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
                r#""application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited""#,
            ),
            ("garbage", r#""garbage""#),
        ] {
            let error = format!(
                "received unsupported Content-Type {quoted} and no fallback_scrape_protocol \
                 specified for target"
            );
            check(header, Err(&error));
        }
    }

    #[test]
    fn protobuf_is_a_format_that_is_no_text() {
        let header = "application/vnd.google.protobuf; proto=x; encoding=delimited";
        let fallback = Some(PageFormat::Text(Format::OpenMetrics));
        let format = PageFormat::from_content_type(header, fallback);
        assert_eq!(format, Ok(PageFormat::Protobuf));
        let format = PageFormat::from_content_type("text/html", Some(PageFormat::Protobuf));
        assert_eq!(format, Ok(PageFormat::Protobuf));
        let format = PageFormat::from_content_type("text/plain", Some(PageFormat::Protobuf));
        assert_eq!(format, Ok(PageFormat::Text(Format::PrometheusText)));
    }

    #[test]
    fn what_a_malformed_header_ends_in() {
        let many: String = (0..40).map(|n| format!(";p{n}=v")).collect();
        for (header, reason) in [
            (" ", "mime: no media type"),
            ("/plain", "mime: no media type"),
            ("text plain", "mime: expected slash after first token"),
            ("text/", "mime: expected token after slash"),
            (
                "text/plain,x",
                "mime: unexpected content after media subtype",
            ),
            ("text/plain; version", "mime: invalid media parameter"),
            ("text/plain; =1", "mime: invalid media parameter"),
            ("text/plain; a=\"b", "mime: invalid media parameter"),
            ("text/plain; a=b; A=c", "mime: duplicate parameter name"),
            (
                &format!("text/plain{many}"),
                "mime: invalid media parameter",
            ),
        ] {
            let error = format!(
                "cannot parse Content-Type {header:?} and no fallback_scrape_protocol for \
                 target\n{reason}"
            );
            check(header, Err(&error));
        }
    }
}
