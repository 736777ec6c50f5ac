//! An nginx server, under nginx-prometheus-exporter's names: the page of its module `stub_status`,
//! or the API of NGINX Plus where the job says so.
//!
//! A server that does not answer as it should is `nginx_up 0`, or `nginxplus_up 0`.
//!
//! It is not: a reader of access logs.

mod plus;
mod stub_status;

use narthex_sdk::http::{Client, Scheme};
use narthex_sdk::{Batch, Error, Exporter, Target, log};
use serde::Deserialize;

use plus::Plus;

/// What a job can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the page of `stub_status` is.
    pub path: String,
    /// Where the API of NGINX Plus is; it is read in place of `stub_status` then.
    pub plus_api: Option<String>,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The TLS profile.
    pub tls: Option<String>,
    /// The user's name, for basic authentication.
    pub username: Option<String>,
    /// The name of the secret that is the password.
    pub password_secret: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "/stub_status".to_owned(),
            plus_api: None,
            scheme: Scheme::Http,
            tls: None,
            username: None,
            password_secret: None,
        }
    }
}

/// The exporter.
pub struct Nginx {
    client: Client,
    path: String,
    plus: Option<Plus>,
}

narthex_sdk::export!(Nginx);

impl Exporter for Nginx {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        for path in [Some(&config.path), config.plus_api.as_ref()] {
            if let Some(path) = path
                && !path.starts_with('/')
            {
                return Err(Error::Config(format!(
                    "the path {path:?} does not begin with /"
                )));
            }
        }
        let client = Client::new(config.scheme).tls(config.tls.as_deref());
        let (username, password) = (&config.username, &config.password_secret);
        Ok(Self {
            client: client.credentials(username.as_deref(), password.as_deref(), None)?,
            path: config.path,
            plus: config.plus_api.as_deref().map(Plus::new),
        })
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        // What was written before the server stopped answering is not kept.
        let mut found = Batch::new();
        let is_up = match self.ask(target, &mut found) {
            Ok(()) => {
                *batch = found;
                true
            }
            // The server is what is down, not the exporter: alerts look for `nginx_up`.
            Err(error) if error.is_of_target() => {
                log::warn("no answer", &[("error", error.message())]);
                false
            }
            Err(error) => return Err(error),
        };
        let name = match self.plus {
            Some(_) => "nginxplus_up",
            None => "nginx_up",
        };
        batch
            .gauge(name, "Whether the server answered.")
            .sample(&[], f64::from(u8::from(is_up)));
        Ok(())
    }
}

impl Nginx {
    fn ask(&self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        match &self.plus {
            Some(plus) => plus.collect(&self.client, target, batch),
            None => {
                let url = self.client.url(target, &self.path);
                let page = self.client.get(&url)?;
                stub_status::write(page.text()?, batch).map_err(|error| error.context(&url))
            }
        }
    }
}

#[cfg(test)]
mod tests;
