//! The answers of Traefik's API: what is asked for, and the families that are about the proxy as
//! a whole.
//!
//! `/api/rawdata` has all routers, services and middlewares at one moment in one answer, where
//! the lists of `/api/http/routers` and the like come in pages.

use std::collections::BTreeMap;

use narthex_sdk::http::Client;
use narthex_sdk::{Batch, Error, Target};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::state::State;

/// Where the API is.
pub(crate) struct Api {
    url: Option<String>,
    base_path: String,
    pub(crate) objects_max: usize,
}

/// What it answered.
pub(crate) struct Answers {
    version: Version,
    overview: Overview,
    entrypoints: Vec<Entrypoint>,
    state: State,
}

#[derive(Deserialize)]
#[serde(default, rename_all = "PascalCase")]
#[derive(Default)]
struct Version {
    version: String,
    codename: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Overview {
    /// `{"tracing": "", "metrics": "Prometheus", "accessLog": false}`
    features: BTreeMap<String, Value>,
    providers: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entrypoint {
    name: String,
    address: String,
}

impl Api {
    pub(crate) fn new(url: Option<&str>, base_path: &str, objects_max: usize) -> Self {
        Self {
            url: url.map(|url| url.trim_end_matches('/').to_owned()),
            base_path: base_path.trim_end_matches('/').to_owned(),
            objects_max,
        }
    }

    /// Asks for everything.
    pub(crate) fn ask(&self, client: &Client, target: &Target) -> Result<Answers, Error> {
        Ok(Answers {
            version: self.get(client, target, "/api/version")?,
            overview: self.get(client, target, "/api/overview")?,
            entrypoints: self.get(client, target, "/api/entrypoints")?,
            state: self.get(client, target, "/api/rawdata")?,
        })
    }

    fn get<T: DeserializeOwned>(
        &self,
        client: &Client,
        target: &Target,
        path: &str,
    ) -> Result<T, Error> {
        let path = format!("{}{path}", self.base_path);
        let url = match &self.url {
            Some(url) => format!("{url}{path}"),
            None => client.url(target, &path),
        };
        let answer = client.get(&url)?.json();
        answer.map_err(|error| error.context(&url))
    }
}

impl Answers {
    pub(crate) fn write(&self, objects_max: usize, batch: &mut Batch) {
        let labels = [
            ("version", &*self.version.version),
            ("codename", &*self.version.codename),
        ];
        batch
            .gauge("traefik_api_version_info", "Always 1: which Traefik it is.")
            .sample(&labels, 1.0);
        let mut providers = batch.gauge(
            "traefik_api_provider_info",
            "Always 1: a provider of configuration that is on.",
        );
        for provider in &self.overview.providers {
            providers.sample(&[("provider", provider)], 1.0);
        }
        let mut features = batch.gauge(
            "traefik_api_feature_enabled",
            "Whether a feature is on: 1 or 0.",
        );
        for (feature, value) in &self.overview.features {
            let is_on = match value {
                Value::Bool(flag) => *flag,
                Value::String(text) => !text.is_empty(),
                _ => false,
            };
            features.sample(&[("feature", feature)], f64::from(u8::from(is_on)));
        }
        let mut entrypoints = batch.gauge(
            "traefik_api_entrypoint_info",
            "Always 1: an entry point and where it listens.",
        );
        for entrypoint in &self.entrypoints {
            let labels = [
                ("entrypoint", &*entrypoint.name),
                ("address", &*entrypoint.address),
            ];
            entrypoints.sample(&labels, 1.0);
        }
        self.state.write(objects_max, batch);
    }
}
