//! Services of a Consul catalog, of `consul_sd_configs`.
//!
//! What is looked at is asked for at an interval; within it, queries wait with Consul until
//! something changes: that of the service where it is the only one, otherwise that of all checks
//! and that of the catalog, which changes with every registration, in turn. Changes that follow
//! each other quickly are seen at the interval, as in Prometheus.
//!
//! It is not: who authenticates. The host's client does, as the entry of the configuration says.

mod api;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use narthex_sdk::{Discovery, Error, Group, clock, http, log};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use api::{Agent, Instance, Services};

/// The header with the state that an answer is of.
const INDEX_HEADER: &str = "x-consul-index";

/// The longest that Consul is asked to wait for a change, as in Prometheus.
const WAIT_LONGEST: Duration = Duration::from_secs(120);

/// Consul waits for longer than it is told by a sixteenth, so that not all come back at once.
const WAIT_MORE: u32 = 16;

/// The checks and the catalog wait in turn, each for about as long as this: so late is a change of
/// the other one seen.
const TURN: Duration = Duration::from_secs(2);

/// The shortest wait that can be asked for; none at all would be Consul's default of minutes.
const WAIT_SHORTEST: Duration = Duration::from_millis(1);

/// Leaves all checks out of an answer whose state alone is of interest.
const NO_CHECK: &str = "Status == none";

/// Beside the wait, an answer may take this long.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// The entry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Host and port of the API, a scheme before it or not; `unix:///path` is a socket.
    pub server: String,
    /// `http` or `https`.
    pub scheme: String,
    /// What stands before the paths of the API.
    pub path_prefix: String,
    /// The data center; the agent's where it is empty.
    pub datacenter: String,
    /// A namespace.
    pub namespace: String,
    /// An admin partition.
    pub partition: String,
    /// What stands between tags, and around all of them.
    pub tag_separator: String,
    /// Whether servers that do not lead may answer.
    pub allow_stale: bool,
    /// How often Consul is asked.
    pub refresh_interval_seconds: f64,
    /// The services; all where there are none.
    pub services: Vec<String>,
    /// Tags that an instance must have.
    pub tags: Vec<String>,
    /// Metadata that the node must have.
    pub node_meta: BTreeMap<String, String>,
    /// An expression over the catalog.
    pub filter: String,
    /// An expression over the instances of a service.
    pub health_filter: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server: "localhost:8500".to_owned(),
            scheme: "http".to_owned(),
            path_prefix: String::new(),
            datacenter: String::new(),
            namespace: String::new(),
            partition: String::new(),
            tag_separator: ",".to_owned(),
            allow_stale: true,
            refresh_interval_seconds: 30.0,
            services: Vec::new(),
            tags: Vec::new(),
            node_meta: BTreeMap::new(),
            filter: String::new(),
            health_filter: String::new(),
        }
    }
}

/// Asks Consul.
pub struct Consul {
    config: Config,
    base: String,
    /// Empty until the agent has said it.
    datacenter: String,
    /// The catalog's state.
    catalog_index: u64,
    /// That of all checks; 0 where nobody said it.
    checks_index: u64,
    /// The services that are looked at.
    watched: BTreeSet<String>,
    known: BTreeMap<String, Known>,
}

/// A service as it was seen last.
struct Known {
    index: u64,
    group: Group,
}

/// An answer, and the state that it is of.
struct Answer<T> {
    index: u64,
    value: T,
}

narthex_sdk::export_discovery!(Consul);

impl Discovery for Consul {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let prefix = config.path_prefix.trim_matches('/');
        let server = match config.server.split_once("://") {
            Some(("unix", _)) => "http://localhost".to_owned(),
            Some(("http" | "https", _)) => config.server.clone(),
            Some((other, _)) => {
                let text = format!("unknown protocol scheme: {other}");
                return Err(Error::Config(text));
            }
            None => format!("{}://{}", config.scheme, config.server),
        };
        let server = server.trim_end_matches('/');
        let base = match prefix {
            "" => server.to_owned(),
            prefix => format!("{server}/{prefix}"),
        };
        Ok(Self {
            datacenter: config.datacenter.clone(),
            base,
            config,
            catalog_index: 0,
            checks_index: 0,
            watched: BTreeSet::new(),
            known: BTreeMap::new(),
        })
    }

    /// A service that cannot be looked at keeps its group. It is an error where the catalog cannot
    /// be, or nothing is known of any service.
    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        if self.datacenter.is_empty() {
            self.datacenter = self.agents_datacenter()?;
        }
        if !self.needs_catalog() {
            self.watched = self.config.services.iter().cloned().collect();
        }
        if !self.is_alone() {
            self.await_change()?;
        }
        let mut last = None;
        for name in self.watched.clone() {
            if let Err(error) = self.look_at_service(&name) {
                let fields = [("service", name.as_str()), ("error", error.message())];
                log::warn("a service was not refreshed", &fields);
                last = Some(error);
            }
        }
        match last {
            Some(error) if self.known.is_empty() => Err(error),
            _ => Ok(self
                .known
                .values()
                .map(|known| known.group.clone())
                .collect()),
        }
    }
}

impl Consul {
    /// Whether the configuration alone does not say which services are looked at.
    fn needs_catalog(&self) -> bool {
        self.config.services.is_empty() || !self.config.tags.is_empty()
    }

    /// Whether one service is all that is looked at, so that its own query can wait.
    fn is_alone(&self) -> bool {
        !self.needs_catalog() && self.watched.len() == 1
    }

    /// Waits until the checks or the catalog are others, but not beyond the interval, and takes
    /// over which services there are. What is not known yet is asked for without waiting.
    fn await_change(&mut self) -> Result<(), Error> {
        let needs_catalog = self.needs_catalog();
        let wait = self.wait();
        if self.checks_index == 0 {
            // Before the services, so that no change after them goes by.
            self.look_at_checks(Duration::ZERO);
            if needs_catalog {
                self.look_at_catalog(wait)?;
            }
            return Ok(());
        }
        let rounds = match needs_catalog {
            true => wait.as_millis().div_ceil(2 * TURN.as_millis()).max(1),
            false => 1,
        };
        let turns = rounds * if needs_catalog { 2 } else { 1 };
        // The longest wait has some thirty rounds.
        let turn = wait / u32::try_from(turns).unwrap_or(u32::MAX);
        for _ in 0..rounds {
            if self.look_at_checks(turn) {
                // What is checked may be a service that the catalog did not have.
                self.catalog_index = 0;
            }
            if needs_catalog && self.look_at_catalog(turn)? {
                break;
            }
        }
        Ok(())
    }

    /// Waits for the checks to be others, and says whether they are. Where Consul does not say, the
    /// catalog alone is waited for.
    fn look_at_checks(&mut self, wait: Duration) -> bool {
        let mut parameters = self.parameters();
        parameters.push(("filter".to_owned(), NO_CHECK.to_owned()));
        let index = match wait.is_zero() {
            true => 0,
            false => self.checks_index,
        };
        let path = "/v1/health/state/any";
        let answer: Result<Answer<Vec<IgnoredAny>>, Error> =
            self.get(path, &parameters, index, wait);
        let before = self.checks_index;
        match answer {
            // A state that goes back is that of another server, and says nothing to wait for.
            Ok(answer) if answer.index < before => self.checks_index = 0,
            Ok(answer) => self.checks_index = answer.index,
            Err(error) => {
                let fields = [("error", error.message())];
                log::debug("the state of the checks is not known", &fields);
                self.checks_index = 0;
                return false;
            }
        }
        self.checks_index != before
    }

    fn agents_datacenter(&self) -> Result<String, Error> {
        let answer: Answer<Agent> = self
            .get("/v1/agent/self", &[], 0, Duration::ZERO)
            .map_err(|error| error.context("retrieving the datacenter's name"))?;
        match answer.value.config.datacenter {
            name if name.is_empty() => {
                let text = "the agent does not say its datacenter".to_owned();
                Err(Error::Protocol(text))
            }
            name => Ok(name),
        }
    }

    /// Waits for the catalog to be another, and takes over which services there are. Says whether
    /// it is another.
    fn look_at_catalog(&mut self, wait: Duration) -> Result<bool, Error> {
        let mut parameters = self.parameters();
        if !self.config.filter.is_empty() {
            parameters.push(("filter".to_owned(), self.config.filter.clone()));
        }
        let answer: Answer<Services> = self
            .get(
                "/v1/catalog/services",
                &parameters,
                self.catalog_index,
                wait,
            )
            .map_err(|error| error.context("refreshing the list of services"))?;
        // A state that goes back is that of another server, and says nothing to wait for.
        let is_older = answer.index < self.catalog_index;
        let is_other = answer.index != self.catalog_index;
        self.catalog_index = if is_older { 0 } else { answer.index };
        let wanted = answer
            .value
            .into_iter()
            .filter(|(name, tags)| self.is_wanted(name, tags.as_deref().unwrap_or_default()));
        self.watched = wanted.map(|(name, _)| name).collect();
        let watched = &self.watched;
        self.known.retain(|name, _| watched.contains(name));
        Ok(is_other)
    }

    fn is_wanted(&self, name: &str, tags: &[String]) -> bool {
        let services = &self.config.services;
        let is_named = services.is_empty() || services.iter().any(|own| own == name);
        is_named && self.config.tags.iter().all(|tag| tags.contains(tag))
    }

    fn look_at_service(&mut self, name: &str) -> Result<(), Error> {
        let mut parameters = self.parameters();
        let tags = self.config.tags.iter();
        parameters.extend(tags.map(|tag| ("tag".to_owned(), tag.clone())));
        if !self.config.health_filter.is_empty() {
            parameters.push(("filter".to_owned(), self.config.health_filter.clone()));
        }
        let before = self.known.get(name).map_or(0, |known| known.index);
        // Where it is one of several, its turn must not hold up the others'.
        let wait_index = if self.is_alone() { before } else { 0 };
        let path = format!("/v1/health/service/{}", http::encoded(name));
        let answer: Answer<Vec<Instance>> =
            self.get(&path, &parameters, wait_index, self.wait())?;
        if answer.index == before && before > 0 {
            return Ok(());
        }
        let group = targets::group(name, &self.datacenter, &self.config, &answer.value);
        let known = Known {
            index: answer.index,
            group,
        };
        self.known.insert(name.to_owned(), known);
        Ok(())
    }

    /// Of every query but that for the agent.
    fn parameters(&self) -> Vec<(String, String)> {
        let config = &self.config;
        let mut parameters = Vec::new();
        for (name, value) in [
            ("dc", &config.datacenter),
            ("ns", &config.namespace),
            ("partition", &config.partition),
        ] {
            if !value.is_empty() {
                parameters.push((name.to_owned(), value.clone()));
            }
        }
        if config.allow_stale {
            parameters.push(("stale".to_owned(), String::new()));
        }
        let meta = config.node_meta.iter();
        parameters.extend(meta.map(|(name, value)| {
            let pair = format!("{name}:{value}");
            ("node-meta".to_owned(), pair)
        }));
        parameters
    }

    /// Asks for something; with an index other than 0 Consul waits for so long until the state is
    /// another.
    fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        parameters: &[(String, String)],
        index: u64,
        wait: Duration,
    ) -> Result<Answer<T>, Error> {
        let mut parameters = parameters.to_vec();
        let mut timeout = ANSWER_TIMEOUT;
        if index > 0 {
            let wait = wait.max(WAIT_SHORTEST);
            timeout += wait + wait / WAIT_MORE;
            parameters.push(("index".to_owned(), index.to_string()));
            parameters.push(("wait".to_owned(), format!("{}ms", wait.as_millis())));
        }
        let pairs = parameters.iter().map(|(name, value)| (&**name, &**value));
        let query = http::query(pairs);
        let url = match query.as_str() {
            "" => format!("{}{path}", self.base),
            query => format!("{}{path}?{query}", self.base),
        };
        let response = http::send(&http::get(&url).timeout(timeout))?.success(path)?;
        let index = response.header(INDEX_HEADER);
        Ok(Answer {
            index: index.and_then(|text| text.parse().ok()).unwrap_or_default(),
            value: response.json().map_err(|error| error.context(path))?,
        })
    }

    /// The longest wait: not beyond the interval, nor longer than the call allows. Half of what it
    /// has left is enough for all that is asked without waiting.
    fn wait(&self) -> Duration {
        let interval = self.config.refresh_interval_seconds;
        let interval = Duration::from_secs_f64(interval.clamp(0.0, WAIT_LONGEST.as_secs_f64()));
        interval.min(clock::remaining() / 2)
    }
}

#[cfg(test)]
mod tests;
