use super::*;

const CONFIG: &str = r#"
receivers: [{name: root}, {name: two}, {name: three}]
route:
  receiver: root
  routes:
  - match: {a: 'x"y'}
    match_re: {b: c|d}
    continue: true
    receiver: two
    routes:
    - routes: [{receiver: three}]
    - matchers: [z="1", a!~"q"]
  - matchers: [a=1]
"#;

fn tree() -> RouteTree {
    let config: Config = serde_yaml::from_str(CONFIG).unwrap();
    config.route_tree(MatcherMode::default()).unwrap()
}

#[test]
fn the_whole_tree_is_drawn() {
    let expected = "\
.
└── default-route  receiver: root
    ├── {a=\"x\\\"y\",b=~\"^(?:c|d)$\"}  continue: true  receiver: two
    │~~ ├── default-route  receiver: two
    │~~ │~~ └── default-route  receiver: three
    │~~ └── {a!~\"q\",z=\"1\"}  receiver: two
    └── {a=\"1\"}  receiver: root
";
    assert_eq!(tree().drawn(), expected.replace("│~~", "│\u{a0}\u{a0}"));
}

#[test]
fn an_alert_leaves_its_way_in_the_tree() {
    let tree = tree();
    for (labels, receivers, drawn) in [
        (vec![], vec!["root"], "└── default-route  receiver: root\n"),
        (
            vec![("a", "1"), ("b", "c")],
            vec!["root"],
            "└── default-route\n    └── {a=\"1\"}  receiver: root\n",
        ),
        (
            vec![("a", "x\"y"), ("b", "c"), ("z", "1")],
            vec!["three"],
            "└── default-route\n    └── {a=\"x\\\"y\",b=~\"^(?:c|d)$\"}\n        \
             └── default-route\n            └── default-route  receiver: three\n",
        ),
    ] {
        let labels = Labels::from_pairs(labels);
        assert_eq!(tree.receivers(&labels), receivers, "{labels}");
        assert_eq!(tree.drawn_for(&labels), format!(".\n{drawn}"), "{labels}");
    }
}
