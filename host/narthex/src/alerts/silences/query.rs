//! `narthex silence query`

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use narthex_model::{Clock as _, PromDuration, SystemClock};
use serde_json::Value;

use super::super::connection::{Connection, ConnectionArgs};
use super::super::labels;
use super::super::output::{Output, OutputArgs, text};
use super::print;

/// Which silences to show.
#[derive(Debug, Clone, Args)]
pub(crate) struct SilenceQuery {
    /// Whom to ask.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How to print.
    #[command(flatten)]
    output: OutputArgs,
    /// Show expired silences instead of active.
    #[arg(long)]
    expired: bool,
    /// Only show silence ids.
    #[arg(short = 'q', long)]
    quiet: bool,
    /// Show silences that belong to this creator.
    #[arg(long = "created-by", value_name = "NAME")]
    created_by: Option<String>,
    /// Get a single silence by its ID.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Show silences that will expire or have expired within a duration.
    #[arg(long, value_name = "DURATION")]
    within: Option<PromDuration>,
    /// Matchers of the silence; the first may be the name of an alert alone.
    #[arg(value_name = "MATCHER")]
    matchers: Vec<String>,
}

impl SilenceQuery {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let form = self.output.form()?;
        let matchers = labels::with_name(&self.matchers);
        let filters = matchers.iter().map(|matcher| ("filter", matcher.as_str()));
        let filters: Vec<(&str, &str)> = filters.collect();
        let mut answer = Connection::new(&self.connection)?.get("silences", &filters)?;
        let now_ms = SystemClock.now_ms();
        if let Some(silences) = answer.as_array_mut() {
            silences.retain(|silence| self.wants(silence, now_ms));
            // Tables are sorted, other things stand as they were answered.
            if !self.quiet && form.output != Output::Json {
                silences.sort_by_cached_key(ends_at_ms);
            }
        }
        print(&answer, &form, self.quiet);
        Ok(ExitCode::SUCCESS)
    }

    fn wants(&self, silence: &Value, now_ms: i64) -> bool {
        let left_ms = ends_at_ms(silence).saturating_sub(now_ms);
        let is_expired = left_ms < 0;
        let is_near = self.within.is_none_or(|within| {
            let within_ms = within.as_millis_i64();
            within_ms == 0 || left_ms.saturating_abs() <= within_ms
        });
        let mut creator = self.created_by.iter();
        let is_theirs = creator.all(|name| name == text(silence, "/createdBy"));
        let mut id = self.id.iter();
        let is_it = id.all(|id| id == text(silence, "/id"));
        is_expired == self.expired && is_near && is_theirs && is_it
    }
}

/// When it ends; the begin of time where it says nothing.
fn ends_at_ms(silence: &Value) -> i64 {
    let ends = text(silence, "/endsAt").parse::<Timestamp>();
    ends.map_or(i64::MIN, Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        query: SilenceQuery,
    }

    #[test]
    fn silences_are_chosen_by_their_end_and_their_creator() {
        let silence = |ends_at: &str| json!({"id": ends_at, "endsAt": ends_at, "createdBy": "me"});
        let (past, soon, late) = (
            silence("1970-01-01T00:00:00Z"),
            silence("1970-01-01T01:30:00Z"),
            silence("1970-01-03T00:00:00Z"),
        );
        for (args, expected) in [
            (&[][..], [false, true, true]),
            (&["--expired"], [true, false, false]),
            (&["--within=1h"], [false, true, false]),
            (&["--expired", "--within=30m"], [false, false, false]),
            (&["--expired", "--within=1h"], [true, false, false]),
            (&["--created-by=me"], [false, true, true]),
            (&["--created-by=you"], [false, false, false]),
            (&["--id=1970-01-03T00:00:00Z"], [false, false, true]),
            (&["--id=1970-01-01T00:00:00Z"], [false, false, false]),
        ] {
            let line = Line::parse_from([&["query"], args].concat());
            let wants = |silence: &Value| line.query.wants(silence, 3_600_000);
            assert_eq!([&past, &soon, &late].map(wants), expected, "{args:?}");
        }
    }
}
