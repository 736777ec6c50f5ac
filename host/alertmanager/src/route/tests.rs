use super::*;
use crate::config::Config;
use crate::matchers::MatcherMode;

const CONFIG: &str = r#"
receivers: [{name: n1}, {name: n2}, {name: n3}, {name: n4}, {name: n5}, {name: n6}]
route:
  receiver: n1
  group_by: [alertname]
  routes:
    - matchers: [owner="team-A"]
      receiver: n2
      group_wait: 1s
      routes:
        - match: {env: testing}
          receiver: n3
          group_by: ['...']
        - match: {env: production}
          match_re: {service: "a|b"}
          receiver: n4
          continue: true
          group_interval: 2s
        - match: {env: production}
          receiver: n5
          group_by: []
          repeat_interval: 3s
    - matchers: [owner=~"team-(B|C)", 'env!="x"']
      group_by: [b, a]
      receiver: n6
"#;

fn routes() -> Routes {
    let config: Config = serde_yaml::from_str(CONFIG).unwrap();
    let resolved = config.resolve(MatcherMode::default()).unwrap();
    (*resolved.routes).clone()
}

/// What is set where nothing is: 30 s, 5 min and 4 h.
const DEFAULTS: [i64; 3] = [30_000, 300_000, 14_400_000];

#[test]
fn alerts_find_their_routes() {
    let routes = routes();
    for (labels, expected) in [
        // Receiver, key of the group, its labels, and the three timers.
        (
            vec![("alertname", "x"), ("a", "b")],
            vec![("n1", r#"{}:{alertname="x"}"#, DEFAULTS)],
        ),
        (
            vec![("owner", "team-A")],
            vec![(
                "n2",
                r#"{}/{owner="team-A"}:{}"#,
                [1_000, 300_000, 14_400_000],
            )],
        ),
        (
            vec![("owner", "team-A"), ("env", "testing"), ("alertname", "y")],
            vec![(
                "n3",
                r#"{}/{owner="team-A"}/{env="testing"}:{alertname="y", env="testing", owner="team-A"}"#,
                [1_000, 300_000, 14_400_000],
            )],
        ),
        (
            vec![("owner", "team-A"), ("env", "production"), ("service", "a")],
            vec![
                (
                    "n4",
                    r#"{}/{owner="team-A"}/{env="production",service=~"^(?:a|b)$"}:{}"#,
                    [1_000, 2_000, 14_400_000],
                ),
                (
                    "n5",
                    r#"{}/{owner="team-A"}/{env="production"}:{}"#,
                    [1_000, 300_000, 3_000],
                ),
            ],
        ),
        (
            vec![
                ("owner", "team-A"),
                ("env", "production"),
                ("service", "ab"),
            ],
            vec![(
                "n5",
                r#"{}/{owner="team-A"}/{env="production"}:{}"#,
                [1_000, 300_000, 3_000],
            )],
        ),
        (
            vec![("owner", "team-B"), ("a", "1")],
            vec![(
                "n6",
                r#"{}/{env!="x",owner=~"team-(B|C)"}:{a="1"}"#,
                DEFAULTS,
            )],
        ),
        (
            vec![("owner", "team-B"), ("env", "x")],
            vec![("n1", "{}:{}", DEFAULTS)],
        ),
        (vec![("owner", "team-BC")], vec![("n1", "{}:{}", DEFAULTS)]),
    ] {
        let labels = Labels::from_pairs(labels);
        let found = routes.matching(&labels).into_iter();
        let found = found.map(|at| routes.get(at).unwrap());
        let found: Vec<_> = found
            .map(|route| {
                let key = route.group_key(&route.group_labels(&labels));
                let timers = [
                    route.group_wait_ms,
                    route.group_interval_ms,
                    route.repeat_interval_ms,
                ];
                (route.receiver.as_str(), key, timers)
            })
            .collect();
        let found: Vec<_> = found.iter().map(|(r, k, t)| (*r, k.as_str(), *t)).collect();
        assert_eq!(found, expected, "{labels}");
    }
}
