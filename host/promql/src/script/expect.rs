//! What a script says of a result beside its values: failure, order, annotations.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use narthex_model::Labels;
use regex::Regex;

use crate::series_description::SequenceValue;

/// All that is expected of an evaluation.
#[derive(Debug, Default)]
pub(super) struct Expectations {
    /// Lines `expect ...`, in order.
    lines: Vec<(Kind, Text)>,
    /// `eval_warn` and `eval_info` ask for any annotation.
    any_warning: bool,
    any_info: bool,
    /// A number alone.
    pub(super) scalar: Option<SequenceValue>,
    /// `expect string`
    pub(super) string: String,
    /// Series by their labels: the place among the lines, from 1, and the values.
    pub(super) series: BTreeMap<Labels, (usize, Vec<SequenceValue>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordered,
    Fail,
    Warn,
    NoWarn,
    Info,
    NoInfo,
}

/// What a message must be.
#[derive(Debug)]
enum Text {
    Any,
    Exactly(String),
    Matches(Regex),
}

impl Text {
    fn accepts(&self, message: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(text) => text == message,
            Self::Matches(regex) => regex.is_match(message),
        }
    }

    fn describe(&self) -> &str {
        match self {
            Self::Any => "anything",
            Self::Exactly(text) => text,
            Self::Matches(regex) => regex.as_str(),
        }
    }

    fn matching(pattern: &str) -> Result<Self, String> {
        match Regex::new(pattern) {
            Ok(regex) => Ok(Self::Matches(regex)),
            Err(error) => Err(format!("invalid regular expression: {error}")),
        }
    }
}

static EXPECT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$").ok()
});

impl Expectations {
    /// What `eval_fail` and its like ask for.
    pub(super) fn of_mode(mode: &str) -> Self {
        let kind = match mode {
            "fail" => Some(Kind::Fail),
            "ordered" => Some(Kind::Ordered),
            _ => None,
        };
        Self {
            lines: kind.map(|kind| (kind, Text::Any)).into_iter().collect(),
            any_warning: mode == "warn",
            any_info: mode == "info",
            ..Self::default()
        }
    }

    /// A line `expect ...`.
    pub(super) fn add(&mut self, line: &str) -> Result<(), String> {
        let found = EXPECT.as_ref().and_then(|pattern| pattern.captures(line));
        let Some(found) = found else {
            return Err(
                "invalid expect statement, must match `expect <type> <match_type>: <string>` format"
                    .to_owned(),
            );
        };
        let group = |index: usize| found.get(index).map_or("", |group| group.as_str());
        let kind = match group(1) {
            "ordered" => Kind::Ordered,
            "fail" => Kind::Fail,
            "warn" => Kind::Warn,
            "no_warn" => Kind::NoWarn,
            "info" => Kind::Info,
            _ => Kind::NoInfo,
        };
        let text = match group(2) {
            "msg" => Text::Exactly(group(3).trim().to_owned()),
            "regex" => Text::matching(group(3).trim())?,
            _ => Text::Any,
        };
        self.lines.push((kind, text));
        for (one, other) in [(Kind::Warn, Kind::NoWarn), (Kind::Info, Kind::NoInfo)] {
            if self.has(one) && self.has(other) {
                return Err(format!(
                    "invalid expect lines, {one:?} and {other:?} cannot be used together"
                ));
            }
        }
        if kind == Kind::Fail && self.of(Kind::Fail).count() > 1 {
            return Err(
                "invalid expect lines, multiple expect fail lines are not allowed".to_owned(),
            );
        }
        Ok(())
    }

    /// A line `expected_fail_message` or `expected_fail_regexp` below `eval_fail`; says whether
    /// it was one.
    pub(super) fn old_failure(&mut self, line: &str) -> Result<bool, String> {
        if !self.fails() {
            return Ok(false);
        }
        let text = if let Some(message) = line.strip_prefix("expected_fail_message") {
            Text::Exactly(message.trim().to_owned())
        } else if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            Text::matching(pattern.trim())?
        } else {
            return Ok(false);
        };
        self.lines.push((Kind::Fail, text));
        Ok(true)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Text> {
        let lines = self.lines.iter();
        lines.filter_map(move |(found, text)| (*found == kind).then_some(text))
    }

    fn has(&self, kind: Kind) -> bool {
        self.of(kind).next().is_some()
    }

    /// Whether the evaluation must fail.
    pub(super) fn fails(&self) -> bool {
        self.has(Kind::Fail)
    }

    /// Whether the order of the series counts.
    pub(super) fn ordered(&self) -> bool {
        self.has(Kind::Ordered)
    }

    /// Whether an error is the one that is expected.
    pub(super) fn check_failure(&self, error: &str) -> Result<(), String> {
        match self.of(Kind::Fail).find(|text| !text.accepts(error)) {
            None => Ok(()),
            Some(text) => Err(format!(
                "expected error {:?}, but got: {error}",
                text.describe()
            )),
        }
    }

    /// Whether the annotations are those that are expected.
    pub(super) fn check_annotations(
        &self,
        warnings: &[String],
        infos: &[String],
    ) -> Result<(), String> {
        if self.any_warning && warnings.is_empty() {
            return Err("expected warnings but got none".to_owned());
        }
        if self.any_info && infos.is_empty() {
            return Err("expected info annotations but got none".to_owned());
        }
        self.check_kind("warn", (Kind::Warn, Kind::NoWarn), warnings)?;
        self.check_kind("info", (Kind::Info, Kind::NoInfo), infos)
    }

    fn check_kind(
        &self,
        name: &str,
        (wanted, unwanted): (Kind, Kind),
        found: &[String],
    ) -> Result<(), String> {
        if self.has(unwanted) && !found.is_empty() {
            return Err(format!("unexpected {name} annotations: {found:?}"));
        }
        if !self.has(wanted) {
            return Ok(());
        }
        for text in self.of(wanted) {
            if !found.iter().any(|message| text.accepts(message)) {
                return Err(format!(
                    "expected {name} annotation {:?}, found: {found:?}",
                    text.describe()
                ));
            }
        }
        let stray = |message: &&String| !self.of(wanted).any(|text| text.accepts(message));
        match found.iter().find(stray) {
            None => Ok(()),
            Some(message) => Err(format!("unexpected {name} annotation {message:?}")),
        }
    }
}
