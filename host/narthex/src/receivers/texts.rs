//! The templates of notifications: the operator's files, behind the default ones.
//!
//! It is not: the templates' language, which `narthex-template` has, nor what becomes of a text with
//! one notification, which `narthex-plugin` says.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use narthex_alertmanager::Config;
use narthex_template::alertmanager::Templates;

use crate::config;
use crate::yaml;

/// Reads the files of templates that a config names, behind the default ones.
///
/// # Errors
/// One cannot be read, or is no template.
pub(crate) fn read_templates(config: &Config) -> anyhow::Result<Templates> {
    let mut templates = Templates::new()?;
    for glob in config.templates.iter().filter(|glob| !glob.is_empty()) {
        add_templates(&mut templates, glob)?;
    }
    Ok(templates)
}

/// Adds the files of templates that a pattern means.
///
/// # Errors
/// One cannot be read, or is no template.
pub(crate) fn add_templates(templates: &mut Templates, glob: &str) -> anyhow::Result<()> {
    let found = config::matching(Path::new(glob));
    let found = found.map_err(|_| anyhow!("templates: {glob}: only a name may have wildcards"))?;
    for path in found {
        let file = path.display();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = yaml::read_text(&path).with_context(|| format!("couldn't load {file}"))?;
        let added = templates.add(&name, &text);
        added.with_context(|| format!("couldn't load {file}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use narthex_alertmanager::MatcherMode;
    use narthex_plugin::{Expand as _, Notification, NotificationTexts, TextForm};
    use serde_json::Value;

    use super::*;
    use crate::alertmanager;

    fn texts(templates: Templates) -> NotificationTexts {
        let notification = Notification {
            group_key: "{}:{}".to_owned(),
            receiver: "ops".to_owned(),
            group_labels: vec![("alertname".to_owned(), "Down".to_owned())],
            external_url: "http://narthex".to_owned(),
            ..Notification::default()
        };
        NotificationTexts::new(Arc::new(templates), &notification, 0)
    }

    /// All texts in a value.
    fn all<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => found.push(text),
            Value::Array(list) => list.iter().for_each(|value| all(value, found)),
            Value::Object(map) => map.values().for_each(|value| all(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_default_texts_of_all_kinds_are_templates_that_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alertmanager.yml");
        let text = "
global: {smtp_smarthost: 'h:25', smtp_from: a, jira_api_url: 'http://h', opsgenie_api_key: k,
  victorops_api_key: k, wechat_api_secret: s, wechat_api_corp_id: c, rocketchat_token: t,
  rocketchat_token_id: i, slack_api_url: 'http://h', rocketchat_api_url: 'http://h'}
route: {receiver: r}
receivers:
- name: r
  email_configs: [{to: a}]
  pagerduty_configs: [{routing_key: k}]
  opsgenie_configs: [{}]
  wechat_configs: [{}]
  slack_configs: [{}]
  victorops_configs: [{routing_key: k}]
  pushover_configs: [{user_key: k, token: t}]
  sns_configs: [{topic_arn: a}]
  telegram_configs: [{bot_token: t, chat_id: 1}]
  discord_configs: [{webhook_url: 'http://h'}]
  webex_configs: [{room_id: i}]
  msteams_configs: [{webhook_url: 'http://h'}]
  msteamsv2_configs: [{webhook_url: 'http://h'}]
  jira_configs: [{project: p, issue_type: t}]
  rocketchat_configs: [{}]
";
        std::fs::write(&path, text).unwrap();
        let (config, _) = alertmanager::load(&path, MatcherMode::default()).unwrap();
        let texts = texts(read_templates(&config).unwrap());
        let integrations = config.integrations(MatcherMode::default()).unwrap();
        assert_eq!(integrations.len(), 15);
        for (_, integration) in integrations {
            let settings = Value::Object(integration.entry().unwrap().settings);
            let mut found = Vec::new();
            all(&settings, &mut found);
            assert!(found.iter().any(|text| text.contains("{{")), "{settings}");
            for text in found {
                let expanded = texts.expand(text, TextForm::Plain);
                assert!(expanded.is_ok(), "{text}: {expanded:?}");
            }
        }
    }

    #[test]
    fn an_operators_file_replaces_a_default_and_its_own_faults_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{{ define \"slack.default.title\" }}<{{ .GroupLabels.alertname }}>{{ end }}";
        std::fs::write(folder.path().join("mine.tmpl"), text).unwrap();
        let path = folder.path().join("alertmanager.yml");
        let text = "route: {receiver: r}\nreceivers: [{name: r}]\ntemplates: ['*.tmpl']\n";
        std::fs::write(&path, text).unwrap();
        let (config, _) = alertmanager::load(&path, MatcherMode::default()).unwrap();
        let texts = texts(read_templates(&config).unwrap());
        let title = "{{ template \"slack.default.title\" . }} & {{ .Receiver }}";
        assert_eq!(
            texts.expand(title, TextForm::Plain).unwrap(),
            "<Down> & ops"
        );
        let error = texts
            .expand("{{ template \"none\" . }}", TextForm::Html)
            .unwrap_err();
        assert!(error.contains("none"), "{error}");
    }
}
