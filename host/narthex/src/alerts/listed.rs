//! `narthex alerts query` and `narthex alerts add`: the alerts that an Alertmanager has.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::connection::{Connection, ConnectionArgs};
use super::defaults::Defaults;
use super::labels;
use super::output::{Form, Output, OutputArgs, Table, entries, text};

/// Which alerts to show. Without a state only those that are active.
#[derive(Debug, Clone, Args)]
pub(crate) struct AlertQuery {
    /// Whom to ask.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How to print.
    #[command(flatten)]
    output: OutputArgs,
    /// Show inhibited alerts.
    #[arg(short = 'i', long)]
    inhibited: bool,
    /// Show silenced alerts.
    #[arg(short = 's', long)]
    silenced: bool,
    /// Show active alerts.
    #[arg(short = 'a', long)]
    active: bool,
    /// Show unprocessed alerts.
    #[arg(short = 'u', long)]
    unprocessed: bool,
    /// Show alerts matching receiver (supports regex syntax).
    #[arg(short = 'r', long, value_name = "REGEX")]
    receiver: Option<String>,
    /// Matchers of labels; the first may be the name of an alert alone.
    #[arg(value_name = "MATCHER")]
    matchers: Vec<String>,
}

/// An alert to add.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewAlert {
    /// Whom to tell.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Set the URL of the source that generated the alert.
    #[arg(long = "generator-url", value_name = "URL")]
    generator_url: Option<String>,
    /// Set when the alert should start, as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Set when the alert should end, as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    end: Option<String>,
    /// Set an annotation to be included with the alert, as name=value. Can be repeated.
    #[arg(long = "annotation", value_name = "ANNOTATION")]
    annotations: Vec<String>,
    /// The labels of the alert, each as name=value; the first may be its name alone.
    #[arg(value_name = "LABEL")]
    labels: Vec<String>,
}

/// Asks and prints.
///
/// # Errors
/// What hindered it.
pub(super) fn query(query: &AlertQuery) -> anyhow::Result<ExitCode> {
    let matchers = labels::with_name(&query.matchers);
    let has_state = query.inhibited || query.silenced || query.active || query.unprocessed;
    let flag = |is_on: bool| if is_on { "true" } else { "false" };
    let mut fields = vec![
        ("active", flag(query.active || !has_state)),
        ("inhibited", flag(query.inhibited)),
        ("silenced", flag(query.silenced)),
        ("unprocessed", flag(query.unprocessed)),
    ];
    let defaults = Defaults::load()?;
    let receiver = query.receiver.as_deref().or(defaults.get("receiver"));
    fields.extend(receiver.map(|receiver| ("receiver", receiver)));
    fields.extend(matchers.iter().map(|matcher| ("filter", matcher.as_str())));
    let form = query.output.form()?;
    let mut answer = Connection::new(&query.connection)?.get("alerts", &fields)?;
    // Who wants JSON gets what was answered.
    if let (Some(alerts), false) = (answer.as_array_mut(), form.output == Output::Json) {
        alerts.sort_by_cached_key(|alert| text(alert, "/startsAt").to_owned());
    }
    match form.output {
        Output::Json => println!("{answer}"),
        Output::Simple => print!("{}", simple(&answer, &form)),
        Output::Extended => print!("{}", extended(&answer, &form)),
    }
    Ok(ExitCode::SUCCESS)
}

fn simple(alerts: &Value, form: &Form) -> Table {
    let mut table = Table::new(&["Alertname", "Starts At", "Summary", "State"]);
    for alert in entries(alerts) {
        table.add([
            text(alert, "/labels/alertname").to_owned(),
            form.shown_time(&alert["startsAt"]),
            text(alert, "/annotations/summary").to_owned(),
            text(alert, "/status/state").to_owned(),
        ]);
    }
    table
}

fn extended(alerts: &Value, form: &Form) -> Table {
    let mut table = Table::new(&[
        "Labels",
        "Annotations",
        "Starts At",
        "Ends At",
        "Generator URL",
        "State",
    ]);
    for alert in entries(alerts) {
        table.add([
            pairs(&alert["labels"]),
            pairs(&alert["annotations"]),
            form.shown_time(&alert["startsAt"]),
            form.shown_time(&alert["endsAt"]),
            text(alert, "/generatorURL").to_owned(),
            text(alert, "/status/state").to_owned(),
        ]);
    }
    table
}

/// `a="b" c="d"`, by name. Values stand as they are, as amtool shows them.
fn pairs(map: &Value) -> String {
    let pairs = map.as_object().into_iter().flatten();
    let mut pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}=\"{}\"", value.as_str().unwrap_or_default()))
        .collect();
    pairs.sort();
    pairs.join(" ")
}

/// Adds an alert.
///
/// # Errors
/// What hindered it.
pub(super) fn add(alert: &NewAlert) -> anyhow::Result<ExitCode> {
    let mut posted = Map::new();
    let of_alert = labels::read(&labels::with_name(&alert.labels))?;
    posted.insert("labels".to_owned(), json!(of_alert));
    let annotations = labels::read(&alert.annotations)?;
    posted.insert("annotations".to_owned(), json!(annotations));
    for (name, value) in [
        ("startsAt", &alert.start),
        ("endsAt", &alert.end),
        ("generatorURL", &alert.generator_url),
    ] {
        if let Some(value) = value {
            posted.insert(name.to_owned(), json!(value));
        }
    }
    Connection::new(&alert.connection)?.post("alerts", &json!([posted]))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_tables() {
        let alerts = json!([{
            "labels": {"a": "x\"y", "alertname": "Down", "z": ""},
            "annotations": {"summary": "s t"},
            "startsAt": "2026-01-01T00:00:00.000Z",
            "endsAt": "2030-01-01T00:00:00.000Z",
            "generatorURL": "http://g",
            "status": {"state": "active"},
        }]);
        assert_eq!(
            simple(&alerts, &Form::simple()).to_string(),
            "Alertname  Starts At                Summary  State   \n\
             Down       2026-01-01 00:00:00 UTC  s t      active  \n"
        );
        let extended = extended(&alerts, &Form::simple()).to_string();
        let expected = "a=\"x\"y\" alertname=\"Down\" z=\"\"  summary=\"s t\"  \
                        2026-01-01 00:00:00 UTC  2030-01-01 00:00:00 UTC  http://g       active  ";
        assert_eq!(extended.lines().nth(1), Some(expected));
    }
}
