//! Target groups that a server lists as JSON, of `http_sd_configs`.
//!
//! It is not: who authenticates. The host's client does, as the entry of the configuration says.

use std::collections::BTreeMap;
use std::time::Duration;

use narthex_sdk::{Discovery, Error, Group, http};
use serde::Deserialize;

/// The label with where the group was listed.
const URL_LABEL: &str = "__meta_url";

/// The only type of an answer.
const JSON: &str = "application/json";

/// The entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the list is.
    pub url: String,
    /// How often it is asked for, which its server is told.
    #[serde(default = "minute")]
    pub refresh_interval_seconds: f64,
}

fn minute() -> f64 {
    60.0
}

/// A group as it is listed.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Listed {
    targets: Option<Vec<String>>,
    labels: Option<BTreeMap<String, String>>,
}

/// Asks for the list.
pub struct Http(Config);

narthex_sdk::export_discovery!(Http);

impl Discovery for Http {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self(config))
    }

    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        let Config {
            url,
            refresh_interval_seconds: interval,
        } = &self.0;
        let request = http::get(url)
            .header("Accept", JSON)
            .header(
                "X-Prometheus-Refresh-Interval-Seconds",
                interval.to_string(),
            )
            .timeout(Duration::from_secs_f64(interval.clamp(0.0, 3600.0)));
        let response = http::send(&request)?;
        if response.status != 200 {
            let text = format!("server returned HTTP status {}", response.status);
            return Err(Error::Unavailable(text));
        }
        let content_type = response.header("content-type").unwrap_or_default();
        if !is_json(content_type) {
            let text = format!("unsupported content type {content_type:?}");
            return Err(Error::Protocol(text));
        }
        let listed: Option<Vec<Option<Listed>>> = response.json()?;
        let listed = listed.unwrap_or_default().into_iter().enumerate();
        listed
            .map(|(index, listed)| group(url, index, listed))
            .collect()
    }
}

/// JSON, in UTF-8 where it says in what.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.splitn(2, ';').map(str::trim);
    let kind = parts.next().unwrap_or_default();
    let parameter = parts.next().map(str::to_ascii_lowercase);
    let is_utf8 = match parameter.as_deref() {
        None => true,
        Some(text) => matches!(text, "charset=utf-8" | "charset=\"utf-8\""),
    };
    kind.eq_ignore_ascii_case(JSON) && is_utf8
}

fn group(url: &str, index: usize, listed: Option<Listed>) -> Result<Group, Error> {
    let listed = listed.ok_or_else(|| {
        let text = "nil target group item found".to_owned();
        Error::Protocol(text)
    })?;
    let mut group = Group::new(&format!("{url}:{index}"));
    for address in listed.targets.unwrap_or_default() {
        group.add(&address, &[]);
    }
    let mut labels = listed.labels.unwrap_or_default();
    labels.insert(URL_LABEL.to_owned(), url.to_owned());
    group.labels.extend(labels);
    Ok(group)
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;
    use narthex_sdk::http::Response;

    use super::*;

    const URL: &str = "http://sd.example/targets";

    fn refresh(status: u16, content_type: &str, body: &str) -> Result<String, String> {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let body = body.as_bytes().to_vec();
        let response = Response {
            status,
            headers,
            body,
        };
        Host::new().respond(URL, response).install();
        let config = serde_json::from_str(&format!("{{\"url\": {URL:?}}}")).unwrap();
        let groups = Http::init(config).unwrap().refresh();
        let groups = groups.map_err(|error| error.message().to_owned())?;
        let shown = groups.iter().map(|group| {
            let addresses = group.targets.iter().map(|target| target[0].1.as_str());
            let labels = group
                .labels
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            format!(
                "{} [{}] {}",
                group.source,
                addresses.collect::<Vec<_>>().join(" "),
                labels.collect::<Vec<_>>().join(" ")
            )
        });
        Ok(shown.collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn groups_know_where_they_were_listed() {
        let body = r#"[{"targets": ["a:1", "b:2"], "labels": {"x": "y", "__meta_url": "forged"}},
            {"targets": ["c:3"], "labels": null}, {}]"#;
        let expected = "http://sd.example/targets:0 [a:1 b:2] __meta_url=http://sd.example/targets \
            x=y; http://sd.example/targets:1 [c:3] __meta_url=http://sd.example/targets; \
            http://sd.example/targets:2 [] __meta_url=http://sd.example/targets";
        assert_eq!(refresh(200, JSON, body).unwrap(), expected);
        let request = &Host::requests()[0];
        for (name, value) in [
            ("Accept", "application/json"),
            ("X-Prometheus-Refresh-Interval-Seconds", "60"),
        ] {
            let sent = (name.to_owned(), value.to_owned());
            assert!(request.headers.contains(&sent), "{:?}", request.headers);
        }
    }

    #[test]
    fn an_answer_that_is_no_list_says_why() {
        for (status, content_type, body, expected) in [
            (200, JSON, "[]", Ok("")),
            (200, JSON, "null", Ok("")),
            (200, "Application/JSON; charset=UTF-8", "[]", Ok("")),
            (200, "application/json;charset=\"utf-8\"", "[]", Ok("")),
            (404, JSON, "[]", Err("server returned HTTP status 404")),
            (204, JSON, "", Err("server returned HTTP status 204")),
            (
                200,
                "text/html",
                "[]",
                Err("unsupported content type \"text/html\""),
            ),
            (
                200,
                "application/json; charset=latin1",
                "[]",
                Err("unsupported content type"),
            ),
            (200, "", "[]", Err("unsupported content type \"\"")),
            (200, JSON, "[null]", Err("nil target group item found")),
            (200, JSON, "{}", Err("invalid type: map")),
            (
                200,
                JSON,
                r#"[{"target": []}]"#,
                Err("unknown field `target`"),
            ),
        ] {
            match (refresh(status, content_type, body), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(found), Err(part)) => assert!(found.contains(part), "{found}"),
                other => panic!("{status} {content_type} {body}: {other:?}"),
            }
        }
    }
}
