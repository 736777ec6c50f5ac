//! What an exporter of an HTTP API says in every request: scheme, TLS profile, credentials.

use serde::Deserialize;

use super::{Request, Response, Stored, fetch, get, send};
use crate::secrets::{self, Secret};
use crate::text::{self, Filter, Format, Parsed};
use crate::{Batch, Error, Target};

/// How a target is spoken to, for a field of a plugin's configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// In the clear.
    #[default]
    Http,
    /// In TLS.
    Https,
}

/// Sends GET requests that are alike. Made once, in `init`.
#[derive(Debug)]
pub struct Client {
    scheme: Scheme,
    tls: Option<String>,
    credentials: Credentials,
}

#[derive(Debug)]
enum Credentials {
    None,
    Basic(String, Secret),
    Bearer(Secret),
}

impl Client {
    /// One without credentials, for the system's authorities.
    pub fn new(scheme: Scheme) -> Self {
        Self {
            scheme,
            tls: None,
            credentials: Credentials::None,
        }
    }

    /// Sets the TLS profile of the operator's configuration.
    #[must_use]
    pub fn tls(mut self, profile: Option<&str>) -> Self {
        self.tls = profile.map(str::to_owned);
        self
    }

    /// Sets the credentials, from fields of the plugin's configuration: `Basic` of a user's name
    /// and the name of the secret that is the password, or `Bearer` of the secret of that name.
    ///
    /// # Errors
    /// A name stands without its password or the other way round; both kinds are there; the
    /// grant does not cover the secret.
    pub fn credentials(
        mut self,
        username: Option<&str>,
        password_secret: Option<&str>,
        token_secret: Option<&str>,
    ) -> Result<Self, Error> {
        self.credentials = match (username, password_secret, token_secret) {
            (None, None, None) => Credentials::None,
            (Some(username), Some(password), None) => {
                Credentials::Basic(username.to_owned(), secrets::get(password)?)
            }
            (None, None, Some(token)) => Credentials::Bearer(secrets::get(token)?),
            _ => {
                return Err(Error::Config(
                    "credentials are username and password_secret, or token_secret".to_owned(),
                ));
            }
        };
        Ok(self)
    }

    /// The URL of a path of a target; the path begins with `/`.
    pub fn url(&self, target: &Target, path: &str) -> String {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        format!("{scheme}://{}{path}", target.address)
    }

    /// A request with all that is alike.
    pub fn request<'a>(&'a self, url: &'a str) -> Request<'a> {
        let request = get(url).tls(self.tls.as_deref());
        match &self.credentials {
            Credentials::None => request,
            Credentials::Basic(username, password) => request.basic(username, password),
            Credentials::Bearer(token) => request.bearer(token),
        }
    }

    /// Sends one and reads the whole answer.
    ///
    /// # Errors
    /// As [`send`]; the status is not of the two hundreds.
    pub fn get(&self, url: &str) -> Result<Response, Error> {
        send(&self.request(url))?.success(url)
    }

    /// Sends one and leaves the body with the host.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn fetch(&self, url: &str) -> Result<Stored, Error> {
        fetch(&self.request(url))?.success(url)
    }

    /// Reads a page of metrics in a text format and writes what the filter keeps.
    ///
    /// # Errors
    /// As [`Self::get`]; as [`text::parse`], with the URL in front.
    pub fn metrics(&self, url: &str, filter: &Filter, batch: &mut Batch) -> Result<Parsed, Error> {
        let response = self.get(url)?;
        let format = Format::of(response.header("content-type"));
        text::parse(&response.body, format, filter, batch).map_err(|error| error.context(url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Host;

    fn target() -> Target {
        Target {
            address: "[::1]:80".to_owned(),
            labels: vec![],
            params: vec![],
        }
    }

    #[test]
    fn requests_carry_what_was_configured() {
        let url = "https://[::1]:80/metrics";
        Host::new()
            .secret("db", "s3")
            .response(url, 200, "up 1\n")
            .install();
        let client = Client::new(Scheme::Https).tls(Some("internal"));
        let client = client.credentials(Some("me"), Some("db"), None).unwrap();
        assert_eq!(client.url(&target(), "/metrics"), url);
        assert_eq!(client.get(url).unwrap().text().unwrap(), "up 1\n");
        assert_eq!(client.fetch(url).unwrap().length, 5);
        for sent in Host::requests() {
            assert_eq!(sent.tls.as_deref(), Some("internal"));
            let header = ("Authorization".to_owned(), "Basic me:s3".to_owned());
            assert_eq!(sent.headers, [header]);
        }
        let token = Client::new(Scheme::Http).credentials(None, None, Some("db"));
        assert!(token.unwrap().get("http://elsewhere/").is_err());
        let header = ("Authorization".to_owned(), "Bearer s3".to_owned());
        assert_eq!(Host::requests()[2].headers, [header]);
    }

    #[test]
    fn metrics_are_read_by_their_content_type() {
        let url = "http://[::1]:80/metrics";
        let page = |content_type: &str, body: &str| {
            let response = Response {
                status: 200,
                headers: vec![("Content-Type".to_owned(), content_type.to_owned())],
                body: body.as_bytes().to_vec(),
            };
            Host::new().respond(url, response).install();
            let mut batch = Batch::new();
            let parsed = Client::new(Scheme::Http).metrics(url, &Filter::default(), &mut batch)?;
            Ok::<_, Error>((parsed.kept, batch.to_text()))
        };
        let classic = page("text/plain; version=0.0.4", "up 1\n").unwrap();
        assert_eq!(classic, (1, "up 1\n".to_owned()));
        let open = "# TYPE hits counter\nhits_total 2\n# EOF\n";
        let open = page("application/openmetrics-text; version=1.0.0", open).unwrap();
        assert_eq!(open, (1, "hits_total 2\n".to_owned()));
        let error = page("text/plain", "up one\n").unwrap_err();
        assert!(error.message().starts_with(url), "{error:?}");
    }

    #[test]
    fn halves_of_credentials_are_faults_of_the_configuration() {
        Host::new().secret("db", "s3").install();
        for (username, password, token) in [
            (Some("me"), None, None),
            (None, Some("db"), None),
            (Some("me"), Some("db"), Some("db")),
            (Some("me"), None, Some("db")),
        ] {
            let client = Client::new(Scheme::Http).credentials(username, password, token);
            assert!(matches!(client, Err(Error::Config(_))));
        }
        let unknown = Client::new(Scheme::Http).credentials(None, None, Some("x"));
        assert!(matches!(unknown, Err(Error::Denied(_))));
    }
}
