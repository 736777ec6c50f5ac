//! The configuration in force: which TLS a new connection gets, and whether a request may go on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use narthex_access::{Access, AccessConfig, Asking, Verdict};
use narthex_http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rustls::ServerConfig;

use crate::files::Watched;
use crate::logins::{self, Logins};
use crate::peer::Peer;
use crate::rate::Bucket;
use crate::{RateLimit, TlsServerConfig, WebConfig, WebConfigError, files, self_signed, tls};

/// Reads the configuration as its files are now.
type Reader = Box<dyn Fn() -> Result<WebConfig, WebConfigError> + Send + Sync>;

/// Makes of the section of our own what can be asked; the other argument says whether there are users
/// with passwords. Who only looks at a file makes nothing.
type Builder = Box<dyn Fn(&AccessConfig, bool) -> Result<Option<Access>, String> + Send + Sync>;

/// Whether a request may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted,
    /// It names no user with the right password: 401.
    Unauthorized,
    /// There are too many: 429.
    TooMany,
    /// The section of our own has refused it.
    Refused {
        /// Why.
        verdict: Verdict,
        /// Whether a password would do.
        by_password: bool,
    },
}

/// Where connections and requests come in.
///
/// Its files are looked at again for every connection and request, and what has changed counts from
/// then on; a file that is broken then leaves what was in force, and is logged once. Whether TLS is
/// spoken at all, and the rate, stay as they were at the start.
pub struct Entrance {
    source: Option<Source>,
    rules: ArcSwap<Rules>,
    current: AtomicBool,
    logins: Logins,
    bucket: Option<Bucket>,
    /// For probes with a password, which they may guess.
    probes: Option<Bucket>,
}

/// How often a probe with credentials is taken beside the rate of the file: those of a few kubelets and
/// load balancers.
const PROBES: RateLimit = RateLimit {
    interval: Duration::from_millis(100),
    burst: 20,
};

/// Where the configuration is from.
struct Source {
    path: PathBuf,
    read: Reader,
    build: Builder,
    watched: Mutex<Watched>,
}

/// What is in force.
#[derive(Default)]
struct Rules {
    config: WebConfig,
    tls: Option<Arc<ServerConfig>>,
    access: Option<Arc<Access>>,
}

impl Entrance {
    /// Plain HTTP for everybody.
    pub fn open() -> Self {
        Self {
            source: None,
            rules: ArcSwap::default(),
            current: AtomicBool::new(true),
            logins: Logins::default(),
            bucket: None,
            probes: None,
        }
    }

    /// As a file says: `read` knows its syntax (the text and its name in, the configuration or a
    /// sentence out), and `build` what the section `narthex_access` is made with.
    ///
    /// # Errors
    /// The file, or one that it names, cannot be used.
    pub fn load(
        path: &Path,
        read: impl Fn(&str, &str) -> Result<WebConfig, String> + Send + Sync + 'static,
        build: impl Fn(&AccessConfig, bool) -> Result<Option<Access>, String> + Send + Sync + 'static,
    ) -> Result<Self, WebConfigError> {
        let file = path.to_owned();
        let read = Box::new(move || read_file(&file, &read));
        Self::following(path, read, Box::new(build))
    }

    /// TLS for everybody: by the pair of files, or by a certificate that is made now for `name` where
    /// none is given. Clients are asked for certificates, at which somebody else looks.
    ///
    /// # Errors
    /// The files cannot be used.
    pub fn with_certificate(
        pair: Option<(PathBuf, PathBuf)>,
        name: &str,
    ) -> Result<Self, WebConfigError> {
        let mut tls = TlsServerConfig {
            client_auth_type: "RequestClientCert".to_owned(),
            ..TlsServerConfig::default()
        };
        let path = match pair {
            Some((cert_file, key_file)) => {
                tls.cert_file.clone_from(&cert_file);
                tls.key_file = key_file;
                cert_file
            }
            None => {
                let (cert, key) = self_signed::pair(name)?;
                tls.cert = cert;
                tls.key = narthex_http::Secret::new(key);
                PathBuf::new()
            }
        };
        let config = WebConfig {
            tls_server_config: tls,
            ..WebConfig::default()
        };
        let read = Box::new(move || Ok(config.clone()));
        Self::following(&path, read, Box::new(|_, _| Ok(None)))
    }

    fn following(path: &Path, read: Reader, build: Builder) -> Result<Self, WebConfigError> {
        let rules = Rules::load(read()?, &build, None)?;
        let source = Source {
            path: path.to_owned(),
            read,
            build,
            watched: Mutex::new(Watched::new(rules.files(path))),
        };
        let now = Instant::now();
        let bucket = Bucket::new(rules.config.rate_limit, now);
        Ok(Self {
            source: Some(source),
            probes: bucket.as_ref().and_then(|_| Bucket::new(PROBES, now)),
            bucket,
            rules: ArcSwap::from_pointee(rules),
            current: AtomicBool::new(true),
            logins: Logins::default(),
        })
    }

    /// Whether TLS is spoken.
    pub fn speaks_tls(&self) -> bool {
        self.rules.load().tls.is_some()
    }

    /// Whether the files as they are now are in force; false while one of them is broken.
    pub fn is_current(&self) -> bool {
        // Where nobody asks for a while, this alone looks.
        self.refresh();
        self.current.load(Ordering::Relaxed)
    }

    /// The TLS of a new connection; none where plain HTTP is spoken.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.refresh();
        self.rules.load().tls.clone()
    }

    /// Whether a request may go on; `path` is as it was sent.
    pub async fn admit(
        &self,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        peer: Option<&Peer>,
    ) -> Admission {
        // Who is restarted for its load has more of it afterwards.
        let bucket = match is_probe(method, path) {
            true if headers.contains_key(AUTHORIZATION) => self.probes.as_ref(),
            true => None,
            false => self.bucket.as_ref(),
        };
        if let Some(bucket) = bucket
            && !bucket.take(Instant::now())
        {
            return Admission::TooMany;
        }
        self.refresh();
        let rules = self.rules.load_full();
        let users = &rules.config.basic_auth_users;
        let authorization = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let user = match users.is_empty() {
            true => None,
            false => self.logins.user(users, authorization).await,
        };
        let Some(access) = &rules.access else {
            return match users.is_empty() || user.is_some() {
                true => Admission::Granted,
                false => Admission::Unauthorized,
            };
        };
        let asking = Asking {
            method,
            path,
            peer: peer.and_then(|peer| peer.address).map(|it| it.ip()),
            headers,
            user: user.as_deref(),
        };
        match access.judge(&asking).await {
            Verdict::Granted => Admission::Granted,
            verdict => Admission::Refused {
                verdict,
                by_password: !users.is_empty(),
            },
        }
    }

    /// Calls `set` with each header that every answer has.
    pub fn for_each_header(&self, mut set: impl FnMut(&str, &str)) {
        for (name, value) in &self.rules.load().config.http_server_config.headers {
            set(name, value);
        }
    }

    /// Looks at the files, and takes what has changed.
    fn refresh(&self) {
        let Some(source) = &self.source else {
            return;
        };
        // Who finds it locked is beside somebody who looks.
        let Ok(mut watched) = source.watched.try_lock() else {
            return;
        };
        if !watched.have_changed() {
            return;
        }
        let before = self.rules.load();
        let loaded = (source.read)();
        let loaded = loaded.and_then(|config| Rules::load(config, &source.build, Some(&**before)));
        let loaded = loaded.and_then(|rules| {
            let same = rules.tls.is_some() == before.tls.is_some();
            let reason = "TLS cannot be turned on or off while the server runs";
            same.then_some(rules)
                .ok_or_else(|| WebConfigError::value("tls_server_config", reason))
        });
        // A file that is being written is empty for a moment, and an empty one is a configuration.
        let loaded = loaded.and_then(|rules| {
            let closes = |config: &WebConfig| {
                config.narthex_access.is_some() || !config.basic_auth_users.is_empty()
            };
            let opens = closes(&before.config) && !closes(&rules.config)
                || before.config.narthex_access.is_some() && rules.config.narthex_access.is_none();
            let reason = "who may ask cannot be opened to everybody while the server runs";
            match opens {
                true => Err(WebConfigError::value("narthex_access", reason)),
                false => Ok(rules),
            }
        });
        let path = source.path.display();
        self.current.store(loaded.is_ok(), Ordering::Relaxed);
        match loaded {
            Ok(rules) => {
                watched.follow(rules.files(&source.path));
                self.rules.store(Arc::new(rules));
                tracing::info!(file = %path, "the web configuration was read again");
            }
            Err(error) => {
                tracing::error!(
                    file = %path, %error,
                    "the web configuration is broken; the one before stays in force"
                );
            }
        }
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.source.as_ref().map(|source| &source.path);
        f.debug_struct("Entrance").field("path", &path).finish()
    }
}

/// Whether a request asks how the server is; nothing that costs anything ends so, whatever stands before
/// it.
fn is_probe(method: &str, path: &str) -> bool {
    let reads = matches!(method, "GET" | "HEAD");
    reads
        && ["/-/healthy", "/-/ready"]
            .iter()
            .any(|probe| path.ends_with(probe))
}

/// The configuration of a file, with its paths made whole.
fn read_file(
    path: &Path,
    read: &impl Fn(&str, &str) -> Result<WebConfig, String>,
) -> Result<WebConfig, WebConfigError> {
    let file = |reason| WebConfigError::File {
        key: "web.config.file",
        path: path.to_owned(),
        reason,
    };
    let bytes = files::read(path).map_err(file)?;
    let text = String::from_utf8(bytes).map_err(|error| file(error.to_string()))?;
    let mut config = read(&text, &path.display().to_string()).map_err(WebConfigError::Read)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    config.tls_server_config.set_directory(directory);
    if let Some(access) = &mut config.narthex_access {
        access.set_directory(directory);
    }
    Ok(config)
}

impl Rules {
    /// What can be followed. A section that is what it was `before` goes on, with all that it remembers.
    fn load(
        config: WebConfig,
        build: &Builder,
        before: Option<&Self>,
    ) -> Result<Self, WebConfigError> {
        config.http_server_config.check()?;
        logins::check(&config.basic_auth_users)?;
        let tls = &config.tls_server_config;
        let tls = tls
            .is_enabled()
            .then(|| tls::server_config(tls, config.http_server_config.http2).map(Arc::new));
        let has_users = !config.basic_auth_users.is_empty();
        let same = before.filter(|before| {
            before.config.narthex_access == config.narthex_access
                && before.config.basic_auth_users.is_empty() != has_users
        });
        let access = match (&config.narthex_access, same) {
            (None, _) => None,
            (Some(_), Some(before)) => before.access.clone(),
            (Some(section), None) => build(section, has_users)
                .map_err(|reason| WebConfigError::value("narthex_access", reason))?
                .map(Arc::new),
        };
        Ok(Self {
            tls: tls.transpose()?,
            access,
            config,
        })
    }

    /// All files that it is made of.
    fn files(&self, path: &Path) -> Vec<PathBuf> {
        let named = self.config.tls_server_config.files();
        let named = named.map(|(_, file)| file.to_owned());
        let named = named.filter(|file| !file.as_os_str().is_empty());
        let own = (!path.as_os_str().is_empty()).then(|| path.to_owned());
        own.into_iter().chain(named).collect()
    }
}

#[cfg(test)]
mod tests;
