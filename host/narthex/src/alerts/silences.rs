//! `narthex silence`: the silences that an Alertmanager has, as `amtool silence` shows and changes
//! them.

mod change;
mod query;

use std::process::ExitCode;

use clap::Subcommand;
use narthex_alertmanager::MatcherFields;
use serde_json::Value;

use self::change::{Import, NewSilence, SilenceIds, Update};
use self::query::SilenceQuery;
use super::output::{Form, Output, Table, entries, text};

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SilenceCommand {
    /// Print silences.
    Query(SilenceQuery),
    /// Add a silence, and print its name.
    Add(NewSilence),
    /// End silences.
    Expire(SilenceIds),
    /// Add silences that were printed as JSON, and print their names.
    Import(Import),
    /// Change silences, and print them.
    Update(Update),
}

/// Does it.
///
/// # Errors
/// What hindered it; the exit code is 1 then.
pub(crate) fn run(command: &SilenceCommand) -> anyhow::Result<ExitCode> {
    match command {
        SilenceCommand::Query(query) => query.run(),
        SilenceCommand::Add(silence) => silence.run(),
        SilenceCommand::Expire(ids) => ids.run(),
        SilenceCommand::Import(import) => import.run(),
        SilenceCommand::Update(update) => update.run(),
    }
}

/// Prints silences; `quiet` only their names.
fn print(silences: &Value, form: &Form, is_quiet: bool) {
    if is_quiet {
        for silence in entries(silences) {
            println!("{}", text(silence, "/id"));
        }
        return;
    }
    match form.output {
        Output::Json => println!("{silences}"),
        Output::Simple => print!("{}", simple(silences, form)),
        Output::Extended => print!("{}", extended(silences, form)),
    }
}

fn simple(silences: &Value, form: &Form) -> Table {
    let mut table = Table::new(&["ID", "Matchers", "Ends At", "Created By", "Comment"]);
    for silence in entries(silences) {
        table.add([
            text(silence, "/id").to_owned(),
            matchers(silence).join(" "),
            form.shown_time(&silence["endsAt"]),
            text(silence, "/createdBy").to_owned(),
            text(silence, "/comment").to_owned(),
        ]);
    }
    table
}

fn extended(silences: &Value, form: &Form) -> Table {
    let mut table = Table::new(&[
        "ID",
        "Matchers",
        "Starts At",
        "Ends At",
        "Updated At",
        "Created By",
        "Comment",
    ]);
    for silence in entries(silences) {
        table.add([
            text(silence, "/id").to_owned(),
            format!("{{{}}}", matchers(silence).join(",")),
            form.shown_time(&silence["startsAt"]),
            form.shown_time(&silence["endsAt"]),
            form.shown_time(&silence["updatedAt"]),
            text(silence, "/createdBy").to_owned(),
            text(silence, "/comment").to_owned(),
        ]);
    }
    table
}

/// `a="b"`, `c=~"d"`
fn matchers(silence: &Value) -> Vec<String> {
    let list = entries(&silence["matchers"]).iter();
    let read = list.filter_map(|entry| {
        let fields: MatcherFields = serde_json::from_value(entry.clone()).ok()?;
        let op = match (fields.is_equal, fields.is_regex) {
            (true, false) => "=",
            (false, false) => "!=",
            (true, true) => "=~",
            (false, true) => "!~",
        };
        let value = fields.value.replace('\\', "\\\\");
        let value = value.replace('"', "\\\"").replace('\n', "\\n");
        Some(format!("{}{op}\"{value}\"", fields.name))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn silences_are_tables() {
        let silences = json!([{
            "id": "5",
            "matchers": [
                {"name": "alertname", "value": "a", "isRegex": false, "isEqual": true},
                {"name": "b", "value": "c.*", "isRegex": true, "isEqual": false},
            ],
            "startsAt": "2026-01-01T00:00:00.000Z",
            "endsAt": "2026-01-02T00:00:00.000Z",
            "updatedAt": "2026-01-01T00:00:01.000Z",
            "createdBy": "me",
            "comment": "why",
        }]);
        assert_eq!(
            simple(&silences, &Form::simple()).to_string(),
            "ID  Matchers                Ends At                  Created By  Comment  \n\
             5   alertname=\"a\" b!~\"c.*\"  2026-01-02 00:00:00 UTC  me          why      \n"
        );
        let extended = extended(&silences, &Form::simple()).to_string();
        assert!(extended.contains("{alertname=\"a\",b!~\"c.*\"}  2026-01-01 00:00:00 UTC"));
    }
}
