//! Branches of a routing tree that objects of a cluster bring, put into the config of the file.
//!
//! It is not: what an object says (`narthex-operator`), nor who delivers for its receivers.

use anyhow::Context as _;
use narthex_alertmanager::{Config, RouteConfig};
use narthex_operator::Routing;

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

#[cfg(test)]
mod tests {
    use narthex_alertmanager::MatcherMode;

    use super::super::load;
    use super::*;

    #[test]
    fn branches_of_a_cluster_come_before_the_routes_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alertmanager.yml");
        let text = "route: {receiver: r, routes: [{receiver: r}]}\nreceivers: [{name: r}]\n";
        std::fs::write(&file, text).unwrap();
        let (config, _) = load(&file, MatcherMode::default()).unwrap();
        let object = serde_json::json!({
            "metadata": {"namespace": "a", "name": "b"},
            "spec": {
                "route": {"receiver": "hook", "matchers": [{"name": "x", "value": "y"}]},
                "receivers": [{"name": "hook", "webhookConfigs": [{"url": "http://h/"}]}],
                "inhibitRules": [{"sourceMatch": [{"name": "s", "value": "t"}]}],
                "muteTimeIntervals": [{"name": "n", "timeIntervals": [
                    {"daysOfMonth": [{"start": 1, "end": -1}], "weekdays": ["monday"]}]}],
            },
        });
        let kind = narthex_operator::Kind::AlertmanagerConfig;
        let options = narthex_operator::Options::default();
        let secrets = narthex_operator::Secrets::default();
        let found = narthex_operator::translate([(kind, &object)], &options, &secrets);
        let branches: Vec<&Routing> = found.routings.iter().collect();
        let config = with_branches(&config, &branches).unwrap();
        config.check(MatcherMode::default()).unwrap();
        let root = config.route.clone().unwrap();
        let receivers = root.routes.iter().map(|route| route.receiver.as_str());
        assert_eq!(Vec::from_iter(receivers), ["a/b/hook", "r"]);
        let first = &root.routes[0];
        assert!(first.continues);
        assert_eq!(first.matchers, ["namespace=\"a\"", "x=\"y\""]);
        assert_eq!(config.receivers.len(), 2);
        // What is no receiver is said of the branch that has it.
        let mut broken = found.routings[0].clone();
        broken.receivers = vec![serde_json::json!({"name": "x", "pigeon_configs": []})];
        assert!(with_branches(&config, &[&broken]).is_err());
    }
}
