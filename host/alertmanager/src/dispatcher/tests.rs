use super::*;
use crate::config::Config;
use crate::matchers::MatcherMode;

const CONFIG: &str = "
receivers: [{name: r}]
route: {receiver: r, group_by: ['...']}
";

#[test]
fn there_are_so_many_groups_and_no_more() {
    let config: Config = serde_yaml::from_str(CONFIG).unwrap();
    let routes = config.resolve(MatcherMode::default()).unwrap().routes;
    let mut dispatcher = Dispatcher::new(routes);
    let alert = |number: usize| {
        Arc::new(Alert {
            labels: Labels::from_pairs([("a", number.to_string())]),
            annotations: BTreeMap::new(),
            starts_at_ms: 0,
            ends_at_ms: 100,
            updated_at_ms: 0,
            is_timeout: false,
            generator_url: String::new(),
        })
    };
    for number in 0..GROUPS_MAX {
        assert_eq!(dispatcher.insert(&alert(number), 0), 0);
    }
    assert_eq!(dispatcher.insert(&alert(GROUPS_MAX), 0), 1);
    // A group that is there takes what comes.
    assert_eq!(dispatcher.insert(&alert(0), 0), 0);
    // Once they are told and over there is room again.
    let flushes = dispatcher.take_due(30_000);
    assert_eq!(flushes.len(), GROUPS_MAX);
    for flush in &flushes {
        dispatcher.done(flush, true);
    }
    dispatcher.clean();
    assert_eq!(dispatcher.insert(&alert(GROUPS_MAX), 30_000), 0);
}
