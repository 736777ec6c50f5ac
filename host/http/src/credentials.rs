//! The headers that say who asks. They are made anew for each request, so that a changed secret
//! file counts from the next one on.

use std::io::Read;
use std::path::Path;

use async_recursion::async_recursion as boxed;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::oauth2::TokenSource;
use crate::{BuildError, HttpConfig, Secret};

/// A secret file may be this large; a larger one is refused.
const SECRET_FILE_BYTES_MAX: u64 = 1 << 20;

/// The part of a configuration that becomes request headers.
#[derive(Debug, Clone)]
pub struct Credentials {
    config: HttpConfig,
    tokens: Option<TokenSource>,
}

impl Credentials {
    /// Credentials that nobody has shown yet.
    ///
    /// # Errors
    /// No client can be made that asks for tokens.
    pub fn new(config: &HttpConfig) -> Result<Self, BuildError> {
        Ok(Self {
            config: config.clone(),
            tokens: config.oauth2.as_ref().map(TokenSource::new).transpose()?,
        })
    }

    /// The headers for one request.
    ///
    /// # Errors
    /// A secret file cannot be read, or a value cannot stand in a header.
    #[boxed]
    pub async fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        for (name, header) in &self.config.http_headers {
            let name = name
                .parse::<HeaderName>()
                .map_err(|_| format!("net/http: invalid header field name {name:?}"))?;
            for value in &header.values {
                headers.append(&name, header_value(&name, value, false)?);
            }
            for secret in &header.secrets {
                headers.append(&name, header_value(&name, secret.expose(), true)?);
            }
            for file in &header.files {
                let secret = read_secret(file).await?;
                headers.append(&name, header_value(&name, secret.expose(), true)?);
            }
        }
        if let Some(value) = self.authorization().await? {
            headers.insert(AUTHORIZATION, header_value(&AUTHORIZATION, &value, true)?);
        }
        Ok(headers)
    }

    async fn authorization(&self) -> Result<Option<String>, String> {
        if let Some(basic) = &self.config.basic_auth {
            let user = match basic.username_file.as_str() {
                "" => Secret::new(basic.username.as_str()),
                file => read_secret(file).await?,
            };
            let password = match basic.password_file.as_str() {
                "" => basic.password.clone(),
                file => read_secret(file).await?,
            };
            let value = basic_authorization(user.expose(), password.expose());
            return Ok(Some(value));
        }
        if let Some(tokens) = &self.tokens {
            let value = tokens.authorization().await?;
            return Ok(Some(value.expose().to_owned()));
        }
        let Some(authorization) = &self.config.authorization else {
            return Ok(None);
        };
        let credentials = match authorization.credentials_file.as_str() {
            "" => authorization.credentials.clone(),
            file => read_secret(file).await?,
        };
        let scheme = match authorization.scheme.trim() {
            "" => "Bearer",
            scheme => scheme,
        };
        Ok(Some(format!("{scheme} {}", credentials.expose())))
    }
}

fn header_value(name: &HeaderName, value: &str, sensitive: bool) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| format!("net/http: invalid header field value for {name:?}"))?;
    value.set_sensitive(sensitive);
    Ok(value)
}

pub(crate) async fn read_secret(path: &str) -> Result<Secret, String> {
    let owned = path.to_owned();
    let read = tokio::task::spawn_blocking(move || read_bounded(Path::new(&owned)));
    match read.await {
        Ok(Ok(text)) => Ok(Secret::new(text.trim())),
        Ok(Err(error)) => Err(format!("unable to read file {path}: {error}")),
        Err(_) => Err(format!("unable to read file {path}: interrupted")),
    }
}

/// Reads a small file whole.
pub(crate) fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(SECRET_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_FILE_BYTES_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// The value of an `Authorization` header for a user and a password.
pub fn basic_authorization(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// Standard Base64 with padding (RFC 4648).
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            if at <= group.len() {
                let index = bits >> (18 - 6 * at) & 0x3f;
                text.push(char::from(ALPHABET[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authorization, BasicAuth, HttpHeader};

    #[test]
    fn base64_as_rfc_4648_has_it() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded, "{plain}");
        }
    }

    /// Each kind of file, with what the request shows of it. That of an OAuth2 client and those of TLS
    /// are in the tests beside their code.
    #[tokio::test]
    async fn a_secret_file_is_read_for_each_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let file = path.to_str().unwrap().to_owned();
        let basic = |basic: BasicAuth| HttpConfig {
            basic_auth: Some(basic),
            ..HttpConfig::default()
        };
        type Shown = fn(&str) -> String;
        let table: [(&str, HttpConfig, HeaderName, Shown); 4] = [
            (
                "credentials_file",
                HttpConfig {
                    authorization: Some(Authorization {
                        credentials_file: file.clone(),
                        ..Authorization::default()
                    }),
                    ..HttpConfig::default()
                },
                AUTHORIZATION,
                |secret| format!("Bearer {secret}"),
            ),
            (
                "password_file",
                basic(BasicAuth {
                    username: "ada".to_owned(),
                    password_file: file.clone(),
                    ..BasicAuth::default()
                }),
                AUTHORIZATION,
                |secret| basic_authorization("ada", secret),
            ),
            (
                "username_file",
                basic(BasicAuth {
                    username_file: file.clone(),
                    password: Secret::new("sesame"),
                    ..BasicAuth::default()
                }),
                AUTHORIZATION,
                |secret| basic_authorization(secret, "sesame"),
            ),
            (
                "http_headers files",
                HttpConfig {
                    http_headers: [(
                        "X-Key".to_owned(),
                        HttpHeader {
                            files: vec![file.clone()],
                            ..HttpHeader::default()
                        },
                    )]
                    .into(),
                    ..HttpConfig::default()
                },
                HeaderName::from_static("x-key"),
                str::to_owned,
            ),
        ];
        for (kind, config, header, shown) in table {
            let credentials = Credentials::new(&config).unwrap();
            for secret in ["one", "two"] {
                std::fs::write(&path, format!("{secret}\n")).unwrap();
                let headers = credentials.headers().await.unwrap();
                assert_eq!(headers[&header], shown(secret), "{kind}");
            }
            std::fs::remove_file(&path).unwrap();
            let error = credentials.headers().await.unwrap_err();
            assert!(error.starts_with("unable to read file"), "{kind}: {error}");
        }
    }

    #[tokio::test]
    async fn basic_authentication_and_own_headers() {
        let config = HttpConfig {
            basic_auth: Some(BasicAuth {
                username: "Aladdin".into(),
                password: Secret::new("open sesame"),
                ..BasicAuth::default()
            }),
            http_headers: [(
                "X-Tenant".to_owned(),
                HttpHeader {
                    values: vec!["a".into(), "b".into()],
                    ..HttpHeader::default()
                },
            )]
            .into(),
            ..HttpConfig::default()
        };
        let headers = Credentials::new(&config).unwrap().headers().await.unwrap();
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let tenants: Vec<_> = headers.get_all("x-tenant").iter().collect();
        assert_eq!(tenants, ["a", "b"]);
    }
}
