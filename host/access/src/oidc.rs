//! Issuers of OpenID Connect: who they say somebody is, by keys that they publish.
//!
//! It is not: a login. Browsers and tools bring a token that they have got elsewhere.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use narthex_http::header::{ACCEPT, HeaderMap, HeaderValue};
use narthex_http::{BodyLimit, Client};
use narthex_kubernetes::User;
use serde::Deserialize;

use crate::config::OidcConfig;
use crate::jwt::{Key, Token};
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_TIMEOUT, GROUPS_MAX, KEYS_AGE, KEYS_PAUSE};

/// Names that belong to a cluster: nobody else may give them.
pub(crate) const RESERVED: &str = "system:";

/// One issuer.
#[derive(Debug)]
pub(crate) struct Issuer {
    config: OidcConfig,
    client: Client,
    published: Mutex<Published>,
    /// Held by who fetches them.
    fetching: tokio::sync::Mutex<()>,
}

/// The keys as they were published last.
#[derive(Debug, Default)]
struct Published {
    keys: Arc<Vec<Key>>,
    /// When they were fetched.
    fetched: Option<Instant>,
    /// When they were asked for, with or without success.
    asked: Option<Instant>,
    /// Why they could not be fetched the last time.
    trouble: Option<String>,
}

/// Why a token was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It does not count.
    Refused(String),
    /// The issuer does not say by which keys it signs.
    Unknown(String),
}

#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// An issuer that nobody has asked anything yet.
    ///
    /// # Errors
    /// No client can be made of what its section says.
    pub(crate) fn new(config: &OidcConfig) -> Result<Self, String> {
        let client = Client::new(&config.http_config()).map_err(|error| error.to_string())?;
        Ok(Self {
            // What is checked of a URL holds wherever it leads.
            client: client.refusing_redirects(redirect_fault),
            config: config.clone(),
            published: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        })
    }

    /// Whether a token says that it is from here.
    pub(crate) fn is(&self, issuer: &str) -> bool {
        self.config.issuer_url == issuer
    }

    /// Whose a token is; `now_seconds` is since the epoch.
    pub(crate) async fn user(&self, text: &str, now_seconds: f64) -> Result<User, TokenError> {
        let refused = |reason: &str| TokenError::Refused(reason.to_owned());
        let token = Token::parse(text).ok_or_else(|| refused("the token cannot be read"))?;
        let keys = self.keys_for(&token).await?;
        let claims = token.verify(&keys);
        let claims = claims.ok_or_else(|| refused("no key of the issuer has signed the token"))?;
        let config = &self.config;
        let fault = claims.fault(&config.issuer_url, &config.audiences, now_seconds);
        if let Some(fault) = fault {
            return Err(TokenError::Refused(fault));
        }
        let name = claims.text(&config.username_claim).unwrap_or_default();
        if name.is_empty() {
            let text = format!("the token has no text {:?}", config.username_claim);
            return Err(TokenError::Refused(text));
        }
        if config.username_claim == "email" && claims.denies("email_verified") {
            return Err(refused("the mail address of the token is not verified"));
        }
        let groups = match config.groups_claim.as_str() {
            "" => Vec::new(),
            claim => claims.texts(claim).ok_or_else(|| {
                TokenError::Refused(format!("{claim:?} of the token is no list of texts"))
            })?,
        };
        let prefixed = groups.into_iter().take(GROUPS_MAX);
        let prefixed = prefixed.map(|group| format!("{}{group}", config.groups_prefix));
        let user = User {
            name: format!("{}{name}", config.username_prefix),
            groups: prefixed.collect(),
            ..User::default()
        };
        own(user).ok_or_else(|| refused("the token names a user of the cluster"))
    }

    /// The keys that may have signed a token: those that are known, or new ones where none of them
    /// may, or they are too old. Nobody waits for new ones whose token the known ones will do for.
    async fn keys_for(&self, token: &Token<'_>) -> Result<Arc<Vec<Key>>, TokenError> {
        if let Some(known) = self.lock().usable(token) {
            return known;
        }
        let _turn = match self.fetching.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                let published = self.lock().keys.clone();
                if token.has_key(&published) {
                    return Ok(published);
                }
                self.fetching.lock().await
            }
        };
        // Somebody may have fetched them in the meantime.
        if let Some(known) = self.lock().usable(token) {
            return known;
        }
        let fetched = self.fetch().await;
        let (mut published, now) = (self.lock(), Instant::now());
        published.asked = Some(now);
        match fetched {
            Ok(keys) => {
                published.keys = Arc::new(keys);
                published.fetched = Some(now);
                published.trouble = None;
            }
            Err(error) => {
                let issuer = &self.config.issuer_url;
                if published.trouble.is_none() {
                    tracing::error!(issuer, %error, "the keys of an issuer cannot be fetched");
                }
                published.trouble = Some(error);
            }
        }
        published.known()
    }

    fn lock(&self) -> MutexGuard<'_, Published> {
        let published = self.published.lock();
        published.unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self) -> Result<Vec<Key>, String> {
        let issuer = &self.config.issuer_url;
        let place = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let found = self.document(&place).await?;
        let found: Discovery =
            serde_json::from_slice(&found).map_err(|error| format!("{place}: {error}"))?;
        if found.issuer != *issuer {
            return Err(format!("{place} is of the issuer {:?}", found.issuer));
        }
        if let Some(fault) = url_fault(&found.jwks_uri) {
            return Err(format!("{place}: jwks_uri: {fault}"));
        }
        let keys = self.document(&found.jwks_uri).await?;
        Key::all_of(&keys).map_err(|error| format!("{}: {error}", found.jwks_uri))
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let asked = async {
            let response = self.client.get(url, &headers).await;
            let response = response.map_err(|error| error.to_string())?;
            let status = response.status();
            if !status.is_success() {
                return Err(format!("{url}: the answer is {status}"));
            }
            let body = response.body(BodyLimit::Bytes(DOCUMENT_BYTES_MAX)).await;
            let body = body.map_err(|error| format!("{url}: {error}"))?;
            Ok(body.to_vec())
        };
        let answer = tokio::time::timeout(DOCUMENT_TIMEOUT, asked).await;
        answer.unwrap_or_else(|_| Err(format!("{url}: no answer after {DOCUMENT_TIMEOUT:?}")))
    }
}

impl Published {
    /// What a token is verified by without asking anybody; `None` where the issuer has to be asked.
    fn usable(&self, token: &Token<'_>) -> Option<Result<Arc<Vec<Key>>, TokenError>> {
        let now = Instant::now();
        let within = |at: Option<Instant>, age: Duration| {
            at.is_some_and(|at| now.saturating_duration_since(at) < age)
        };
        let is_fresh = within(self.fetched, KEYS_AGE) && token.has_key(&self.keys);
        (is_fresh || within(self.asked, KEYS_PAUSE)).then(|| self.known())
    }

    /// Keys that were fetched once are known, even where the issuer is silent now.
    fn known(&self) -> Result<Arc<Vec<Key>>, TokenError> {
        match (&self.fetched, &self.trouble) {
            (None, Some(trouble)) => Err(TokenError::Unknown(trouble.clone())),
            (None, None) => Err(TokenError::Unknown(
                "the keys of the issuer were not fetched yet".to_owned(),
            )),
            (Some(_), _) => Ok(Arc::clone(&self.keys)),
        }
    }
}

/// A user whom somebody else than the cluster names: none of the cluster's own names counts.
pub(crate) fn own(mut user: User) -> Option<User> {
    user.groups.retain(|group| !group.starts_with(RESERVED));
    (!user.name.starts_with(RESERVED)).then_some(user)
}

/// Why a URL cannot be one of an issuer. What says who somebody is must not be changed on its way.
pub(crate) fn url_fault(url: &str) -> Option<String> {
    if url.starts_with("https://") {
        return None;
    }
    let host = url.strip_prefix("http://").unwrap_or("");
    let host = host.split(['/', '?', '#']).next().unwrap_or("");
    let host = match host.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
        _ => host,
    };
    let is_here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    (!is_here).then(|| format!("{url:?} must begin with https://"))
}

/// Why an issuer cannot lead from one URL to another. Who is asked by TLS leads nowhere without it, not
/// even on this machine.
fn redirect_fault(from: &str, to: &str) -> Option<String> {
    let was_safe = from.starts_with("https://");
    match was_safe && !to.starts_with("https://") {
        true => Some(format!("{to:?} must begin with https://")),
        false => url_fault(to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_by_tls_or_from_this_machine() {
        for (url, is_right) in [
            ("https://issuer.example.org", true),
            ("http://127.0.0.1:8080/realm", true),
            ("http://localhost/", true),
            ("http://[::1]:80", true),
            ("http://issuer.example.org", false),
            ("http://localhost.example.org", false),
            ("http://localhost:1@example.org", false),
            ("file:///etc/passwd", false),
            ("", false),
        ] {
            assert_eq!(url_fault(url).is_none(), is_right, "{url}");
        }
    }

    #[tokio::test]
    async fn keys_come_from_nowhere_that_a_redirect_without_tls_leads_to() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                head.extend(byte);
            }
            let answer = "HTTP/1.1 302 Found\r\nLocation: http://issuer.example.org/keys\r\n\
                          Content-Length: 0\r\nConnection: close\r\n\r\n";
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let issuer = Issuer::new(&OidcConfig {
            issuer_url: url.clone(),
            ..OidcConfig::default()
        });
        let error = issuer.unwrap().document(&url).await.unwrap_err();
        let expected = "a redirect is not followed: \"http://issuer.example.org/keys\" must \
                        begin with https://";
        assert!(error.contains(expected), "{error}");
        answering.join().unwrap();
    }

    #[test]
    fn nothing_leads_away_from_tls() {
        for (from, to, is_right) in [
            ("https://a", "https://b", true),
            ("https://a", "http://a", false),
            ("https://a", "http://localhost", false),
            ("http://localhost", "http://127.0.0.1", true),
            ("http://localhost", "https://b", true),
            ("http://localhost", "http://b", false),
        ] {
            assert_eq!(redirect_fault(from, to).is_none(), is_right, "{from} {to}");
        }
    }

    #[test]
    fn nobody_but_the_cluster_names_its_users() {
        let user = |name: &str, groups: &[&str]| User {
            name: name.to_owned(),
            groups: groups.iter().map(|it| (*it).to_owned()).collect(),
            ..User::default()
        };
        assert_eq!(own(user("system:admin", &[])), None);
        let kept = own(user("ada", &["dev", "system:masters"])).unwrap();
        assert_eq!(kept, user("ada", &["dev"]));
    }
}
