//! The file, field for field as exporter-toolkit has it, and one section of our own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use narthex_access::AccessConfig;
use narthex_http::Secret;
use serde::{Deserialize, Deserializer, de};

use crate::WebConfigError;

/// The headers that the file may add to answers, and the only values of those that have a list.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// All of the file. An empty one asks for nothing: plain HTTP for everybody.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebConfig {
    /// TLS; absent, plain HTTP is spoken.
    pub tls_server_config: TlsServerConfig,
    /// HTTP/2 and headers.
    pub http_server_config: HttpServerConfig,
    /// How many requests are taken; read once, at the start.
    pub rate_limit: RateLimit,
    /// User names with the bcrypt hashes of their passwords; with none, everybody may ask.
    pub basic_auth_users: BTreeMap<String, Secret>,
    /// Who may what, and by what else than a password they are known.
    pub narthex_access: Option<AccessConfig>,
}

/// How TLS is spoken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsServerConfig {
    /// The server's certificate and those between it and its authority, PEM.
    pub cert: String,
    /// Its key, PEM.
    pub key: Secret,
    /// The authorities that sign clients, PEM.
    pub client_ca: String,
    /// A file in place of `cert`.
    pub cert_file: PathBuf,
    /// A file in place of `key`.
    pub key_file: PathBuf,
    /// A file in place of `client_ca`.
    pub client_ca_file: PathBuf,
    /// What is asked of clients, in the names of Go's `tls.ClientAuthType`.
    pub client_auth_type: String,
    /// Subject alternative names, one of which a client's certificate must have.
    pub client_allowed_sans: Option<Vec<String>>,
    /// Cipher suites of TLS 1.2 in Go's names; none stands for all that there are.
    pub cipher_suites: Vec<String>,
    /// Groups for the key exchange in Go's names, best first; none stands for all.
    pub curve_preferences: Vec<String>,
    /// `TLS12` or `TLS13`.
    pub min_version: String,
    /// `TLS12` or `TLS13`.
    pub max_version: String,
    /// Whether the server's order of suites counts, and not the client's.
    pub prefer_server_cipher_suites: bool,
}

impl Default for TlsServerConfig {
    fn default() -> Self {
        Self {
            cert: String::new(),
            key: Secret::default(),
            client_ca: String::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            client_ca_file: PathBuf::new(),
            client_auth_type: String::new(),
            client_allowed_sans: None,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            min_version: "TLS12".to_owned(),
            max_version: "TLS13".to_owned(),
            prefer_server_cipher_suites: true,
        }
    }
}

impl TlsServerConfig {
    /// Whether TLS is asked for at all.
    pub fn is_enabled(&self) -> bool {
        let texts = [&self.cert, &self.client_ca, &self.client_auth_type];
        texts.iter().any(|text| !text.is_empty())
            || !self.key.is_empty()
            || self.files().any(|(_, file)| !file.as_os_str().is_empty())
    }

    /// The keys that name files, with the files.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [
            ("cert_file", self.cert_file.as_path()),
            ("key_file", self.key_file.as_path()),
            ("client_ca_file", self.client_ca_file.as_path()),
        ]
        .into_iter()
    }

    /// Relative files lie beside the configuration.
    pub fn set_directory(&mut self, directory: &Path) {
        let files = [
            &mut self.cert_file,
            &mut self.key_file,
            &mut self.client_ca_file,
        ];
        for file in files {
            if !file.as_os_str().is_empty() {
                *file = directory.join(&*file);
            }
        }
    }
}

/// What is not TLS of the connections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpServerConfig {
    /// Whether HTTP/2 is offered; only with TLS.
    pub http2: bool,
    /// Headers of every answer.
    pub headers: BTreeMap<String, String>,
}

impl Default for HttpServerConfig {
    fn default() -> Self {
        Self {
            http2: true,
            headers: BTreeMap::new(),
        }
    }
}

impl HttpServerConfig {
    /// Whether the headers are of those that may be set.
    pub(crate) fn check(&self) -> Result<(), WebConfigError> {
        for (name, value) in &self.headers {
            let known = HEADERS.iter().find(|(known, _)| known == name);
            let reason = match known {
                None => format!("HTTP header {name:?} can not be configured"),
                Some((_, values)) if !values.is_empty() && !values.contains(&value.as_str()) => {
                    format!(
                        "invalid value for {name}. Expected one of: {values:?}, but got: {value:?}"
                    )
                }
                Some(_) if value.bytes().any(|byte| byte < b' ' || byte == 0x7f) => {
                    format!("the value of {name} has a control character")
                }
                Some(_) => continue,
            };
            return Err(WebConfigError::value("http_server_config.headers", reason));
        }
        Ok(())
    }
}

/// How many requests are taken: one an interval, and so many at once after a rest.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateLimit {
    /// One more request is taken in each; zero takes all.
    #[serde(deserialize_with = "duration")]
    pub interval: Duration,
    /// So many are taken at once.
    pub burst: u32,
}

/// A duration as Go writes it: numbers with units, as `1m30s` or `1.5s`.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    go_duration(&text).ok_or_else(|| de::Error::custom(format!("invalid duration {text:?}")))
}

fn go_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(digits);
        let unit = behind.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, behind) = behind.split_at(unit.unwrap_or(behind.len()));
        let of_unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * of_unit;
        rest = behind;
    }
    match text.is_empty() {
        true => None,
        false => Duration::try_from_secs_f64(seconds).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_go_s() {
        let table = [
            ("0", Some(0)),
            ("1s", Some(1_000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1_500)),
            ("250ms", Some(250)),
            ("2h", Some(7_200_000)),
            ("", None),
            ("1", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
        ];
        for (text, ms) in table {
            assert_eq!(go_duration(text), ms.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn only_the_headers_of_the_format_can_be_set() {
        let table = [
            ("X-Frame-Options", "deny", ""),
            ("X-Frame-Options", "never", "Expected one of"),
            ("X-Content-Type-Options", "nosniff", ""),
            ("Strict-Transport-Security", "max-age=31536000", ""),
            ("Server", "mine", "\"Server\" can not be configured"),
            (
                "X-XSS-Protection",
                "1\r\nSet-Cookie: a",
                "control character",
            ),
        ];
        for (name, value, wanted) in table {
            let config = HttpServerConfig {
                headers: BTreeMap::from([(name.to_owned(), value.to_owned())]),
                ..HttpServerConfig::default()
            };
            match config.check() {
                Ok(()) => assert_eq!(wanted, "", "{name}: {value:?}"),
                Err(error) => {
                    assert!(!wanted.is_empty(), "{name}: {error}");
                    assert!(error.to_string().contains(wanted), "{name}: {error}");
                }
            }
        }
    }
}
