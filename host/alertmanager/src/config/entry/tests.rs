use serde_json::json;

use super::*;
use crate::config::Config;
use crate::config::kinds::KINDS;
use crate::matchers::MatcherMode;

/// The entries of one receiver, below what `global` says.
fn entries(global: &str, receiver: &str) -> Vec<Entry> {
    let text = format!(
        "global: {{{global}}}\nroute: {{receiver: r}}\nreceivers: [{{name: r, {receiver}}}]\n"
    );
    let config: Config = serde_yaml::from_str(&text).unwrap();
    let found = config.integrations(MatcherMode::default()).unwrap();
    let entries = found.iter().map(|(_, integration)| integration.entry());
    entries.collect::<Result<_, _>>().unwrap()
}

fn entry(global: &str, receiver: &str) -> Entry {
    entries(global, receiver).remove(0)
}

/// Names and sources.
fn secrets(entry: &Entry) -> Vec<String> {
    let secrets = entry.secrets.iter().flatten();
    let shown = secrets.map(|(name, source)| match source {
        SecretSource::Text(text) => format!("{name}={}", text.expose()),
        SecretSource::File(file) => format!("{name}<{}", file.display()),
    });
    shown.collect()
}

fn places(entry: &Entry) -> Vec<String> {
    let places = entry.places.iter();
    let shown = places.map(|place| match place {
        Place::Url(SecretSource::Text(url)) => url.expose().to_owned(),
        Place::Url(SecretSource::File(file)) => format!("<{}", file.display()),
        Place::Tcp(host, port) => format!("{host} {port}"),
    });
    shown.collect()
}

#[test]
fn secrets_are_taken_out_whichever_way_they_are_written() {
    for (global, receiver, expected) in [
        (
            "",
            "slack_configs: [{api_url: 'http://h/S'}]",
            &["api_url=http://h/S"][..],
        ),
        ("", "slack_configs: [{api_url_file: f}]", &["api_url<f"]),
        (
            "slack_api_url: 'http://h/S'",
            "slack_configs: [{channel: c}]",
            &["api_url=http://h/S"],
        ),
        (
            "slack_api_url_file: f",
            "slack_configs: [{app_token: S}]",
            &["api_url<f", "app_token=S"],
        ),
        (
            "",
            "webhook_configs: [{url: 'http://u:S@h/S'}]",
            &["url=http://u:S@h/S"],
        ),
        (
            "",
            "pagerduty_configs: [{routing_key_file: f, service_key: S}]",
            &["routing_key<f", "service_key=S"],
        ),
        (
            "",
            "telegram_configs: [{bot_token: S, chat_id: -5}]",
            &["bot_token=S", "chat_id=-5"],
        ),
        (
            "",
            "telegram_configs: [{bot_token_file: f, chat_id_file: g}]",
            &["bot_token<f", "chat_id<g"],
        ),
        (
            "",
            "pushover_configs: [{user_key: S, token_file: f}]",
            &["token<f", "user_key=S"],
        ),
        (
            "opsgenie_api_key: S",
            "opsgenie_configs: [{}]",
            &["api_key=S"],
        ),
        (
            "smtp_auth_password_file: f, smtp_auth_secret: S, smtp_smarthost: 'h:25'",
            "email_configs: [{to: a, from: b, auth_password: S}]",
            &["auth_password=S", "auth_secret=S"],
        ),
        (
            "",
            "discord_configs: [{webhook_url_file: f}]",
            &["webhook_url<f"],
        ),
        (
            "",
            "sns_configs: [{topic_arn: a, sigv4: {access_key: k, secret_key: S}}]",
            &["secret_key=S"],
        ),
    ] {
        let mut entry = entry(global, receiver);
        assert_eq!(secrets(&entry), expected, "{receiver}");
        // Of a number nothing is secret.
        entry.settings.remove("chat_id");
        let names = entry.secrets.iter().flatten().map(|(name, _)| name);
        for name in names {
            let file = format!("{name}_file");
            assert!(!entry.settings.contains_key(name), "{receiver}");
            assert!(!entry.settings.contains_key(&file), "{receiver}");
        }
        assert!(entry.settings.values().all(|value| value != "S"));
        assert!(!entry.settings.contains_key("http_config"));
    }
}

#[test]
fn an_entry_names_its_places() {
    for (global, receiver, expected) in [
        (
            "",
            "slack_configs: [{api_url_file: f, app_token: S}]",
            &["<f", "https://slack.com/api/chat.postMessage"][..],
        ),
        (
            "pagerduty_url: 'http://p'",
            "pagerduty_configs: [{routing_key: S}]",
            &["http://p"],
        ),
        (
            "",
            "pagerduty_configs: [{service_key: S}]",
            &[
                "https://events.pagerduty.com/v2/enqueue",
                "https://events.pagerduty.com",
            ],
        ),
        (
            "",
            "pushover_configs: [{user_key: S, token: S, url: 'http://elsewhere'}]",
            &["https://api.pushover.net"],
        ),
        (
            "",
            "telegram_configs: [{bot_token: S, chat_id: 1}]",
            &["https://api.telegram.org"],
        ),
        (
            "smtp_smarthost: 'mail:587'",
            "email_configs: [{to: a, from: b}]",
            &["mail 587"],
        ),
        (
            "",
            "email_configs: [{to: a, from: b, smarthost: '[::1]:25'}]",
            &["::1 25"],
        ),
        ("", "plugin_configs: [{plugin: p, url: 'http://h'}]", &[]),
        (
            "",
            "plugin_configs: [{plugin: p, url: 'http://h', icon_url: 'http://i', \
             http_config: {bearer_token: S}}]",
            &["http://h"],
        ),
    ] {
        assert_eq!(places(&entry(global, receiver)), expected, "{receiver}");
    }
    let integration = |smarthost: &str| {
        let text = format!(
            "route: {{receiver: r}}\nreceivers: [{{name: r, email_configs: [{{to: a, from: b, \
             smarthost: '{smarthost}'}}]}}]"
        );
        let config: Config = serde_yaml::from_str(&text).unwrap();
        let mut found = config.integrations(MatcherMode::default()).unwrap();
        found.remove(0).1
    };
    for smarthost in ["mail", ":25", "mail:", "mail:99999"] {
        let error = integration(smarthost).entry().unwrap_err();
        assert!(error.starts_with("smarthost: "), "{error}");
    }
}

#[test]
fn what_a_config_does_not_say_is_as_in_alertmanager() {
    let slack = entry(
        "",
        "slack_configs: [{api_url: 'http://h', title: '', text: ~}]",
    );
    assert_eq!(slack.settings["title"], "");
    assert_eq!(
        slack.settings["text"],
        "{{ template \"slack.default.text\" . }}"
    );
    let pagerduty = entry(
        "",
        "pagerduty_configs: [{routing_key: S, client: me, details: {num_firing: 3, mine: 4}}]",
    );
    let details = &pagerduty.settings["details"];
    assert_eq!(
        (
            &pagerduty.settings["source"],
            &details["num_firing"],
            &details["mine"]
        ),
        (&json!("me"), &json!("3"), &json!("4"))
    );
    assert_eq!(details["num_resolved"], "{{ .Alerts.Resolved | len }}");
    assert_eq!(pagerduty.settings["severity"], "error");
    let email = entry(
        "smtp_smarthost: 'h:25', smtp_from: me",
        "email_configs: [{to: you, headers: {SUBJECT: s, reply-to: r}, \
         tls_config: {server_name: n}}]",
    );
    assert_eq!(
        email.settings["headers"],
        json!({"Subject": "s", "Reply-To": "r", "From": "me", "To": "you"})
    );
    assert_eq!(
        (&email.settings["hello"], &email.settings["require_tls"]),
        (&json!("localhost"), &json!(true))
    );
    assert_eq!(email.tls.unwrap().server_name, "n");
    assert!(!email.settings.contains_key("tls_config"));
}

#[test]
fn numbers_are_texts_where_texts_are_meant() {
    let slack = entry(
        "",
        "slack_configs: [{api_url: 'http://h', channel: 7, \
         fields: [{title: 1, value: 2.5, short: true}]}]",
    );
    assert_eq!(slack.settings["channel"], "7");
    assert_eq!(
        slack.settings["fields"],
        json!([{"title": "1", "value": "2.5", "short": true}])
    );
    let jira = entry(
        "jira_api_url: 'http://h'",
        "jira_configs: [{project: p, issue_type: t, fields: {points: 5}}]",
    );
    assert_eq!(jira.settings["fields"], json!({"points": 5}));
}

#[test]
fn a_plugin_has_what_its_entry_says_and_a_client_where_it_asks_for_one() {
    let found = entries(
        "http_config: {bearer_token: S}",
        "plugin_configs: [{plugin: p, token: t, x: {y: 1}}, \
         {plugin: p, http_config: {bearer_token: S}}]",
    );
    assert_eq!(
        json!(found[0].settings),
        json!({"token": "t", "x": {"y": 1}})
    );
    assert!(found.iter().all(|entry| entry.secrets.is_none()));
    assert!(found[0].client.is_none() && found[1].client.is_some());
    assert!(found[1].settings.is_empty());
}

#[test]
fn the_tables_name_kinds_and_fields_that_there_are() {
    let has = |kind: &str, field: &str| {
        let found = KINDS.iter().find(|known| known.name == kind).unwrap();
        found.fields.iter().any(|(name, _)| *name == field)
    };
    for (kind, fields) in PLACES {
        assert!(fields.iter().all(|field| has(kind, field)), "{kind}");
    }
    assert!(FIXED_PLACES.iter().all(|(kind, field, _)| has(kind, field)));
    for (kind, fields) in defaults::DEFAULTS {
        assert!(fields.iter().all(|(field, _)| has(kind, field)), "{kind}");
    }
    // Each kind sends somewhere.
    for kind in KINDS {
        let is_there = PLACES.iter().any(|(name, _)| *name == kind.name);
        assert!(is_there || ["email", "pushover"].contains(&kind.name));
    }
}
