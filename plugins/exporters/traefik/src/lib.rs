//! A Traefik proxy (version 3; 2 as far as its API is the same): its own metrics as they are, and
//! the state of routers, services, middlewares and servers, which its metrics do not have, from
//! its API.
//!
//! It is not: a reader of the Kubernetes objects behind that state. Where the API cannot be read,
//! the metrics are, and `traefik_api_up` is 0.

mod api;
mod state;

use narthex_sdk::http::{self, Client, Scheme};
use narthex_sdk::text::Filter;
use narthex_sdk::{Batch, Error, Exporter, Payload, Target, log};
use serde::Deserialize;

use api::Api;

/// What a job can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the metrics are.
    pub path: String,
    /// Whether the API is read.
    pub api: bool,
    /// Where the API is, up to and without `/api`: the target, unless it says something else.
    pub api_url: Option<String>,
    /// The `basePath` of Traefik's API, where it has one.
    pub api_base_path: String,
    /// How many routers, services and middlewares are named one by one, of each; those with
    /// faults come first.
    pub objects_max: usize,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// The TLS profile.
    pub tls: Option<String>,
    /// The user's name, for basic authentication.
    pub username: Option<String>,
    /// The name of the secret that is the password.
    pub password_secret: Option<String>,
    /// The name of the secret that is the bearer token.
    pub token_secret: Option<String>,
    /// What to keep of Traefik's own metrics.
    pub metrics: Filter,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            path: "/metrics".to_owned(),
            api: true,
            api_url: None,
            api_base_path: String::new(),
            objects_max: 500,
            scheme: Scheme::Http,
            tls: None,
            username: None,
            password_secret: None,
            token_secret: None,
            metrics: Filter::default(),
        }
    }
}

/// The exporter.
pub struct Traefik {
    client: Client,
    path: String,
    filter: Filter,
    api: Option<Api>,
}

narthex_sdk::export!(Traefik);

impl Exporter for Traefik {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        if !config.path.starts_with('/') {
            let text = format!("path {:?} does not begin with /", config.path);
            return Err(Error::Config(text));
        }
        let client = Client::new(config.scheme).tls(config.tls.as_deref());
        let client = client.credentials(
            config.username.as_deref(),
            config.password_secret.as_deref(),
            config.token_secret.as_deref(),
        )?;
        let api = Api::new(
            config.api_url.as_deref(),
            &config.api_base_path,
            config.objects_max,
        );
        Ok(Self {
            client,
            path: config.path,
            filter: config.metrics,
            api: config.api.then_some(api),
        })
    }

    fn payload(&mut self, target: &Target) -> Result<Payload, Error> {
        if self.filter.keeps_all() && self.api.is_none() {
            let stored = self.client.fetch(&self.client.url(target, &self.path))?;
            return Ok(http::payload(&stored));
        }
        self.collected(target)
    }

    fn collect(&mut self, target: &Target, batch: &mut Batch) -> Result<(), Error> {
        let url = self.client.url(target, &self.path);
        self.client.metrics(&url, &self.filter, batch)?;
        let Some(api) = &self.api else {
            return Ok(());
        };
        let answers = api.ask(&self.client, target);
        batch
            .gauge("traefik_api_up", "Whether the API answered.")
            .sample(&[], f64::from(u8::from(answers.is_ok())));
        match answers {
            Ok(answers) => answers.write(api.objects_max, batch),
            Err(error) => log::warn("the API did not answer", &[("error", error.message())]),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
