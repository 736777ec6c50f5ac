//! `narthex silence add`, `expire`, `import` and `update`.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, value_parser};
use jiff::{SignedDuration, Timestamp};
use narthex_alertmanager::MatcherFields;
use narthex_model::{Clock as _, PromDuration, SystemClock};
use serde_json::{Value, json};

use super::super::connection::{Connection, ConnectionArgs, is_not_found};
use super::super::defaults::Defaults;
use super::super::labels;
use super::super::output::{OutputArgs, text};
use super::print;
use crate::yaml::{FILE_BYTES_MAX, read_text};

/// So many silences may be imported at once.
const WORKERS_MAX: i64 = 64;

/// A silence to add.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewSilence {
    /// Whom to tell.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Username for CreatedBy field; without it, that of a file of defaults, or of who runs this.
    #[arg(short = 'a', long, value_name = "NAME")]
    author: Option<String>,
    /// Duration of silence.
    #[arg(short = 'd', long, value_name = "DURATION", default_value = "1h")]
    duration: PromDuration,
    /// Set when the silence should start, as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Set when the silence should end (overwrites duration), as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    end: Option<Timestamp>,
    /// A comment to help describe the silence.
    #[arg(short = 'c', long, value_name = "TEXT")]
    comment: Option<String>,
    /// Require comment to be set, whatever a file of defaults says.
    #[arg(long, hide = true, overrides_with = "no_require_comment")]
    require_comment: bool,
    /// The opposite.
    #[arg(long, hide = true)]
    no_require_comment: bool,
    /// Matchers of the alerts; the first may be the name of an alert alone.
    #[arg(value_name = "MATCHER", required = true)]
    matchers: Vec<String>,
}

/// Silences to end.
#[derive(Debug, Clone, Args)]
pub(crate) struct SilenceIds {
    /// Whom to tell.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Their names.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

/// Silences to import.
#[derive(Debug, Clone, Args)]
pub(crate) struct Import {
    /// Whom to tell.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Force adding new silences even if it already exists.
    #[arg(short = 'f', long)]
    force: bool,
    /// Number of concurrent workers to use for import.
    #[arg(
        short = 'w',
        long = "worker",
        value_name = "N",
        default_value_t = 8,
        value_parser = value_parser!(u8).range(1..=WORKERS_MAX)
    )]
    workers: u8,
    /// JSON file with silences; without it, the standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What to change of silences.
#[derive(Debug, Clone, Args)]
pub(crate) struct Update {
    /// Whom to tell.
    #[command(flatten)]
    connection: ConnectionArgs,
    /// How to print.
    #[command(flatten)]
    output: OutputArgs,
    /// Only show silence ids.
    #[arg(short = 'q', long)]
    quiet: bool,
    /// Duration of silence, from its start on.
    #[arg(short = 'd', long, value_name = "DURATION")]
    duration: Option<PromDuration>,
    /// Set when the silence should start, as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// Set when the silence should end (overwrites duration), as 2006-01-02T15:04:05-07:00.
    #[arg(long, value_name = "TIME")]
    end: Option<Timestamp>,
    /// A comment to help describe the silence.
    #[arg(short = 'c', long, value_name = "TEXT")]
    comment: Option<String>,
    /// Their names.
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

impl NewSilence {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let matchers = labels::matchers(&labels::with_name(&self.matchers))?;
        let matchers: Vec<MatcherFields> = matchers.iter().map(MatcherFields::of).collect();
        let defaults = Defaults::load()?;
        let kept = || defaults.get("author").map(str::to_owned);
        let author = self.author.clone().or_else(kept);
        let author = author.or_else(user);
        let author = author.context("--author says who silences; it is missing")?;
        let kept = defaults.get("comment").unwrap_or_default();
        let comment = self.comment.as_deref().unwrap_or(kept);
        let is_required = match (self.require_comment, self.no_require_comment) {
            (true, _) => true,
            (_, true) => false,
            _ => defaults.get("require-comment") != Some("false"),
        };
        if comment.is_empty() && is_required {
            bail!("a comment is required");
        }
        let now = Timestamp::from_millisecond(SystemClock.now_ms())?;
        let start = self.start.unwrap_or(now);
        let end = self.end.map_or_else(|| after(start, self.duration), Ok)?;
        check_order(start, end)?;
        let silence = json!({
            "matchers": matchers,
            "startsAt": start.to_string(),
            "endsAt": end.to_string(),
            "createdBy": author,
            "comment": comment,
        });
        let made = Connection::new(&self.connection)?.post("silences", &silence)?;
        println!("{}", text(&made, "/silenceID"));
        Ok(ExitCode::SUCCESS)
    }
}

impl SilenceIds {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let connection = Connection::new(&self.connection)?;
        for id in &self.ids {
            connection.delete(&format!("silence/{}", segment(id)?))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let (given, name) = match &self.file {
            Some(file) => (read_text(file), file.display().to_string()),
            None => (standard_input(), "the standard input".to_owned()),
        };
        let given = given.with_context(|| name.clone())?;
        let silences: Vec<Value> = serde_json::from_str(&given)
            .with_context(|| format!("{name}: no list of silences in JSON"))?;
        let connection = Connection::new(&self.connection)?;
        let turns = Mutex::new(silences.iter());
        let failed = AtomicUsize::new(0);
        let work = || {
            let next = || turns.lock().unwrap_or_else(PoisonError::into_inner).next();
            while let Some(silence) = next() {
                match self.add(&connection, silence.clone()) {
                    Ok(made) => println!("{}", text(&made, "/silenceID")),
                    Err(error) => {
                        let id = text(silence, "/id");
                        eprintln!("Error adding silence id='{id}': {error:#}");
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        };
        thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(work);
            }
        });
        match failed.into_inner() {
            0 => Ok(ExitCode::SUCCESS),
            failed => Err(anyhow!(
                "couldn't import {failed} out of {} silences",
                silences.len()
            )),
        }
    }

    /// One that the Alertmanager does not know by its name, as it comes from another one, is added
    /// as a new one.
    fn add(&self, connection: &Connection, mut silence: Value) -> anyhow::Result<Value> {
        if !self.force {
            match connection.post("silences", &silence) {
                Err(error) if is_not_found(&error) => {}
                other => return other,
            }
        }
        if let Some(fields) = silence.as_object_mut() {
            fields.remove("id");
        }
        connection.post("silences", &silence)
    }
}

impl Update {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let form = self.output.form()?;
        let connection = Connection::new(&self.connection)?;
        let mut changed = Vec::new();
        for id in &self.ids {
            let path = format!("silence/{}", segment(id)?);
            let mut silence = connection.get(&path, &[])?;
            self.change(&mut silence)?;
            let made = connection.post("silences", &silence)?;
            silence["id"] = made["silenceID"].clone();
            changed.push(silence);
        }
        print(&Value::from(changed), &form, self.quiet);
        Ok(ExitCode::SUCCESS)
    }

    fn change(&self, silence: &mut Value) -> anyhow::Result<()> {
        let time = |name: &str| {
            let text = text(silence, name);
            let time = text.parse::<Timestamp>();
            time.with_context(|| format!("{text:?} is no time"))
        };
        let start = self.start.map_or_else(|| time("/startsAt"), Ok)?;
        let end = match (self.end, self.duration) {
            (Some(end), _) => end,
            (None, Some(duration)) if duration.is_zero() => {
                bail!("silence duration must be greater than 0")
            }
            (None, Some(duration)) => after(start, duration)?,
            (None, None) => time("/endsAt")?,
        };
        check_order(start, end)?;
        silence["startsAt"] = json!(start.to_string());
        silence["endsAt"] = json!(end.to_string());
        if let Some(comment) = &self.comment {
            silence["comment"] = json!(comment);
        }
        Ok(())
    }
}

/// The name of who runs this: what the environment says, or the machine's list of users.
fn user() -> Option<String> {
    let of_environment = std::env::var("USER").ok();
    of_environment.filter(|name| !name.is_empty()).or_else(|| {
        let id = std::fs::metadata("/proc/self").ok()?.uid();
        named(&std::fs::read_to_string("/etc/passwd").ok()?, id)
    })
}

/// The name of a user in a list of users, whose lines are `NAME:PASSWORD:ID:...`.
fn named(users: &str, id: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let is_it = fields.nth(1)?.parse() == Ok(id);
        is_it.then(|| name.to_owned())
    })
}

fn check_order(start: Timestamp, end: Timestamp) -> anyhow::Result<()> {
    if start > end {
        bail!("silence cannot start after it ends");
    }
    Ok(())
}

fn after(start: Timestamp, duration: PromDuration) -> anyhow::Result<Timestamp> {
    let duration = SignedDuration::from_millis(duration.as_millis_i64());
    start
        .checked_add(duration)
        .context("the silence would end after the end of all times")
}

/// A name as a piece of a path.
fn segment(id: &str) -> anyhow::Result<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    match !id.is_empty() && id.chars().all(is_plain) {
        true => Ok(id),
        false => Err(anyhow!("{id:?} is not the name of a silence")),
    }
}

fn standard_input() -> std::io::Result<String> {
    let mut text = String::new();
    let bound = FILE_BYTES_MAX as u64 + 1;
    let mut input = std::io::stdin().take(bound);
    input.read_to_string(&mut text)?;
    match text.len() > FILE_BYTES_MAX {
        true => Err(std::io::Error::other(format!(
            "over {FILE_BYTES_MAX} bytes"
        ))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        update: Update,
    }

    #[test]
    fn what_is_not_said_stays_as_it_was() {
        let before = json!({
            "id": "5", "comment": "old", "createdBy": "me",
            "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T01:00:00Z",
        });
        for (args, start, end, comment) in [
            (&["5"][..], "00:00:00", "01:00:00", "old"),
            (&["5", "-d", "3h"], "00:00:00", "03:00:00", "old"),
            (&["5", "--comment=new"], "00:00:00", "01:00:00", "new"),
            (
                &["5", "--start=2026-01-01T01:30:00+01:00", "-d", "1h"],
                "00:30:00",
                "01:30:00",
                "old",
            ),
            (
                &["5", "--end=2026-01-01T02:00:00Z", "-d", "1h"],
                "00:00:00",
                "02:00:00",
                "old",
            ),
        ] {
            let line = Line::parse_from([&["update"], args].concat());
            let mut silence = before.clone();
            line.update.change(&mut silence).unwrap();
            let expected = json!({
                "id": "5", "comment": comment, "createdBy": "me",
                "startsAt": format!("2026-01-01T{start}Z"),
                "endsAt": format!("2026-01-01T{end}Z"),
            });
            assert_eq!(silence, expected, "{args:?}");
        }
        for args in [&["5", "--end=2020-01-01T00:00:00Z"][..], &["5", "-d", "0s"]] {
            let line = Line::parse_from([&["update"], args].concat());
            assert!(line.update.change(&mut before.clone()).is_err(), "{args:?}");
        }
    }

    #[test]
    fn who_silences_is_in_the_list_of_users() {
        let users = "root:x:0:0:root:/root:/bin/sh\nodd\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(named(users, 0).as_deref(), Some("root"));
        assert_eq!(named(users, 1000).as_deref(), Some("ada"));
        assert_eq!(named(users, 7), None);
    }

    #[test]
    fn a_name_leads_to_no_other_path() {
        assert!(segment("e536be56-0d9f-4e3d-bc28-db480aea3746").is_ok());
        for bad in ["", "../status", "a b", "a/b", "a?b"] {
            assert!(segment(bad).is_err(), "{bad}");
        }
    }
}
