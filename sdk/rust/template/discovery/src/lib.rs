//! Finds targets in a list that a web server has: a line for each, host:port.

use narthex_sdk::{Discovery, Error, Group, http};

/// `config` under `plugin_sd_configs`; its schema is in plugin.toml.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    url: String,
}

/// One job; its fields live from refresh to refresh.
pub struct Plugin {
    config: Config,
}

narthex_sdk::export_discovery!(Plugin);

impl Discovery for Plugin {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        Ok(Self { config })
    }

    fn refresh(&mut self) -> Result<Vec<Group>, Error> {
        let url = &self.config.url;
        let response = http::send(&http::get(url))?.success(url)?;
        let mut group = Group::new(url).label("list", url);
        for address in response.text()?.split_whitespace() {
            group.add(address, &[]);
        }
        Ok(vec![group])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use narthex_sdk::fake::Host;

    #[test]
    fn every_line_is_a_target() {
        let url = "http://lists/all";
        Host::new().response(url, 200, "a:1\nb:2\n").install();
        let config = Config {
            url: url.to_owned(),
        };
        let groups = Plugin::init(config).unwrap().refresh().unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].targets.len(), 2);
        assert_eq!(
            groups[0].targets[1],
            [("__address__".to_owned(), "b:2".to_owned())]
        );
    }
}
