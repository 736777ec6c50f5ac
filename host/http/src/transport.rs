//! The connections of a client, made anew when a file changes that TLS was set up with.

use std::fmt;
use std::fs::Metadata;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use ring::rand::{SecureRandom, SystemRandom};

use crate::dialled::NoteDialled;
use crate::error::LookupError;
use crate::{BuildError, HttpConfig, TlsConfig, tls};

/// An unused connection is closed after this time, as in Prometheus.
const POOL_IDLE: Duration = Duration::from_secs(5 * 60);

/// A pool of connections.
#[derive(Clone)]
pub(crate) struct Transport(Arc<Inner>);

struct Inner {
    config: HttpConfig,
    /// The socket that every connection goes to, instead of the URL's host.
    socket: Option<PathBuf>,
    /// The files that TLS is set up with.
    files: Vec<String>,
    current: Mutex<Current>,
}

struct Current {
    client: reqwest::Client,
    made_of: Stamps,
}

/// What tells a file from what it was before; `None` where it cannot be looked at.
type Stamps = Vec<Option<(u64, i64, i64, u64)>>;

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

impl Transport {
    /// A pool without a connection.
    pub(crate) fn new(config: &HttpConfig) -> Result<Self, BuildError> {
        Self::with_socket(config, None)
    }

    /// The same, where every connection goes to a Unix socket if there is one.
    pub(crate) fn with_socket(
        config: &HttpConfig,
        socket: Option<PathBuf>,
    ) -> Result<Self, BuildError> {
        let files = config.tls_config.as_ref().map_or(Vec::new(), files);
        let made_of = stamps(&files);
        let client = client(config, socket.as_deref())?;
        Ok(Self(Arc::new(Inner {
            config: config.clone(),
            socket,
            files,
            current: Mutex::new(Current { client, made_of }),
        })))
    }

    /// The client for the next request. Where a file has changed, it is a new one; what is under
    /// way goes on over the old connections.
    pub(crate) async fn client(&self) -> Result<reqwest::Client, String> {
        if self.0.files.is_empty() {
            return Ok(self.0.lock().client.clone());
        }
        // Files are looked at where it may block.
        let inner = Arc::clone(&self.0);
        let followed = tokio::task::spawn_blocking(move || inner.follow()).await;
        followed.unwrap_or_else(|_| Err("interrupted".to_owned()))
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(&self) -> Result<reqwest::Client, String> {
        let made_of = stamps(&self.files);
        let mut current = self.lock();
        if current.made_of != made_of {
            let client = client(&self.config, self.socket.as_deref());
            let client = client.map_err(|error| error.to_string())?;
            *current = Current { client, made_of };
        }
        Ok(current.client.clone())
    }
}

fn files(tls: &TlsConfig) -> Vec<String> {
    let files = [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter();
    files.filter(|file| !file.is_empty()).cloned().collect()
}

fn stamps(files: &[String]) -> Stamps {
    let stamp = |found: Metadata| (found.ino(), found.mtime(), found.mtime_nsec(), found.size());
    let found = files.iter().map(|file| std::fs::metadata(file).ok());
    found.map(|found| found.map(stamp)).collect()
}

fn client(config: &HttpConfig, socket: Option<&Path>) -> Result<reqwest::Client, BuildError> {
    let tls = config.tls_config.clone().unwrap_or_default();
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(&tls, config.enable_http2)?)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_idle_timeout(POOL_IDLE)
        .dns_resolver(SystemResolver {
            is_spread: config.round_robin_dns,
        })
        .connector_layer(NoteDialled)
        .no_proxy();
    if !config.enable_http2 {
        builder = builder.http1_only();
    }
    if let Some(socket) = socket {
        builder = builder.unix_socket(socket);
    }
    for proxy in config.proxy().proxies(|name| std::env::var(name).ok())? {
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(BuildError::Client)
}

/// The system's resolver, with an error that can be told from a failed connection.
struct SystemResolver {
    /// Whether any of the addresses may come first.
    is_spread: bool,
}

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_spread = self.is_spread;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await;
            let found = found.map(Iterator::collect::<Vec<SocketAddr>>);
            match found {
                Ok(mut addresses) => {
                    if is_spread {
                        spread(&mut addresses);
                    }
                    Ok(Box::new(addresses.into_iter()) as Addrs)
                }
                Err(_) => Err(LookupError { host }.into()),
            }
        })
    }
}

/// Turns the addresses so that any of them comes first.
fn spread(addresses: &mut [SocketAddr]) {
    let mut random = [0; 8];
    // Without random numbers they stay as they are.
    if !addresses.is_empty() && SystemRandom::new().fill(&mut random).is_ok() {
        let turn = u64::from_le_bytes(random) % addresses.len() as u64;
        addresses.rotate_left(usize::try_from(turn).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn any_address_comes_first() {
        let all = ["10.0.0.1:80", "10.0.0.2:80", "[fd00::1]:80"];
        let all: Vec<SocketAddr> = all.iter().map(|text| text.parse().unwrap()).collect();
        let mut firsts = BTreeSet::new();
        // That one of three is never the first of so many has a chance of one in 10^30.
        for _ in 0..200 {
            let mut turned = all.clone();
            spread(&mut turned);
            firsts.insert(turned[0]);
            turned.sort();
            assert_eq!(turned, all);
        }
        assert_eq!(firsts.len(), all.len());
        spread(&mut []);
    }
}
