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

#[test]
fn a_clock_that_is_set_back_makes_no_group_wait_longer_than_it_would_have_to() {
    const HOUR_MS: i64 = 3_600_000;
    let text = "
receivers: [{name: r}]
route: {receiver: r, group_by: [a], group_wait: 30s, group_interval: 5m}
";
    let config: Config = serde_yaml::from_str(text).unwrap();
    let routes = config.resolve(MatcherMode::default()).unwrap().routes;
    let mut dispatcher = Dispatcher::new(routes);
    let alert = |name: &str| {
        Arc::new(Alert {
            labels: Labels::from_pairs([("a", name)]),
            annotations: BTreeMap::new(),
            starts_at_ms: 10 * HOUR_MS,
            ends_at_ms: 20 * HOUR_MS,
            updated_at_ms: 0,
            is_timeout: false,
            generator_url: String::new(),
        })
    };
    let told = |flushes: &[Flush]| {
        let names = flushes.iter().filter_map(|flush| flush.labels.get("a"));
        names.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let wrong_ms = 10 * HOUR_MS;
    dispatcher.insert(&alert("told"), wrong_ms);
    dispatcher.insert(&alert("being told"), wrong_ms);
    let flushes = dispatcher.take_due(wrong_ms + 30_000);
    assert_eq!(flushes.len(), 2);
    let (told_one, being_told) = (&flushes[0], &flushes[1]);
    dispatcher.done(told_one, true);
    dispatcher.insert(&alert("new"), wrong_ms + 30_000);
    // The clock was two hours ahead.
    let now_ms = wrong_ms - 2 * HOUR_MS;
    assert!(dispatcher.take_due(now_ms).is_empty());
    dispatcher.done(being_told, true);
    assert_eq!(told(&dispatcher.take_due(now_ms + 30_000)), "new");
    let rest = dispatcher.take_due(now_ms + 300_000);
    assert_eq!(told(&rest), "told being told");
}
