//! `narthex alerts template render`: what becomes of a text of a notification, with the operator's
//! files of templates and with alerts of a file, as `amtool template render`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use narthex_model::{Clock as _, SystemClock};
use narthex_template::alertmanager::{Alert, Data, Functions, Status, Templates};
use narthex_template::{Limits, Time};
use serde::Deserialize;

use crate::{receivers, yaml};

/// How long before now the alerts begin that are there without a file.
const STARTED_MS: i64 = 5 * 60 * 1000;

/// What to do with templates.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum TemplateCommand {
    /// Render a given definition in a template file to standard output.
    Render(Render),
}

/// A text and what it is rendered with.
#[derive(Debug, Clone, Args)]
pub(crate) struct Render {
    /// Glob of paths that will be expanded and used for rendering. Can be repeated.
    #[arg(long = "template.glob", value_name = "GLOB", required = true)]
    globs: Vec<String>,
    /// The template that will be rendered.
    #[arg(long = "template.text", value_name = "TEXT", required = true)]
    text: String,
    /// The type of the template.
    #[arg(
        long = "template.type",
        value_enum,
        value_name = "TYPE",
        default_value = "text"
    )]
    form: TextType,
    /// Full path to a file with the data of the alerts, in JSON, as a webhook gets them. Without it
    /// two alerts are made up.
    #[arg(long = "template.data", value_name = "FILE")]
    data: Option<PathBuf>,
}

/// What a template makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextType {
    /// Plain text.
    Text,
    /// HTML, in which what is inserted is escaped.
    Html,
}

/// Does it.
///
/// # Errors
/// A file cannot be read, or the text cannot be made.
pub(super) fn run(command: &TemplateCommand) -> anyhow::Result<ExitCode> {
    let TemplateCommand::Render(render) = command;
    print!("{}", render.rendered(SystemClock.now_ms())?);
    Ok(ExitCode::SUCCESS)
}

impl Render {
    fn rendered(&self, now_ms: i64) -> anyhow::Result<String> {
        let mut templates = Templates::new()?;
        for glob in &self.globs {
            receivers::add_templates(&mut templates, glob)?;
        }
        let data = match &self.data {
            Some(path) => read_data(path)?,
            None => made_up(now_ms),
        };
        let functions = Functions::at(Time::from_millis(now_ms));
        let limits = &Limits::DEFAULT;
        Ok(match self.form {
            TextType::Text => templates.expand_text(&self.text, &data, &functions, limits)?,
            TextType::Html => templates.expand_html(&self.text, &data, &functions, limits)?,
        })
    }
}

/// The layout of the file: what a webhook gets. Fields that templates do not see are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DataFile {
    receiver: String,
    status: String,
    alerts: Vec<AlertEntry>,
    group_labels: BTreeMap<String, String>,
    common_labels: BTreeMap<String, String>,
    common_annotations: BTreeMap<String, String>,
    #[serde(rename = "externalURL")]
    external_url: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AlertEntry {
    status: String,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

fn read_data(path: &Path) -> anyhow::Result<Data> {
    let name = path.display();
    let text = yaml::read_text(path).with_context(|| format!("couldn't load {name}"))?;
    let file: DataFile = serde_json::from_str(&text).with_context(|| name.to_string())?;
    let alerts = file.alerts.into_iter().map(AlertEntry::alert);
    let alerts = alerts.collect::<anyhow::Result<Vec<Alert>>>();
    Ok(Data {
        receiver: file.receiver,
        status: status(&file.status)?,
        alerts: alerts.with_context(|| name.to_string())?,
        group_labels: file.group_labels,
        common_labels: file.common_labels,
        common_annotations: file.common_annotations,
        external_url: file.external_url,
    })
}

impl AlertEntry {
    fn alert(self) -> anyhow::Result<Alert> {
        Ok(Alert {
            status: status(&self.status)?,
            labels: self.labels,
            annotations: self.annotations,
            starts_at: time(&self.starts_at)?,
            ends_at: time(&self.ends_at)?,
            generator_url: self.generator_url,
            fingerprint: self.fingerprint,
        })
    }
}

fn status(text: &str) -> anyhow::Result<Status> {
    let all = [Status::Firing, Status::Resolved];
    let found = all.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| anyhow!("a status is firing or resolved, and not {text:?}"))
}

/// A time that is not said is none.
fn time(text: &str) -> anyhow::Result<Time> {
    match text {
        "" => Ok(Time::ZERO),
        text => Time::from_rfc3339(text).with_context(|| format!("{text:?} is no time")),
    }
}

/// Two alerts, one of them resolved, with the labels that amtool makes up.
fn made_up(now_ms: i64) -> Data {
    let map = |pairs: &[(&str, &str)], common: &str| {
        let pairs = pairs.iter();
        let mut map: BTreeMap<String, String> = pairs
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        for number in 1..=2 {
            let value = format!("{common}value{number}");
            map.insert(format!("{common}key{number}"), value);
        }
        map
    };
    let alert =
        |status: Status, labels: &[(&str, &str)], annotations: &[(&str, &str)], number: i64| {
            let is_firing = status == Status::Firing;
            Alert {
                status,
                labels: map(labels, "commonlabel"),
                annotations: map(annotations, "commonannotation"),
                starts_at: Time::from_millis(now_ms - number * STARTED_MS),
                ends_at: match is_firing {
                    true => Time::ZERO,
                    false => Time::from_millis(now_ms),
                },
                generator_url: "https://generatorurl.com".to_owned(),
                fingerprint: format!("fingerprint{number}"),
            }
        };
    let alerts = vec![
        alert(
            Status::Firing,
            &[
                ("instance", "foo.bar:1234"),
                ("label1", "value1"),
                ("label2", "value2"),
            ],
            &[("annotation1", "value1"), ("annotation2", "value2")],
            1,
        ),
        alert(
            Status::Resolved,
            &[("foo", "bar"), ("baz", "qux")],
            &[("aaa", "bbb"), ("ccc", "ddd")],
            2,
        ),
    ];
    Data::new(
        "receiver",
        "https://example.com",
        map(&[], "grouplabel"),
        alerts,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(
        folder: &Path,
        text: &str,
        form: TextType,
        data: Option<&str>,
    ) -> anyhow::Result<String> {
        std::fs::write(
            folder.join("a.tmpl"),
            "{{ define \"x\" }}{{ .CommonLabels.c }}{{ end }}",
        )?;
        let data = data.map(|data| {
            let path = folder.join("data.json");
            std::fs::write(&path, data).unwrap();
            path
        });
        let render = Render {
            globs: vec![folder.join("*.tmpl").display().to_string()],
            text: text.to_owned(),
            form,
            data,
        };
        render.rendered(1_700_000_000_000)
    }

    #[test]
    fn a_text_is_rendered_with_the_alerts_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = r#"{"receiver":"r","status":"firing","commonLabels":{"c":"<d>"},"alerts":[
            {"status":"resolved","labels":{"a":"b"},"startsAt":"2026-01-01T00:00:00Z"}]}"#;
        let rendered = |text, form| render(folder.path(), text, form, Some(file)).unwrap();
        let text = "{{ template \"x\" . }} {{ range .Alerts.Resolved }}{{ .Labels.a }}{{ end }}";
        assert_eq!(rendered(text, TextType::Text), "<d> b");
        assert_eq!(rendered(text, TextType::Html), "&lt;d&gt; b");
    }

    #[test]
    fn without_a_file_there_are_two_alerts() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{{ len .Alerts }} {{ .Status }} {{ .CommonLabels.commonlabelkey2 }}";
        let rendered = render(folder.path(), text, TextType::Text, None).unwrap();
        assert_eq!(rendered, "2 firing commonlabelvalue2");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for (text, data) in [
            ("{{ template \"y\" . }}", None),
            ("x{{ .Status }}", Some("{\"status\": \"odd\"}")),
            ("x{{ .Status }}", Some("[")),
            (
                "x{{ .Status }}",
                Some(r#"{"status":"firing","alerts":[{"status":"firing","endsAt":"soon"}]}"#),
            ),
        ] {
            let refused = render(folder.path(), text, TextType::Text, data);
            assert!(refused.is_err(), "{text} {data:?}");
        }
    }
}
