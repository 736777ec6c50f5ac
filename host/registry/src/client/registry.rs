//! One registry: where it is, and what is asked of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use futures::StreamExt;
use narthex_http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LINK};
use narthex_http::{BodyLimit, HttpConfig};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Reference, RegistryOperation};
use serde::Deserialize;

use super::address::Address;
use super::attempt::retry;
use super::credentials::Credentials;
use super::error::RegistryError;
use super::index::{INDEX_REPOSITORY, INDEX_TAG, Index};
use crate::bounds::{IMAGE_BYTES_MAX, layer_bytes_max};
use crate::config::{RegistryConfig, is_tag};
use crate::contents::Installed;
use crate::digest::Digest;
use crate::error::PackageError;
use crate::image::{self, Image};
use crate::oci::{self, Descriptor, ImageManifest};
use crate::signature::Signature;

/// A connection that is not there after this time fails.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A registry that sends nothing for this long has failed.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// The largest list of tags, of one page.
const TAGS_BYTES_MAX: u64 = 1 << 20;
/// So many tags are asked for at once, and so many pages are read.
const TAGS_PER_PAGE: usize = 1000;
const TAG_PAGES_MAX: usize = 16;

/// A registry, and the path that the plugins' repositories lie under.
pub struct Registry {
    scheme: &'static str,
    address: Address,
    client: oci_client::Client,
    http: narthex_http::Client,
    auth: RegistryAuth,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Registry")
            .field(&self.address)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TagList {
    tags: Option<Vec<String>>,
}

impl Registry {
    /// Makes one of a configuration, with the credentials that it or the user's files have.
    ///
    /// # Errors
    /// The URL cannot be used, or credentials cannot be read.
    pub fn new(config: &RegistryConfig) -> Result<Self, RegistryError> {
        let address = Address::parse(&config.url)?;
        let credentials = Credentials::find(config, &address.host)?;
        Self::with_credentials(&config.url, config.insecure, credentials)
    }

    /// Makes one with these credentials.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn with_credentials(
        url: &str,
        insecure: bool,
        credentials: Option<Credentials>,
    ) -> Result<Self, RegistryError> {
        narthex_http::install_tls_provider();
        let address = Address::parse(url)?;
        let (scheme, protocol) = match insecure {
            true => ("http", ClientProtocol::Http),
            false => ("https", ClientProtocol::Https),
        };
        let config = ClientConfig {
            protocol,
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: "narthex",
            platform_resolver: None,
            ..ClientConfig::default()
        };
        let fault = |text: String| RegistryError::Config(format!("{url}: {text}"));
        let http = HttpConfig {
            // A token must not go to another host, and manifests are not redirected.
            follow_redirects: false,
            ..HttpConfig::default()
        };
        Ok(Self {
            scheme,
            client: oci_client::Client::try_from(config).map_err(|e| fault(e.to_string()))?,
            http: narthex_http::Client::new(&http).map_err(|e| fault(e.to_string()))?,
            auth: match credentials {
                Some(user) => RegistryAuth::Basic(user.username, user.password.expose().to_owned()),
                None => RegistryAuth::Anonymous,
            },
            address,
        })
    }

    /// Where the repository of a plugin is, without a tag.
    pub fn repository(&self, name: &str) -> String {
        self.address.repository(name)
    }

    /// The registry's host and port, which credentials are kept under.
    pub fn host(&self) -> &str {
        &self.address.host
    }

    /// What answers below a path of the protocol.
    fn url(&self, reference: &Reference, path: &str) -> String {
        let (host, repository) = (reference.resolve_registry(), reference.repository());
        format!("{}://{host}/v2/{repository}/{path}", self.scheme)
    }

    /// Asks the registry whether it knows the user.
    ///
    /// # Errors
    /// It does not, or gave no answer.
    #[boxed]
    pub async fn check_login(&self) -> Result<(), RegistryError> {
        let what = format!("log in to {}", self.host());
        let reference = self.address.reference("narthex", "latest");
        let url = format!("{}://{}/v2/", self.scheme, reference.resolve_registry());
        self.get(&what, &reference, &url, IMAGE_BYTES_MAX).await?;
        Ok(())
    }

    /// The tags of a plugin, without those of signatures.
    ///
    /// # Errors
    /// There is no such repository, or no answer came.
    #[boxed]
    pub async fn tags(&self, name: &str) -> Result<Vec<String>, RegistryError> {
        let what = format!("tags of {}", self.repository(name));
        let reference = self.address.reference(name, "latest");
        let base = self.url(&reference, &format!("tags/list?n={TAGS_PER_PAGE}"));
        let mut tags: Vec<String> = Vec::new();
        let mut url = base.clone();
        for _ in 0..TAG_PAGES_MAX {
            let (body, is_last) = self.get(&what, &reference, &url, TAGS_BYTES_MAX).await?;
            let list: TagList = serde_json::from_slice(&body)
                .map_err(|error| RegistryError::Refused(format!("{what}: {error}")))?;
            let page = list.tags.unwrap_or_default();
            let last = page.last().cloned().filter(|tag| is_tag(tag) && !is_last);
            tags.extend(page.into_iter().filter(|tag| is_tag(tag)));
            match last {
                Some(last) => url = format!("{base}&last={last}"),
                None => break,
            }
        }
        tags.retain(|tag| !Digest::is_signature_tag(tag));
        Ok(tags)
    }

    /// The digest that a tag leads to.
    ///
    /// # Errors
    /// There is no such tag, or no answer came.
    #[boxed]
    pub async fn resolve(&self, name: &str, tag: &str) -> Result<Digest, RegistryError> {
        Ok(Digest::of(&self.manifest(name, tag).await?))
    }

    /// The bytes of a manifest by tag or digest.
    async fn manifest(&self, name: &str, tag: &str) -> Result<Bytes, RegistryError> {
        let reference = self.address.reference(name, tag);
        let what = reference.whole();
        let url = self.url(&reference, &format!("manifests/{tag}"));
        let (bytes, _) = self.get(&what, &reference, &url, IMAGE_BYTES_MAX).await?;
        match tag.parse::<Digest>() {
            Ok(expected) if expected != Digest::of(&bytes) => Err(PackageError::Changed {
                what,
                expected,
                actual: Digest::of(&bytes),
            }
            .into()),
            _ => Ok(bytes),
        }
    }

    /// Pulls a package by tag or digest, with its signatures, which are not checked here.
    ///
    /// # Errors
    /// It is not there, a part is too large or is not what was promised, or no answer came.
    #[boxed]
    pub async fn pull(&self, name: &str, tag: &str) -> Result<Installed, RegistryError> {
        let image = self.image(name, tag).await?;
        let signatures = self.signatures(name, image.digest()).await?;
        let pulled = Installed::new(image, signatures)?;
        let inside = &pulled.package.manifest.name;
        if inside != name {
            let text = format!("{} holds plugin {inside:?}", self.repository(name));
            return Err(PackageError::Invalid(text).into());
        }
        Ok(pulled)
    }

    /// Pulls any image. The manifest is looked at before a blob is asked for, and no blob is read
    /// beyond the size that the manifest gave.
    async fn image(&self, name: &str, tag: &str) -> Result<Image, RegistryError> {
        let bytes = self.manifest(name, tag).await?;
        let manifest = ImageManifest::parse(&bytes)?;
        image::check_manifest(&manifest)?;
        let digest = Digest::of(&bytes);
        let mut blobs = BTreeMap::from([(digest, bytes)]);
        for layer in manifest.layers.iter().chain([&manifest.config]) {
            if let Entry::Vacant(place) = blobs.entry(layer.digest) {
                place.insert(self.blob(name, layer).await?);
            }
        }
        Ok(Image::read(&blobs, &digest)?)
    }

    /// The signatures of a package; none where there are none.
    ///
    /// # Errors
    /// They are damaged, or no answer came.
    #[boxed]
    pub async fn signatures(
        &self,
        name: &str,
        digest: Digest,
    ) -> Result<Vec<Signature>, RegistryError> {
        match self.image(name, &digest.signature_tag()).await {
            Ok(image) => Ok(Signature::from_image(&image)),
            Err(RegistryError::NotFound(_)) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn blob(&self, name: &str, layer: &Descriptor) -> Result<Bytes, RegistryError> {
        let reference = self.address.reference(name, "latest");
        let what = format!("{} of {}", image::name(layer), self.repository(name));
        retry(&what, || async {
            let host = reference.resolve_registry();
            self.client.store_auth_if_needed(host, &self.auth).await;
            let digest = layer.digest.to_string();
            let fault = |error| RegistryError::from_oci(&what, &error);
            let pulled = self
                .client
                .pull_blob_stream(&reference, digest.as_str())
                .await;
            let mut stream = pulled.map_err(fault)?;
            let bytes_max = layer.size.min(layer_bytes_max(&layer.media_type));
            let too_large = || PackageError::TooLarge {
                what: what.clone(),
                bytes_max,
            };
            if stream
                .content_length
                .is_some_and(|length| length > bytes_max)
            {
                return Err(too_large().into());
            }
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.next().await {
                let chunk = chunk.map_err(|error| from_stream(&what, &error))?;
                if bytes.len() as u64 + chunk.len() as u64 > bytes_max {
                    return Err(too_large().into());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.into())
        })
        .await
    }

    /// Pushes a package under tags. What the registry has is not sent again.
    ///
    /// # Errors
    /// The registry does not take it, or no answer came.
    #[boxed]
    pub async fn push(
        &self,
        name: &str,
        image: &Image,
        tags: &[String],
    ) -> Result<(), RegistryError> {
        let reference = self.address.reference(name, "latest");
        let what = format!("push to {}", self.repository(name));
        let host = reference.resolve_registry();
        self.client.store_auth_if_needed(host, &self.auth).await;
        for (digest, bytes) in image.blobs() {
            let digest = digest.to_string();
            retry(&what, || async {
                let there = self.client.blob_exists(&reference, &digest).await;
                if !there.is_ok_and(|there| there) {
                    let pushed = self.client.push_blob(&reference, bytes.clone(), &digest);
                    let fault = |error| RegistryError::from_oci(&what, &error);
                    pushed.await.map_err(fault)?;
                }
                Ok(())
            })
            .await?;
        }
        for tag in tags {
            let reference = self.address.reference(name, tag);
            let what = format!("push to {}", reference.whole());
            retry(&what, || async {
                let kind = HeaderValue::from_static(oci::MANIFEST_TYPE);
                let bytes = image.bytes().clone();
                let pushed = self.client.push_manifest_raw(&reference, bytes, kind);
                let fault = |error| RegistryError::from_oci(&what, &error);
                pushed.await.map(|_| ()).map_err(fault)
            })
            .await?;
            // A registry that changes manifests breaks every signature: better known now.
            if self.resolve(name, tag).await? != image.digest() {
                let text = format!("{what}: the registry changed the manifest");
                return Err(RegistryError::Refused(text));
            }
        }
        Ok(())
    }

    /// Adds a signature to those that a package has in the registry.
    ///
    /// # Errors
    /// The registry does not take it, or no answer came.
    #[boxed]
    pub async fn add_signature(
        &self,
        name: &str,
        digest: Digest,
        signature: Signature,
    ) -> Result<(), RegistryError> {
        let mut signatures = self.signatures(name, digest).await?;
        if !signatures.contains(&signature) {
            signatures.push(signature);
        }
        let image = Signature::image(&signatures)?;
        self.push(name, &image, &[digest.signature_tag()]).await
    }

    /// The registry's index of plugins, with its digest and signatures, which are not checked
    /// here. None where it has none.
    ///
    /// # Errors
    /// It is damaged, or no answer came.
    #[boxed]
    pub async fn index(&self) -> Result<Option<(Index, Digest, Vec<Signature>)>, RegistryError> {
        let image = match self.image(INDEX_REPOSITORY, INDEX_TAG).await {
            Ok(image) => image,
            Err(RegistryError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let signatures = self.signatures(INDEX_REPOSITORY, image.digest()).await?;
        Ok(Some((
            Index::from_image(&image)?,
            image.digest(),
            signatures,
        )))
    }

    /// Replaces the registry's index of plugins; a signature goes before it, so that nobody sees
    /// it unsigned.
    ///
    /// # Errors
    /// The registry does not take it, or no answer came.
    pub async fn push_index(
        &self,
        index: &Index,
        sign: impl FnOnce(Digest, &str) -> Result<Option<Signature>, PackageError>,
    ) -> Result<Digest, RegistryError> {
        let image = index.image()?;
        let reference = self.repository(INDEX_REPOSITORY);
        if let Some(signature) = sign(image.digest(), &reference)? {
            self.add_signature(INDEX_REPOSITORY, image.digest(), signature)
                .await?;
        }
        self.push(INDEX_REPOSITORY, &image, &[INDEX_TAG.to_owned()])
            .await?;
        Ok(image.digest())
    }

    /// GET with the registry's credentials; the body, and whether no further page follows.
    async fn get(
        &self,
        what: &str,
        reference: &Reference,
        url: &str,
        bytes_max: u64,
    ) -> Result<(Bytes, bool), RegistryError> {
        retry(what, || async {
            let token = self
                .client
                .auth(reference, &self.auth, RegistryOperation::Pull);
            let token = token.await;
            let token = token.map_err(|error| RegistryError::from_oci(what, &error))?;
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(oci::MANIFEST_TYPE));
            let authorization = match (token, &self.auth) {
                (Some(token), _) => Some(format!("Bearer {token}")),
                (None, RegistryAuth::Basic(user, password)) => Some(basic(user, password)),
                (None, _) => None,
            };
            if let Some(text) = authorization {
                let mut value = HeaderValue::from_str(&text)
                    .map_err(|_| RegistryError::Config("the credentials are no text".into()))?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            let unavailable = |text: String| RegistryError::Unavailable(format!("{what}: {text}"));
            let response = self.http.get(url, &headers).await;
            let response = response.map_err(|error| unavailable(error.to_string()))?;
            let (status, link) = (response.status().as_u16(), response.header(&LINK));
            let is_last = !link.contains("rel=\"next\"");
            // The limit is the first size that is refused.
            let body = response.body(BodyLimit::Bytes(bytes_max + 1)).await;
            match (status, body) {
                (200, Ok(body)) => Ok((body, is_last)),
                (200, Err(narthex_http::BodyError::TooLarge)) => Err(PackageError::TooLarge {
                    what: what.to_owned(),
                    bytes_max,
                }
                .into()),
                (200, Err(error)) => Err(unavailable(error.to_string())),
                (_, body) => {
                    let body = body.unwrap_or_default();
                    let body = String::from_utf8_lossy(&body);
                    Err(RegistryError::from_status(what, status, &body))
                }
            }
        })
        .await
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = format!("{user}:{password}");
    let text = base64::engine::general_purpose::STANDARD.encode(pair);
    format!("Basic {text}")
}

/// An error while a blob was read: the wrong content is not worth another try.
fn from_stream(what: &str, error: &std::io::Error) -> RegistryError {
    let cause = error.get_ref();
    let is_digest = cause.is_some_and(|cause| cause.is::<oci_client::errors::DigestError>());
    match is_digest {
        true => PackageError::Invalid(format!("{what} was changed or damaged: {error}")).into(),
        false => RegistryError::Unavailable(format!("{what}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// A registry that answers every request but the first step of a login without an end.
    async fn endless_registry() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut request = [0; 4096];
                    let read = stream.read(&mut request).await.unwrap_or(0);
                    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
                    if request[..read].starts_with(b"GET /v2/ ") {
                        let answer = format!("{head}Content-Length: 0\r\n\r\n");
                        let _ = stream.write_all(answer.as_bytes()).await;
                        return;
                    }
                    let _ = stream.write_all(format!("{head}\r\n").as_bytes()).await;
                    // Until nobody reads any more.
                    while stream.write_all(&[b' '; 4096]).await.is_ok() {}
                });
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_without_an_end_are_cut_off_at_their_bounds() {
        let address = endless_registry().await;
        let registry = Registry::with_credentials(&address, true, None).unwrap();
        let layer = Descriptor::of(oci::RULES_TYPE, b"groups: []");
        for (error, bytes_max) in [
            (
                registry.resolve("redis", "1").await.unwrap_err(),
                IMAGE_BYTES_MAX,
            ),
            (
                registry.pull("redis", "1").await.unwrap_err(),
                IMAGE_BYTES_MAX,
            ),
            (registry.tags("redis").await.unwrap_err(), TAGS_BYTES_MAX),
            (
                registry.blob("redis", &layer).await.unwrap_err(),
                layer.size,
            ),
        ] {
            let text = format!("is larger than {bytes_max} bytes");
            assert!(error.to_string().contains(&text), "{error}");
        }
    }

    #[tokio::test]
    async fn a_registry_that_is_not_there_is_unavailable() {
        // The port is taken, so that nobody else gets it, and nobody listens there.
        let deaf = TcpSocket::new_v4().unwrap();
        deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = deaf.local_addr().unwrap().to_string();
        let registry = Registry::with_credentials(&address, true, None).unwrap();
        let error = registry.tags("redis").await.unwrap_err();
        assert!(matches!(error, RegistryError::Unavailable(_)), "{error}");
        assert!(error.to_string().contains(&address), "{error}");
    }
}
