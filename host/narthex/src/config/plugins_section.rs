//! What does not hold within the section `plugins`, and where it stands.
//!
//! It is not: what holds, which its owners know.

use narthex_plugin::PluginsConfig;

use crate::yaml::{Fault, Places};

/// All faults of the section that was read from this text.
pub(super) fn faults(text: &str, plugins: &PluginsConfig) -> Vec<Fault> {
    let mut messages = plugins.faults();
    let follows = plugins
        .registry
        .as_ref()
        .filter(|registry| !registry.follow.is_empty());
    if follows.is_some() && plugins.directory.is_none() {
        let text = "to follow plugins it needs plugins.directory to put them into";
        messages.push(format!("plugins.registry: {text}"));
    }
    if messages.is_empty() {
        return Vec::new();
    }
    let places = Places::of(text);
    let faults = messages.into_iter().map(|message| {
        let pointer = pointer(&message);
        let place = places.as_ref().and_then(|places| places.find(&pointer));
        Fault::new(text, place, message)
    });
    faults.collect()
}

/// The JSON pointer of what a message begins with: `plugins.secrets.NAME: ...`.
fn pointer(message: &str) -> String {
    let path = message.split_once(": ").map_or("", |(path, _)| path);
    let depth = if path.starts_with("plugins.limits.per_plugin.") {
        4
    } else {
        3
    };
    let steps = path.splitn(depth, '.').map(|step| {
        let step = step.replace('~', "~0").replace('/', "~1");
        format!("/{step}")
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn every_fault_of_the_section_has_its_place() {
        for (text, expected) in [
            (
                "plugins:\n  secrets:\n    a.b: {}\n  limits:\n    per_plugin:\n      redis: {concurrency: 0}\n",
                vec![
                    "f.yml:3:10: plugins.secrets.a.b: exactly one of file and value",
                    "f.yml:6:14: plugins.limits.per_plugin.redis: timeout and concurrency",
                ],
            ),
            (
                "plugins:\n  grants:\n    redis: {tcp: [nonsense]}\n",
                vec!["f.yml:3:12: plugins.grants.redis: "],
            ),
            (
                "plugins:\n  registry:\n    url: r.example/n\n    require_signature: false\n    follow: [redis:1]\n\
                 scrape_configs:\n- scheme: ftp\n",
                vec![
                    "f.yml:3:5: plugins.registry: to follow plugins it needs plugins.directory",
                    "f.yml:7:3: job_name is empty",
                    "f.yml:7:11: invalid scheme",
                ],
            ),
        ] {
            let error = Config::parse(text, "f.yml").unwrap_err().to_string();
            for part in expected {
                assert!(error.contains(part), "{text}\n{error}\n{part}");
            }
        }
    }
}
