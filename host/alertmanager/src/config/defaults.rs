//! What an integration says where the config says nothing. Most texts call a default template.
//!
//! It is not: the templates, nor what comes from `global`, nor whether alerts that are resolved are
//! told (`kinds`).

use serde_json::{Map, Value};

/// The fields of a section.
type Fields = Map<String, Value>;

/// The fields of each kind that have a default, as in Alertmanager 0.28.
pub(super) const DEFAULTS: &[(&str, &[(&str, &str)])] = &[
    (
        "email",
        &[("html", "{{ template \"email.default.html\" . }}")],
    ),
    (
        "pagerduty",
        &[
            (
                "description",
                "{{ template \"pagerduty.default.description\" .}}",
            ),
            ("client", "{{ template \"pagerduty.default.client\" . }}"),
            (
                "client_url",
                "{{ template \"pagerduty.default.clientURL\" . }}",
            ),
        ],
    ),
    (
        "opsgenie",
        &[
            ("message", "{{ template \"opsgenie.default.message\" . }}"),
            (
                "description",
                "{{ template \"opsgenie.default.description\" . }}",
            ),
            ("source", "{{ template \"opsgenie.default.source\" . }}"),
        ],
    ),
    (
        "wechat",
        &[
            ("message", "{{ template \"wechat.default.message\" . }}"),
            ("to_user", "{{ template \"wechat.default.to_user\" . }}"),
            ("to_party", "{{ template \"wechat.default.to_party\" . }}"),
            ("to_tag", "{{ template \"wechat.default.to_tag\" . }}"),
            ("agent_id", "{{ template \"wechat.default.agent_id\" . }}"),
            ("message_type", "text"),
        ],
    ),
    (
        "slack",
        &[
            (
                "color",
                "{{ if eq .Status \"firing\" }}danger{{ else }}good{{ end }}",
            ),
            ("username", "{{ template \"slack.default.username\" . }}"),
            ("title", "{{ template \"slack.default.title\" . }}"),
            ("title_link", "{{ template \"slack.default.titlelink\" . }}"),
            ("icon_emoji", "{{ template \"slack.default.iconemoji\" . }}"),
            ("icon_url", "{{ template \"slack.default.iconurl\" . }}"),
            ("pretext", "{{ template \"slack.default.pretext\" . }}"),
            ("text", "{{ template \"slack.default.text\" . }}"),
            ("fallback", "{{ template \"slack.default.fallback\" . }}"),
            (
                "callback_id",
                "{{ template \"slack.default.callbackid\" . }}",
            ),
            ("footer", "{{ template \"slack.default.footer\" . }}"),
        ],
    ),
    (
        "victorops",
        &[
            ("message_type", "CRITICAL"),
            (
                "state_message",
                "{{ template \"victorops.default.state_message\" . }}",
            ),
            (
                "entity_display_name",
                "{{ template \"victorops.default.entity_display_name\" . }}",
            ),
            (
                "monitoring_tool",
                "{{ template \"victorops.default.monitoring_tool\" . }}",
            ),
        ],
    ),
    (
        "pushover",
        &[
            ("title", "{{ template \"pushover.default.title\" . }}"),
            ("message", "{{ template \"pushover.default.message\" . }}"),
            ("url", "{{ template \"pushover.default.url\" . }}"),
            // Emergency, as long as it fires.
            (
                "priority",
                "{{ if eq .Status \"firing\" }}2{{ else }}0{{ end }}",
            ),
            ("retry", "1m"),
            ("expire", "1h"),
        ],
    ),
    (
        "sns",
        &[
            ("subject", "{{ template \"sns.default.subject\" . }}"),
            ("message", "{{ template \"sns.default.message\" . }}"),
        ],
    ),
    (
        "telegram",
        &[
            ("message", "{{ template \"telegram.default.message\" . }}"),
            ("parse_mode", "HTML"),
        ],
    ),
    (
        "discord",
        &[
            ("title", "{{ template \"discord.default.title\" . }}"),
            ("message", "{{ template \"discord.default.message\" . }}"),
        ],
    ),
    (
        "webex",
        &[("message", "{{ template \"webex.default.message\" . }}")],
    ),
    (
        "msteams",
        &[
            ("title", "{{ template \"msteams.default.title\" . }}"),
            ("summary", "{{ template \"msteams.default.summary\" . }}"),
            ("text", "{{ template \"msteams.default.text\" . }}"),
        ],
    ),
    (
        "msteamsv2",
        &[
            ("title", "{{ template \"msteamsv2.default.title\" . }}"),
            ("text", "{{ template \"msteamsv2.default.text\" . }}"),
        ],
    ),
    (
        "jira",
        &[
            ("summary", "{{ template \"jira.default.summary\" . }}"),
            (
                "description",
                "{{ template \"jira.default.description\" . }}",
            ),
            ("priority", "{{ template \"jira.default.priority\" . }}"),
        ],
    ),
    (
        "rocketchat",
        &[
            (
                "color",
                "{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}",
            ),
            ("emoji", "{{ template \"rocketchat.default.emoji\" . }}"),
            (
                "icon_url",
                "{{ template \"rocketchat.default.iconurl\" . }}",
            ),
            ("text", "{{ template \"rocketchat.default.text\" . }}"),
            ("title", "{{ template \"rocketchat.default.title\" . }}"),
            (
                "title_link",
                "{{ template \"rocketchat.default.titlelink\" . }}",
            ),
        ],
    ),
];

/// What an event of PagerDuty tells besides what the config adds.
const PAGERDUTY_DETAILS: [(&str, &str); 4] = [
    (
        "firing",
        "{{ template \"pagerduty.default.instances\" .Alerts.Firing }}",
    ),
    (
        "resolved",
        "{{ template \"pagerduty.default.instances\" .Alerts.Resolved }}",
    ),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

/// Where Slack takes messages of apps.
const SLACK_APP_URL: &str = "https://slack.com/api/chat.postMessage";

/// What the subject of a mail is.
const EMAIL_SUBJECT: &str = "{{ template \"email.default.subject\" . }}";

/// Fills in what is missing. A text that is there and empty says that it is to be empty.
pub(super) fn fill(kind: &str, fields: &mut Fields) {
    let of_kind = DEFAULTS.iter().find(|(name, _)| *name == kind);
    for (field, text) in of_kind.map_or(&[][..], |(_, fields)| *fields) {
        add(fields, field, text);
    }
    match kind {
        "email" => fill_headers(fields),
        "pagerduty" => {
            let client = fields.get("client").cloned().unwrap_or_default();
            for (field, value) in [("source", client), ("severity", Value::from("error"))] {
                if text(fields, field).is_empty() {
                    fields.insert(field.to_owned(), value);
                }
            }
            if let Some(details) = map(fields, "details") {
                for (field, text) in PAGERDUTY_DETAILS {
                    add(details, field, text);
                }
            }
        }
        // The URL alone says nothing.
        "slack" => match ["app_token", "app_token_file"].map(|field| fields.contains_key(field)) {
            [false, false] => drop(fields.remove("app_url")),
            _ => add(fields, "app_url", SLACK_APP_URL),
        },
        _ => {}
    }
}

/// A mail has these headers in any case. A header's name is written as Alertmanager writes it.
fn fill_headers(fields: &mut Fields) {
    let [from, to] = ["from", "to"].map(|field| text(fields, field).to_owned());
    let Some(headers) = map(fields, "headers") else {
        return;
    };
    let named = std::mem::take(headers).into_iter();
    headers.extend(named.map(|(name, value)| (title(&name), value)));
    for (name, text) in [
        ("Subject", EMAIL_SUBJECT),
        ("From", from.as_str()),
        ("To", to.as_str()),
    ] {
        add(headers, name, text);
    }
}

/// A text with the first letter of each word large and the others small.
fn title(name: &str) -> String {
    let mut is_first = true;
    let letters = name.chars().map(|letter| {
        let large = std::mem::replace(&mut is_first, !letter.is_ascii_alphanumeric());
        match large {
            true => letter.to_ascii_uppercase(),
            false => letter.to_ascii_lowercase(),
        }
    });
    letters.collect()
}

fn add(fields: &mut Fields, field: &str, text: &str) {
    if !fields.contains_key(field) {
        fields.insert(field.to_owned(), Value::from(text));
    }
}

fn text<'a>(fields: &'a Fields, field: &str) -> &'a str {
    let value = fields.get(field);
    value.and_then(Value::as_str).unwrap_or_default()
}

/// A map, made where it is missing; none where something else is there, which was refused before.
fn map<'a>(fields: &'a mut Fields, field: &str) -> Option<&'a mut Fields> {
    let value = fields.entry(field).or_insert_with(|| Fields::new().into());
    value.as_object_mut()
}
