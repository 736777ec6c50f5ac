//! Branches of a routing tree that objects of a cluster bring: put into the config of the file, and
//! what is followed of both.
//!
//! It is not: what an object says (`narthex-operator`), nor who delivers for its receivers.

use anyhow::Context as _;
use narthex_alertmanager::{Config, PreparedConfig, RouteConfig};
use narthex_operator::{Fault, Routing};

/// What is followed, but for branches of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    /// What the file says.
    pub(super) config: Config,
    /// As its users may see it.
    pub(super) yaml: String,
    /// Why branches were left out.
    pub(super) refused: Vec<Fault>,
}

/// A config that can be followed.
pub(crate) struct ReadyAlertmanager {
    pub(super) prepared: PreparedConfig,
    pub(super) followed: Followed,
}

impl ReadyAlertmanager {
    pub(super) fn new(
        prepared: PreparedConfig,
        config: Config,
        yaml: String,
        refused: Vec<Fault>,
    ) -> Self {
        Self {
            prepared,
            followed: Followed {
                config,
                yaml,
                refused,
            },
        }
    }

    /// Why branches of a cluster were left out.
    pub(crate) fn refused(&self) -> &[Fault] {
        &self.followed.refused
    }
}

/// A config with branches before its own routes, as the Operator puts them.
pub(super) fn with_branches(config: &Config, branches: &[&Routing]) -> anyhow::Result<Config> {
    let mut config = config.clone();
    let mut routes = Vec::new();
    for branch in branches {
        if let Some(route) = &branch.route {
            let route: RouteConfig = serde_json::from_value(route.clone()).context("route")?;
            routes.push(route);
        }
        for receiver in &branch.receivers {
            let receiver = serde_json::from_value(receiver.clone());
            config.receivers.push(receiver.context("receivers")?);
        }
        for rule in &branch.inhibit_rules {
            let rule = serde_json::from_value(rule.clone());
            config.inhibit_rules.push(rule.context("inhibitRules")?);
        }
        for interval in &branch.time_intervals {
            let interval = serde_json::from_value(interval.clone());
            let interval = interval.context("muteTimeIntervals")?;
            config.time_intervals.push(interval);
        }
    }
    if let Some(root) = &mut config.route {
        routes.append(&mut root.routes);
        root.routes = routes;
    }
    Ok(config)
}
