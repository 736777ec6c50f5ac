//! Requests of HTTP/1.1 over a connection of the prober's own, so that each phase can be timed.

mod message;
mod url;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use narthex_sdk::http::Scheme;
use narthex_sdk::secrets::{self, Secret};
use narthex_sdk::tcp::Connection;
use narthex_sdk::{Batch, Error, clock};

use crate::address::{Address, Preference};
use crate::config::{self, HeaderMatch};
use crate::expression::fault;
use crate::failure::Failure;
use crate::time::http_date;
use crate::tls;
use message::{Head, read_body, read_head};
use url::Url;

/// So many redirects are followed; the one after them is the answer.
const REDIRECTS_MAX: u32 = 10;

/// The names of the phases, in the order of [`Seen::phases`].
const PHASES: [&str; 5] = ["resolve", "connect", "tls", "processing", "transfer"];

/// The prober.
pub(crate) struct Prober {
    config: config::Http,
    preference: Preference,
    credentials: Credentials,
}

/// What shows who asks; it goes to the target's own host only.
enum Credentials {
    None,
    Plain(String),
    /// The token is put in by the host.
    Bearer(Secret),
    Basic(String, Secret),
}

/// What a probe finds.
#[derive(Default)]
struct Seen {
    phases: [Duration; 5],
    redirects: u32,
    is_tls: bool,
    tls: Option<tls::Seen>,
    head: Option<Head>,
    /// Bytes of the body.
    length: u64,
}

impl Prober {
    pub(crate) fn new(config: config::Http) -> Result<Self, Error> {
        let both = fault("http: at most one of basic_auth, bearer_token and bearer_token_secret");
        let credentials = match (
            &config.basic_auth,
            &config.bearer_token,
            &config.bearer_token_secret,
        ) {
            (None, None, None) => Credentials::None,
            (None, Some(token), None) => Credentials::Plain(format!("Bearer {token}")),
            (None, None, Some(name)) => Credentials::Bearer(secrets::get(name)?),
            (Some(basic), None, None) => match (&basic.password, &basic.password_secret) {
                (Some(_), Some(_)) => {
                    let text = "http.basic_auth: at most one of password and password_secret";
                    return Err(fault(text));
                }
                (_, Some(name)) => Credentials::Basic(basic.username.clone(), secrets::get(name)?),
                (password, None) => {
                    let password = password.clone().unwrap_or_default();
                    Credentials::Plain(basic_header(&basic.username, &password))
                }
            },
            _ => return Err(both),
        };
        let headers = config.headers.iter();
        for text in headers
            .flat_map(|(name, value)| [name, value])
            .chain([&config.method, &config.path])
        {
            if text.contains(['\r', '\n']) {
                return Err(fault(format!("http: {text:?} has the end of a line in it")));
            }
        }
        Ok(Self {
            preference: Preference {
                protocol: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
            },
            credentials,
            config,
        })
    }

    pub(crate) fn probe(
        &self,
        target: &str,
        address: &mut Address,
        batch: &mut Batch,
    ) -> Result<(), Failure> {
        let mut seen = Seen::default();
        let result = self.run(target, address, &mut seen);
        Failure::write_expression(&result, batch);
        seen.write(batch);
        result
    }

    fn run(&self, target: &str, address: &mut Address, seen: &mut Seen) -> Result<(), Failure> {
        let is_secure = matches!(self.config.scheme, Scheme::Https);
        let first = Url::of_target(target, is_secure, &self.config.path)
            .ok_or_else(|| fault(format!("{target:?} is no URL of http or https")))?;
        let follows = self.config.follow_redirects.unwrap_or(true);
        let follows = follows && !self.config.no_follow_redirects;
        let (mut url, mut method) = (first.clone(), self.config.method.as_str());
        let mut body = self.config.body.as_str();
        let text = loop {
            let (head, text) = self.exchange(&url, &first, method, body, address, seen)?;
            let location = head.header("location").filter(|_| head.is_redirect());
            let next = location.map(|location| {
                let fault = || Error::Protocol(format!("a redirect to {location:?}"));
                url.join(location).ok_or_else(fault)
            });
            let status = head.status;
            seen.head = Some(head);
            match next {
                Some(next) if follows && seen.redirects < REDIRECTS_MAX => {
                    url = next?;
                    seen.redirects += 1;
                    if (301..=303).contains(&status) && method != "HEAD" {
                        (method, body) = ("GET", "");
                    }
                }
                _ => break text,
            }
        };
        match &seen.head {
            Some(head) => self.check(head, &text, seen.is_tls),
            None => Err(Failure::Check("no answer".to_owned())),
        }
    }

    /// One request and its answer.
    fn exchange(
        &self,
        url: &Url,
        first: &Url,
        method: &str,
        body: &str,
        address: &mut Address,
        seen: &mut Seen,
    ) -> Result<(Head, String), Failure> {
        seen.phases[0] += address.find(&url.host, self.preference)?;
        let mut clock = Clock(clock::monotonic());
        let mut connection = Connection::open(&url.host, url.port)?;
        seen.phases[1] += clock.lap();
        address.connected(&connection.peer(), self.preference)?;
        seen.is_tls = url.is_secure;
        if url.is_secure {
            // The name is the target's; another host shows a certificate of its own.
            let own_name = self.config.tls_config.server_name.as_deref();
            let name = own_name.filter(|_| url.host == first.host);
            connection.start_tls(&self.config.tls_profile, name)?;
            seen.phases[2] += clock.lap();
            seen.tls = tls::Seen::of(&connection)?;
        }
        self.send(&mut connection, url, first, method, body)?;
        let head = read_head(&mut connection)?;
        seen.phases[3] += clock.lap();
        let read = read_body(&mut connection, &head, method);
        seen.phases[4] += clock.lap();
        let body = read?;
        seen.length = body.len() as u64;
        Ok((head, String::from_utf8_lossy(&body).into_owned()))
    }

    fn send(
        &self,
        connection: &mut Connection,
        url: &Url,
        first: &Url,
        method: &str,
        body: &str,
    ) -> Result<(), Error> {
        let is_own = url.host == first.host;
        let set = |wanted: &str| {
            let mut names = self.config.headers.keys();
            names.any(|name| name.eq_ignore_ascii_case(wanted))
        };
        let mut text = format!("{method} {} HTTP/1.1\r\n", url.path);
        if !(set("host") && is_own) {
            text += &format!("Host: {}\r\n", url.authority());
        }
        if !set("user-agent") {
            text += "User-Agent: Narthex\r\n";
        }
        for (name, value) in &self.config.headers {
            if is_own || !name.eq_ignore_ascii_case("host") {
                text += &format!("{name}: {value}\r\n");
            }
        }
        if !body.is_empty() {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "Connection: close\r\n";
        let end = format!("\r\n{body}");
        match &self.credentials {
            Credentials::Plain(value) if is_own => {
                text += &format!("Authorization: {value}\r\n");
            }
            Credentials::Basic(user, secret) if is_own => {
                let value = basic_header(user, &secret.reveal()?);
                text += &format!("Authorization: {value}\r\n");
            }
            Credentials::Bearer(secret) if is_own => {
                text += "Authorization: Bearer ";
                let end = format!("\r\n{end}");
                return connection.write_secret(text.as_bytes(), secret, end.as_bytes());
            }
            _ => {}
        }
        connection.write((text + &end).as_bytes())
    }

    /// Whether the last answer is as it should be.
    fn check(&self, head: &Head, body: &str, is_tls: bool) -> Result<(), Failure> {
        let config = &self.config;
        let fail = |text: String| Err(Failure::Check(text));
        let valid = match config.valid_status_codes.as_slice() {
            [] => (200..300).contains(&head.status),
            codes => codes.contains(&head.status),
        };
        if !valid {
            return fail(format!("status {}", head.status));
        }
        for (specs, unwanted) in [
            (&config.fail_if_header_matches, true),
            (&config.fail_if_header_not_matches, false),
        ] {
            for spec in specs {
                check_header(head, spec, unwanted)?;
            }
        }
        for (expressions, unwanted) in [
            (&config.fail_if_body_matches_regexp, true),
            (&config.fail_if_body_not_matches_regexp, false),
        ] {
            if let Some(one) = expressions.iter().find(|one| one.is_in(body) == unwanted) {
                let verb = if unwanted {
                    "matches"
                } else {
                    "does not match"
                };
                return Err(Failure::Expression(format!("the body {verb} {one}")));
            }
        }
        let versions = &config.valid_http_versions;
        if !versions.is_empty() && !versions.contains(&head.version) {
            return fail(format!("the answer is of {}", head.version));
        }
        if is_tls && config.fail_if_ssl {
            return fail("the last connection is in TLS".to_owned());
        }
        if !is_tls && config.fail_if_not_ssl {
            return fail("the last connection is in the clear".to_owned());
        }
        Ok(())
    }
}

/// A header that matches, or one that does not, fails the probe.
fn check_header(head: &Head, spec: &HeaderMatch, unwanted: bool) -> Result<(), Failure> {
    let name = &spec.header;
    let mut values = head.headers(name).peekable();
    if values.peek().is_none() {
        return match spec.allow_missing {
            true => Ok(()),
            false => Err(Failure::Expression(format!("there is no header {name}"))),
        };
    }
    if values.any(|value| spec.regexp.is_in(value)) == unwanted {
        let verb = if unwanted {
            "matches"
        } else {
            "does not match"
        };
        let text = format!("the header {name} {verb} {}", spec.regexp);
        return Err(Failure::Expression(text));
    }
    Ok(())
}

fn basic_header(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// The time since the last look.
struct Clock(Duration);

impl Clock {
    fn lap(&mut self) -> Duration {
        let now = clock::monotonic();
        now.saturating_sub(std::mem::replace(&mut self.0, now))
    }
}

impl Seen {
    fn write(&self, batch: &mut Batch) {
        let mut family = batch.gauge(
            "probe_http_duration_seconds",
            "How long each phase took, over all redirects.",
        );
        for (phase, taken) in PHASES.iter().zip(self.phases) {
            family.sample(&[("phase", phase)], taken.as_secs_f64());
        }
        let head = self.head.as_ref();
        let of = |value: fn(&Head) -> f64| head.map_or(0.0, value);
        for (name, help, value) in [
            (
                "probe_http_content_length",
                "Length of the body as the header has it; -1: the header does not.",
                of(|head| head.length.map_or(-1.0, |length| length as f64)),
            ),
            (
                "probe_http_redirects",
                "Redirects that were followed.",
                f64::from(self.redirects),
            ),
            (
                "probe_http_ssl",
                "Whether the last connection was in TLS.",
                f64::from(u8::from(self.is_tls)),
            ),
            (
                "probe_http_status_code",
                "Status of the last answer.",
                of(|head| f64::from(head.status)),
            ),
            (
                "probe_http_uncompressed_body_length",
                "Length of the last answer's body.",
                self.length as f64,
            ),
            (
                "probe_http_version",
                "Version of HTTP of the last answer.",
                of(|head| {
                    let version = head.version.trim_start_matches("HTTP/");
                    version.parse().unwrap_or(0.0)
                }),
            ),
        ] {
            batch.gauge(name, help).sample(&[], value);
        }
        let modified = head.and_then(|head| http_date(head.header("last-modified")?));
        if let Some(modified) = modified {
            batch
                .gauge(
                    "probe_http_last_modified_timestamp_seconds",
                    "The header Last-Modified, since the Unix epoch.",
                )
                .sample(&[], modified as f64);
        }
        if let Some(tls) = &self.tls {
            tls.write(batch);
        }
    }
}
