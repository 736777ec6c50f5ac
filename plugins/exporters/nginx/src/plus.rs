//! The API of NGINX Plus: objects of numbers, written as tables say.
//!
//! Parts that the server does not have (`stream` without a stream block) answer 404 and are left
//! out. Of each part all objects are read at once.

mod tables;

use narthex_sdk::http::{self, Client};
use narthex_sdk::{Batch, Error, MetricKind, Target};
use serde_json::{Map, Value};

use tables::{Field, PARTS, Part};

/// The newest version of the API that the tables are written for.
const VERSION_MAX: u32 = 9;

/// The oldest one.
const VERSION_MIN: u32 = 5;

/// Reads the API below a path.
pub(crate) struct Plus {
    path: String,
}

impl Plus {
    pub(crate) fn new(path: &str) -> Self {
        Self {
            path: path.trim_end_matches('/').to_owned(),
        }
    }

    pub(crate) fn collect(
        &self,
        client: &Client,
        target: &Target,
        batch: &mut Batch,
    ) -> Result<(), Error> {
        let version = self.version(client, target)?;
        for part in PARTS {
            let path = format!("{}/{version}/{}", self.path, part.path);
            let url = client.url(target, &path);
            let response = http::send(&client.request(&url))?;
            if response.status == 404 {
                continue;
            }
            let answer = response.success(&url)?.json::<Value>();
            write(part, &answer.map_err(|error| error.context(&url))?, batch);
        }
        Ok(())
    }

    /// The newest version that both sides know. Asked for every time: a job has several targets,
    /// and any may be upgraded.
    fn version(&self, client: &Client, target: &Target) -> Result<u32, Error> {
        let url = client.url(target, &format!("{}/", self.path));
        let versions: Vec<u32> = client
            .get(&url)?
            .json()
            .map_err(|error| error.context(&url))?;
        let known = |version: &u32| (VERSION_MIN..=VERSION_MAX).contains(version);
        versions.iter().copied().filter(known).max().ok_or_else(|| {
            Error::Protocol(format!(
                "{url}: versions {versions:?}, but this exporter knows {VERSION_MIN} to {VERSION_MAX}"
            ))
        })
    }
}

/// One object of numbers with its labels.
type Object<'a> = (Vec<(&'a str, &'a str)>, &'a Value);

/// Writes the families of a part.
fn write(part: &Part, answer: &Value, batch: &mut Batch) {
    let none = Map::new();
    let by_name = answer.as_object().unwrap_or(&none);
    let objects: Vec<Object<'_>> = match part.label {
        None => vec![(vec![], answer)],
        Some(label) => by_name
            .iter()
            .map(|(name, object)| (vec![(label, name.as_str())], object))
            .collect(),
    };
    write_fields(part.prefix, part.fields, &objects, batch);
    let Some((prefix, fields)) = part.peers else {
        return;
    };
    let mut peers: Vec<Object<'_>> = Vec::new();
    for (labels, object) in &objects {
        for peer in object["peers"].as_array().into_iter().flatten() {
            let server = peer["server"].as_str().unwrap_or_default();
            let labels = labels.iter().copied().chain([("server", server)]);
            peers.push((labels.collect(), peer));
        }
    }
    write_fields(prefix, fields, &peers, batch);
}

fn write_fields(prefix: &str, fields: &[&[Field]], objects: &[Object<'_>], batch: &mut Batch) {
    for field in fields.iter().copied().flatten() {
        let name = format!("{prefix}_{}", field.name);
        let mut samples: Vec<(Vec<(&str, &str)>, f64)> = Vec::new();
        for (labels, object) in objects {
            let value = match field.pointer {
                "" => object.get(field.name),
                pointer => object.pointer(pointer),
            };
            let Some(value) = value else {
                continue;
            };
            match value {
                // Responses by class: `{"2xx": 5, "codes": {...}, "total": 5}`.
                Value::Object(classes) => {
                    for (class, count) in classes.iter().filter(|(class, _)| class.ends_with("xx"))
                    {
                        let labels = labels.iter().copied().chain([("code", class.as_str())]);
                        let count = count.as_f64();
                        samples.extend(count.map(|count| (labels.collect(), count)));
                    }
                }
                Value::String(text) => {
                    samples.extend(state(text).map(|state| (labels.clone(), state)));
                }
                Value::Bool(flag) => samples.push((labels.clone(), f64::from(u8::from(*flag)))),
                _ => samples.extend(value.as_f64().map(|value| (labels.clone(), value))),
            }
        }
        if samples.is_empty() {
            continue;
        }
        let kind = match field.counts {
            true => MetricKind::Counter,
            false => MetricKind::Gauge,
        };
        let mut family = batch.family(kind, &name, field.help);
        for (labels, value) in samples {
            family.sample(&labels, value);
        }
    }
}

/// A peer's state as nginx-prometheus-exporter numbers it.
fn state(text: &str) -> Option<f64> {
    let states = ["up", "draining", "down", "unavail", "checking", "unhealthy"];
    let at = states.iter().position(|state| *state == text)?;
    Some((at + 1) as f64)
}
