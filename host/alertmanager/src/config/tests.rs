use super::*;
use crate::matchers::MatcherMode;

fn read(text: &str) -> Config {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The faults of a config whose route and receivers are given, each with its place.
fn faults(config: &str) -> Vec<String> {
    match read(config).check(MatcherMode::default()) {
        Ok(()) => Vec::new(),
        Err(faults) => {
            let shown = faults
                .iter()
                .map(|f| format!("{}: {}", f.pointer, f.message));
            shown.collect()
        }
    }
}

const ROUTE: &str = "route: {receiver: r}\n";

#[test]
fn what_alertmanager_refuses_is_refused_in_its_words() {
    for (config, expected) in [
        ("receivers: [{name: r}]", ": no route provided in config"),
        (
            "{receivers: [{name: r}], route: {group_by: [a]}}",
            "/route: root route must specify a default receiver",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, match: {a: b}}}",
            "/route: root route must not have any matchers",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, continue: true}}",
            "/route: cannot have continue in root route",
        ),
        (
            "{receivers: [{name: r}], time_intervals: [{name: t}], \
             route: {receiver: r, mute_time_intervals: [t]}}",
            "/route: root route must not have any mute time intervals",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: s}}",
            "/route: undefined receiver \"s\" used in route",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, routes: [{}, {routes: [{receiver: s}]}]}}",
            "/route/routes/1/routes/0: undefined receiver \"s\" used in route",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, routes: [{active_time_intervals: [t]}]}}",
            "/route/routes/0: undefined time interval \"t\" used in route",
        ),
        (
            "{receivers: [{name: r}, {name: r}], route: {receiver: r}}",
            "/receivers/1: notification config name \"r\" is not unique",
        ),
        (
            "{receivers: [{name: r}, {}], route: {receiver: r}}",
            "/receivers/1: missing name in receiver",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, group_by: [a, a]}}",
            "/route: duplicated label \"a\" in group_by",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, group_by: ['...', a]}}",
            "/route: cannot have wildcard group_by (`...`) and other labels at the same time",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, group_by: ['']}}",
            "/route: invalid label name \"\" in group_by list",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, group_interval: 0s}}",
            "/route: group_interval cannot be zero",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, repeat_interval: 0s}}",
            "/route: repeat_interval cannot be zero",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, routes: [{match: {a.b: c}}]}}",
            "/route/routes/0: invalid label name \"a.b\"",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r, routes: [{matchers: ['a']}]}}",
            "/route/routes/0: bad matcher format: a",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r}, inhibit_rules: [{source_matchers: [a]}]}",
            "/inhibit_rules/0: bad matcher format: a",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r}, time_intervals: [{name: t}, {name: t}]}",
            "/time_intervals/1: time interval \"t\" is not unique",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r}, mute_time_intervals: [{}]}",
            "/mute_time_intervals/0: missing name in mute time interval",
        ),
        (
            "{receivers: [{name: r}], route: {receiver: r}, \
             time_intervals: [{name: t, time_intervals: [{weekdays: [x]}]}]}",
            "/time_intervals/0/time_intervals/0: x is not a valid weekday",
        ),
        (
            "{global: {slack_api_url: 'http://a', slack_api_url_file: b}, receivers: [{name: r}], \
             route: {receiver: r}}",
            "/global: at most one of slack_api_url & slack_api_url_file must be configured",
        ),
        (
            "{global: {resolve_timeout: x}, receivers: [{name: r}], route: {receiver: r}}",
            "/global: resolve_timeout: not a valid duration string: \"x\"",
        ),
        (
            "{global: {smtp: x}, receivers: [{name: r}], route: {receiver: r}}",
            "/global: field smtp not found",
        ),
    ] {
        assert_eq!(faults(config), [expected], "{config}");
    }
}

#[test]
fn integrations_are_checked_by_their_kind() {
    for (integration, expected) in [
        (
            "webhook_configs: [{url: 'http://h/x', max_alerts: 3, timeout: 5s}]",
            "",
        ),
        (
            "webhook_configs: [{}]",
            "one of url or url_file must be configured",
        ),
        (
            "webhook_configs: [{url: 'http://h', url_file: f}]",
            "at most one of url & url_file must be configured",
        ),
        (
            "webhook_configs: [{url: 'ftp://secret'}]",
            "url: unsupported scheme for URL",
        ),
        (
            "webhook_configs: [{url: 'http://'}]",
            "url: missing host for URL",
        ),
        (
            "webhook_configs: [{url: 'http://h', urls: x}]",
            "field urls not found",
        ),
        (
            "webhook_configs: [{url: 'http://h', max_alerts: x}]",
            "max_alerts: expected a whole number",
        ),
        (
            "webhook_configs: [{url: 'http://h', http_config: {bearer_token: a, bearer_token_file: b}}]",
            "http_config: at most one of bearer_token & bearer_token_file must be configured",
        ),
        (
            "slack_configs: [{channel: '#a'}]",
            "no global Slack API URL set either inline or in a file",
        ),
        (
            "slack_configs: [{api_url_file: f, fields: [{title: a}], short_fields: true}]",
            "",
        ),
        (
            "pagerduty_configs: [{}]",
            "missing service or routing key in PagerDuty config",
        ),
        ("pagerduty_configs: [{routing_key: k, details: {a: b}}]", ""),
        (
            "opsgenie_configs: [{}]",
            "no global OpsGenie API Key set either inline or in a file",
        ),
        (
            "telegram_configs: [{bot_token: t}]",
            "missing chat_id on telegram_config",
        ),
        ("telegram_configs: [{bot_token: t, chat_id: -5}]", ""),
        (
            "discord_configs: [{}]",
            "one of webhook_url or webhook_url_file must be configured",
        ),
        (
            "email_configs: [{to: a, from: b}]",
            "no global SMTP smarthost set",
        ),
        (
            "email_configs: [{to: a, from: b, smarthost: 'h:25', headers: {Subject: x}}]",
            "",
        ),
        (
            "plugin_configs: [{a: b}]",
            "missing plugin in plugin config",
        ),
        ("plugin_configs: [{plugin: x, a: {b: [1]}}]", ""),
    ] {
        let config = format!("{ROUTE}receivers: [{{name: r, {integration}}}]");
        let expected: Vec<String> = match expected {
            "" => Vec::new(),
            text => {
                let kind = integration.split(':').next().unwrap();
                vec![format!("/receivers/0/{kind}/0: {text}")]
            }
        };
        assert_eq!(faults(&config), expected, "{integration}");
    }
}

#[test]
fn all_faults_are_told_at_once() {
    let found = faults(
        "{global: {a: b}, route: {receiver: x, routes: [{receiver: y}]}, \
         receivers: [{name: r, webhook_configs: [{}, {url: x}]}], inhibit_rules: [{equal: ['']}]}",
    );
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn integrations_take_from_global_what_they_do_not_say() {
    let config = read(
        "
global:
  slack_api_url: 'http://slack/secret'
  smtp_smarthost: 'mail:25'
  smtp_from: me
  opsgenie_api_key: k
  http_config: {proxy_url: 'http://proxy'}
route: {receiver: r}
receivers:
  - name: r
    slack_configs: [{channel: '#a'}, {api_url_file: f, send_resolved: true, http_config: {}}]
    email_configs: [{to: you, require_tls: false}]
    opsgenie_configs: [{api_key_file: f}]
    webhook_configs: [{url: 'http://h'}]
    plugin_configs: [{plugin: mine, send_resolved: false, x: 1}]
",
    );
    let found = config.integrations(MatcherMode::default()).unwrap();
    let found: Vec<Integration> = found
        .into_iter()
        .map(|(_, integration)| integration)
        .collect();
    let kinds = found
        .iter()
        .map(|i| (i.kind.as_str(), i.index, i.sends_resolved));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            ("webhook", 0, true),
            ("email", 0, false),
            ("opsgenie", 0, true),
            ("slack", 0, false),
            ("slack", 1, true),
            ("mine", 0, false),
        ]
    );
    let text = |at: usize, name: &str| found[at].settings.text(name);
    assert_eq!(text(1, "smarthost"), "mail:25");
    assert_eq!(found[1].settings.flag("require_tls"), Some(false));
    // A key in a file takes the place of the one in the text.
    assert_eq!(
        (text(2, "api_key"), text(2, "api_key_file")),
        (String::new(), "f".to_owned())
    );
    assert_eq!(text(2, "api_url"), "https://api.opsgenie.com/");
    assert_eq!(text(3, "api_url"), "http://slack/secret");
    assert_eq!(
        (text(4, "api_url"), text(4, "api_url_file")),
        (String::new(), "f".to_owned())
    );
    assert!(found[0].http.proxy_url.is_some() && found[4].http.proxy_url.is_none());
    assert!(found[5].is_plugin && found[5].settings.get("x").is_some());
}

#[test]
fn files_are_meant_from_the_folder_of_the_config() {
    let mut config = read(
        "
global: {http_config: {bearer_token_file: token}}
route: {receiver: r}
receivers: [{name: r, webhook_configs: [{url_file: url}, {url_file: url, http_config: {tls_config: {ca_file: /ca}}}]}]
templates: ['*.tmpl', /abs.tmpl]
",
    );
    config.set_folder(Path::new("/etc/am"));
    assert_eq!(config.templates, ["/etc/am/*.tmpl", "/abs.tmpl"]);
    let mut found = config.integrations(MatcherMode::default()).unwrap();
    let mut files = |at: usize| {
        let files = found[at].1.http.http_files().into_iter();
        files
            .filter(|file| !file.is_empty())
            .map(|file| file.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (files(0), files(1)),
        (vec!["/etc/am/token".to_owned()], vec!["/ca".to_owned()])
    );
    // As in Alertmanager, which takes this one from where it was started.
    assert_eq!(found[0].1.settings.text("url_file"), "url");
}

#[test]
fn secrets_are_not_shown() {
    let config = read(
        "
global: {slack_api_url: 'http://slack/SECRET', smtp_auth_password: SECRET}
route: {receiver: r, routes: [{matchers: [a=b], group_wait: 90s, continue: true}]}
receivers:
  - name: r
    webhook_configs: [{url: 'http://u:SECRET@h:80/SECRET?x=SECRET', http_config: {bearer_token: SECRET}}]
    slack_configs: [{channel: '#a'}]
    pagerduty_configs: [{routing_key: SECRET, description: d}]
    discord_configs: [{webhook_url: 'http://d/SECRET'}]
    sns_configs: [{topic_arn: a, sigv4: {access_key: a, secret_key: SECRET}}]
    plugin_configs: [{plugin: mine, token: SECRET, x: 1}]
templates: ['*.tmpl']
",
    );
    assert!(config.check(MatcherMode::default()).is_ok());
    let shown = config.shown();
    let text = serde_json::to_string(&shown).unwrap();
    assert!(!text.contains("SECRET"), "{text}");
    assert!(!format!("{config:?}").contains("SECRET"));
    let webhook = &shown["receivers"][0]["webhook_configs"][0];
    assert_eq!(webhook["url"], "http://h:80/<secret>");
    assert_eq!(webhook["http_config"]["bearer_token"], "<secret>");
    assert_eq!(webhook["send_resolved"], true);
    assert_eq!(shown["global"]["slack_api_url"], "<secret>");
    assert_eq!(shown["global"]["resolve_timeout"], "5m");
    assert_eq!(shown["route"]["routes"][0]["group_wait"], "1m30s");
    assert_eq!(
        shown["receivers"][0]["pagerduty_configs"][0]["description"],
        "d"
    );
    assert_eq!(
        shown["receivers"][0]["sns_configs"][0]["sigv4"]["access_key"],
        "a"
    );
    assert_eq!(shown["receivers"][0]["plugin_configs"][0]["x"], 1);
}
