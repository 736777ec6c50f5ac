//! The commands of a script, and how its lines become them.

use std::sync::LazyLock;

use narthex_model::PromDuration;
use regex::{Captures, Regex};

use super::evaluation::{Evaluation, Times};
use super::expect::Expectations;
use super::load::Load;
use crate::parser::{ParseOptions, go_number, parse, unquote};
use crate::series_description::{SequenceValue, parse_series_description};

/// A command and its first line, from 1.
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) command: Result<Command, Fault>,
}

pub(super) enum Command {
    Clear,
    Load(Load),
    Evaluate(Box<Evaluation>),
}

/// A line that cannot be read.
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) reason: String,
}

/// A pattern of the language; `None` never comes, as the patterns are constants.
type Pattern = LazyLock<Option<Regex>>;

static INSTANT: Pattern = LazyLock::new(|| {
    Regex::new(r"^eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$").ok()
});
static RANGE: Pattern = LazyLock::new(|| {
    Regex::new(
        r"^eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$",
    )
    .ok()
});
static RANGE_VECTOR: Pattern = LazyLock::new(|| {
    Regex::new(r"^expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$").ok()
});

fn captures<'a>(pattern: &'static Pattern, line: &'a str) -> Option<Captures<'a>> {
    pattern.as_ref()?.captures(line)
}

/// All commands of a script, in order.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| Some(line.trim()).filter(|line| !line.starts_with('#')))
        .map(Option::unwrap_or_default)
        .collect();
    let mut cursor = Cursor { lines, at: 0 };
    let mut blocks = Vec::new();
    while let Some(line) = cursor.take() {
        if line.is_empty() {
            continue;
        }
        let at = cursor.at;
        let word = line.split([' ', '\t']).next().unwrap_or(line);
        let word = word.to_ascii_lowercase();
        let command = if word == "clear" {
            Ok(Command::Clear)
        } else if word.starts_with("load") {
            Load::read(line, &mut cursor).map(Command::Load)
        } else if word.starts_with("eval") {
            evaluation(line, &mut cursor).map(|found| Command::Evaluate(Box::new(found)))
        } else {
            Err(format!("invalid command {line:?}"))
        };
        let command = command.map_err(|reason| {
            let fault = Fault {
                line: cursor.at,
                text: line.to_owned(),
                reason,
            };
            // What is left of a block that cannot be read is no command of its own.
            while cursor.in_block().is_some() {}
            fault
        });
        blocks.push(Block { line: at, command });
    }
    blocks
}

/// The lines of a script and how many of them are read.
pub(super) struct Cursor<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.at).copied()?;
        self.at += 1;
        Some(line)
    }

    /// The next line of the block, which ends with an empty one.
    pub(super) fn in_block(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.at).copied()?;
        if line.is_empty() {
            return None;
        }
        self.take()
    }
}

/// A duration as a script writes it.
pub(super) fn duration_ms(text: &str, what: &str) -> Result<i64, String> {
    match text.parse::<PromDuration>() {
        Ok(duration) => Ok(duration.as_millis_i64()),
        Err(error) => Err(format!("invalid {what} definition {text:?}: {error}")),
    }
}

/// Captures 2 to 4 of a range: start, end and step.
fn times(found: &Captures<'_>, first: usize) -> Result<Times, String> {
    let text = |group: usize| found.get(group).map_or("", |found| found.as_str());
    let times = Times {
        start_ms: duration_ms(text(first), "start timestamp")?,
        end_ms: duration_ms(text(first + 1), "end timestamp")?,
        step_ms: duration_ms(text(first + 2), "step")?,
    };
    if times.end_ms < times.start_ms {
        return Err("the end timestamp is before the start timestamp".to_owned());
    }
    Ok(times)
}

fn evaluation(line: &str, cursor: &mut Cursor<'_>) -> Result<Evaluation, String> {
    let text = |found: &Captures<'_>, group: usize| {
        found
            .get(group)
            .map_or(String::new(), |found| found.as_str().to_owned())
    };
    let (mode, query, times, is_range) = if let Some(found) = captures(&INSTANT, line) {
        let at = duration_ms(&text(&found, 2), "timestamp")?;
        let times = Times {
            start_ms: at,
            end_ms: at,
            step_ms: 0,
        };
        (text(&found, 1), text(&found, 3), times, false)
    } else if let Some(found) = captures(&RANGE, line) {
        let times = times(&found, 2)?;
        (text(&found, 1), text(&found, 5), times, true)
    } else {
        return Err("invalid evaluation command, must be either 'eval[_fail|_warn|_ordered|_info] instant [at <offset:duration>] <query>' or 'eval[_fail|_warn|_info] range from <from> to <to> step <step> <query>'".to_owned());
    };
    let expr = parse(&query, &ParseOptions::all()).map_err(|error| error.to_string())?;
    let mut evaluation = Evaluation {
        query,
        expr,
        times,
        is_range,
        // Some results have no counterpart in a range query.
        also_as_range: true,
        expectations: Expectations::of_mode(&mode),
    };
    results(&mut evaluation, cursor)?;
    Ok(evaluation)
}

/// The lines below an evaluation.
fn results(evaluation: &mut Evaluation, cursor: &mut Cursor<'_>) -> Result<(), String> {
    let mut is_range_vector = false;
    // The place of a series among the lines; expectations of annotations do not count.
    let mut place = 0;
    while let Some(line) = cursor.in_block() {
        place += 1;
        if evaluation.expectations.old_failure(line)? {
            break;
        }
        if line.starts_with("expect range vector") {
            let Some(found) = captures(&RANGE_VECTOR, line) else {
                return Err(format!("invalid range vector definition {line:?}"));
            };
            evaluation.times = times(&found, 1)?;
            evaluation.also_as_range = false;
            is_range_vector = true;
        } else if let Some(quoted) = line.strip_prefix("expect string") {
            let Some(text) = unquote(quoted.trim_start()) else {
                return Err("expected string literal not valid".to_owned());
            };
            evaluation.expectations.string = text;
            evaluation.also_as_range = false;
        } else if line.split(' ').next() == Some("expect") {
            evaluation.expectations.add(line)?;
            place -= 1;
        } else if let Ok(number) = go_number(line) {
            evaluation.expectations.scalar = Some(SequenceValue::Float(number));
            break;
        } else {
            let series = parse_series_description(line).map_err(|error| error.to_string())?;
            if series.values.len() > 1 && !evaluation.is_range && !is_range_vector {
                return Err("expecting multiple values in instant evaluation not allowed, consider using 'expect range vector'".to_owned());
            }
            let expected = (place, series.values);
            evaluation.expectations.scalar = None;
            evaluation
                .expectations
                .series
                .insert(series.labels, expected);
        }
    }
    Ok(())
}
