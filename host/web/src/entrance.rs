//! The configuration in force: which TLS a new connection gets, and whether a request may go on.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arc_swap::ArcSwap;
use rustls::ServerConfig;

use crate::files::Watched;
use crate::logins::{self, Logins};
use crate::rate::Bucket;
use crate::{WebConfig, WebConfigError, files, tls};

/// Reads the text of the file: the text and its name in, the configuration or a sentence out.
type Reader = Box<dyn Fn(&str, &str) -> Result<WebConfig, String> + Send + Sync>;

/// Whether a request may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted,
    /// It names no user with the right password: 401.
    Unauthorized,
    /// There are too many: 429.
    TooMany,
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
}

/// Where the configuration is from.
struct Source {
    path: PathBuf,
    read: Reader,
    watched: Mutex<Watched>,
}

/// What is in force.
#[derive(Default)]
struct Rules {
    config: WebConfig,
    tls: Option<Arc<ServerConfig>>,
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
        }
    }

    /// As a file says; `read` knows its syntax.
    ///
    /// # Errors
    /// The file, or one that it names, cannot be used.
    pub fn load(
        path: &Path,
        read: impl Fn(&str, &str) -> Result<WebConfig, String> + Send + Sync + 'static,
    ) -> Result<Self, WebConfigError> {
        let rules = Rules::load(path, &read)?;
        let source = Source {
            path: path.to_owned(),
            read: Box::new(read),
            watched: Mutex::new(Watched::new(rules.files(path))),
        };
        Ok(Self {
            source: Some(source),
            bucket: Bucket::new(rules.config.rate_limit, Instant::now()),
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
        self.current.load(Ordering::Relaxed)
    }

    /// The TLS of a new connection; none where plain HTTP is spoken.
    pub fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.refresh();
        self.rules.load().tls.clone()
    }

    /// Whether a request with this `Authorization` header may go on.
    pub async fn admit(&self, authorization: Option<&[u8]>) -> Admission {
        if let Some(bucket) = &self.bucket
            && !bucket.take(Instant::now())
        {
            return Admission::TooMany;
        }
        self.refresh();
        let rules = self.rules.load_full();
        let users = &rules.config.basic_auth_users;
        match users.is_empty() || self.logins.admits(users, authorization).await {
            true => Admission::Granted,
            false => Admission::Unauthorized,
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
        let loaded = Rules::load(&source.path, &source.read).and_then(|rules| {
            let same = rules.tls.is_some() == before.tls.is_some();
            let reason = "TLS cannot be turned on or off while the server runs";
            same.then_some(rules)
                .ok_or_else(|| WebConfigError::value("tls_server_config", reason))
        });
        let path = source.path.display();
        self.current.store(loaded.is_ok(), Ordering::Relaxed);
        match loaded {
            Ok(rules) => {
                *watched = Watched::new(rules.files(&source.path));
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

impl Rules {
    fn load(
        path: &Path,
        read: &(impl Fn(&str, &str) -> Result<WebConfig, String> + ?Sized),
    ) -> Result<Self, WebConfigError> {
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
        config.http_server_config.check()?;
        logins::check(&config.basic_auth_users)?;
        let tls = &config.tls_server_config;
        let tls = tls
            .is_enabled()
            .then(|| tls::server_config(tls, config.http_server_config.http2).map(Arc::new));
        Ok(Self {
            tls: tls.transpose()?,
            config,
        })
    }

    /// All files that it is made of.
    fn files(&self, path: &Path) -> Vec<PathBuf> {
        let named = self.config.tls_server_config.files();
        let named = named.map(|(_, file)| file.to_owned());
        let named = named.filter(|file| !file.as_os_str().is_empty());
        std::iter::once(path.to_owned()).chain(named).collect()
    }
}
