use async_trait::async_trait;
use narthex_model::PluginSettings;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::task::yield_now;

use super::*;
use crate::{ADDRESS_LABEL, PluginSdConfig};

type Sender = mpsc::Sender<Vec<TargetGroup>>;

/// Discoverers that say what the test tells them to.
#[derive(Clone, Default)]
struct Puppets(Arc<Mutex<BTreeMap<String, Sender>>>);

struct Puppet {
    name: String,
    senders: Puppets,
}

#[async_trait]
impl Discoverer for Puppet {
    async fn run(&self, sender: Sender) {
        let name = self.name.clone();
        self.senders.0.lock().unwrap().insert(name, sender);
        std::future::pending().await
    }
}

impl Puppets {
    async fn say(&self, name: &str, groups: &[(&str, usize)]) {
        while !self.0.lock().unwrap().contains_key(name) {
            yield_now().await;
        }
        let sender = self.0.lock().unwrap()[name].clone();
        let groups = groups
            .iter()
            .map(|(source, targets)| group(source, *targets));
        sender.send(groups.collect()).await.unwrap();
        // What was sent is taken when there is room for a whole queue again.
        while sender.capacity() < UPDATES_MAX {
            yield_now().await;
        }
    }
}

fn group(source: &str, targets: usize) -> TargetGroup {
    let address = |n: usize| BTreeMap::from([(ADDRESS_LABEL.to_owned(), n.to_string())]);
    TargetGroup {
        source: source.to_owned(),
        targets: (0..targets).map(address).collect(),
        labels: BTreeMap::new(),
    }
}

struct World {
    puppets: Puppets,
    metrics: SdMetrics,
    registry: Registry,
    providers: Option<Providers>,
}

impl World {
    fn new() -> Self {
        let mut registry = Registry::default();
        Self {
            puppets: Puppets::default(),
            metrics: SdMetrics::register("scrape", &mut registry),
            registry,
            providers: None,
        }
    }

    /// Entries of these plugins; behind a colon their settings.
    fn reload(&mut self, entries: &[&str]) -> Result<(), Vec<DiscovererError>> {
        let configs = entries.iter().map(|entry| {
            let (plugin, config) = entry.split_once(':').unwrap_or((entry, ""));
            SdConfig::Plugin(PluginSdConfig {
                plugin: plugin.to_owned(),
                config: Some(PluginSettings::from(json!(config))),
                ..PluginSdConfig::default()
            })
        });
        let senders = self.puppets.clone();
        let build = move |_: &str, entry: &SdConfig| match entry.plugin().unwrap_or_default() {
            "broken" => Err("no such plugin".to_owned()),
            name => Ok(Arc::new(Puppet {
                name: name.to_owned(),
                senders: senders.clone(),
            }) as Arc<dyn Discoverer>),
        };
        let plan = Providers::plan("j", configs.collect(), self.providers.as_ref(), &build)?;
        let before = self.providers.take();
        self.providers = Some(Providers::start(plan, before, &self.metrics));
        Ok(())
    }

    fn sources(&self) -> Vec<String> {
        let groups = self.providers.as_ref().unwrap().groups().into_iter();
        groups
            .map(|group| format!("{} {}", group.source, group.targets.len()))
            .collect()
    }
}

#[tokio::test]
async fn groups_come_and_go_source_by_source() {
    let mut world = World::new();
    world.reload(&["a", "b"]).unwrap();
    let puppets = world.puppets.clone();
    for (name, said, expected) in [
        (
            "a",
            &[("x", 1), ("y", 2)][..],
            &["j/plugin_sd/0/x 1", "j/plugin_sd/0/y 2"][..],
        ),
        (
            "b",
            &[("x", 3)],
            &[
                "j/plugin_sd/0/x 1",
                "j/plugin_sd/0/y 2",
                "j/plugin_sd/1/x 3",
            ],
        ),
        (
            "a",
            &[("y", 0)],
            &["j/plugin_sd/0/x 1", "j/plugin_sd/1/x 3"],
        ),
        ("a", &[], &["j/plugin_sd/0/x 1", "j/plugin_sd/1/x 3"]),
        (
            "a",
            &[("x", 2)],
            &["j/plugin_sd/0/x 2", "j/plugin_sd/1/x 3"],
        ),
    ] {
        puppets.say(name, said).await;
        assert_eq!(world.sources(), expected);
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &world.registry).unwrap();
    let line = "prometheus_sd_received_updates_total{name=\"scrape\"} 5";
    assert!(text.lines().any(|found| found == line), "{text}");
}

#[tokio::test]
async fn a_changed_entry_keeps_what_was_found_until_its_first_word() {
    let mut world = World::new();
    let puppets = world.puppets.clone();
    world.reload(&["a", "b"]).unwrap();
    puppets.say("a", &[("x", 1)]).await;
    puppets.say("b", &[("y", 1)]).await;
    puppets.0.lock().unwrap().clear();
    // The one goes on in another place, the other is replaced, twice before it said a word.
    world.reload(&["c", "a"]).unwrap();
    let both = ["j/plugin_sd/1/y 1", "j/plugin_sd/0/x 1"];
    assert_eq!(world.sources(), both);
    world.reload(&["d", "a"]).unwrap();
    assert_eq!(world.sources(), both);
    puppets.say("d", &[("z", 1)]).await;
    assert_eq!(world.sources(), ["j/plugin_sd/1/z 1", "j/plugin_sd/0/x 1"]);
    world.reload(&["d:changed", "a"]).unwrap();
    assert_eq!(world.sources(), ["j/plugin_sd/1/z 1", "j/plugin_sd/0/x 1"]);
    let is_restarted = puppets.0.lock().unwrap().contains_key("a");
    assert!(
        !is_restarted,
        "an entry that did not change was begun again"
    );
    world.reload(&[]).unwrap();
    assert!(world.sources().is_empty());
}

#[tokio::test]
async fn entries_without_a_discoverer_are_all_named_and_change_nothing() {
    let mut world = World::new();
    world.reload(&["a"]).unwrap();
    world.puppets.say("a", &[("x", 1)]).await;
    let errors = world.reload(&["broken", "a", "broken:2"]).unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "error creating plugin_sd/0 of job \"j\": no such plugin",
            "error creating plugin_sd/2 of job \"j\": no such plugin",
        ]
    );
    assert_eq!(world.sources(), ["j/plugin_sd/0/x 1"]);
}

#[tokio::test]
async fn groups_beyond_the_bound_are_left_out() {
    let mut world = World::new();
    world.reload(&["a"]).unwrap();
    let sources: Vec<String> = (0..=GROUPS_MAX).map(|n| format!("{n:06}")).collect();
    let all: Vec<_> = sources.iter().map(|source| (source.as_str(), 1)).collect();
    world.puppets.say("a", &all).await;
    assert_eq!(world.sources().len(), GROUPS_MAX);
    // There is room again where one goes.
    world.puppets.say("a", &[("000000", 0), ("later", 1)]).await;
    let last = world.sources().pop();
    assert_eq!(last.as_deref(), Some("j/plugin_sd/0/later 1"));
}
