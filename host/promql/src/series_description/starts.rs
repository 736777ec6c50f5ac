//! Lines that say when the counting of a series' samples began: `metric@st -30s-1mx2 _ 0`.

use narthex_model::{Labels, PromDuration};

use super::{Reader, SEQUENCE_VALUES_MAX};
use crate::parser::{ParseError, ParseOptions, Parser};

/// A series and when the counting of each of its samples began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartsDescription {
    /// The label set.
    pub labels: Labels,
    /// From the sample's time, in milliseconds, one an interval; `None` where it is not known.
    pub offsets_ms: Vec<Option<i64>>,
}

/// What stands between the series and the times.
const MARK: &str = "@st";

/// Parses a line; `None` where it is a description of values.
///
/// # Errors
/// It is neither, or describes more than [`SEQUENCE_VALUES_MAX`] times.
pub fn parse_starts_description(line: &str) -> Result<Option<StartsDescription>, ParseError> {
    let mut parser = Parser::new(line, ParseOptions::all())?;
    let labels = Labels::from_pairs(parser.metric()?);
    let Some(times) = parser.rest().strip_prefix(MARK) else {
        return Ok(None);
    };
    let mut reader = Reader {
        line,
        pos: line.len() - times.len(),
    };
    let mut offsets_ms = Vec::new();
    loop {
        let spaces = reader.skip_spaces();
        if reader.rest().is_empty() {
            return Ok(Some(StartsDescription { labels, offsets_ms }));
        }
        if spaces == 0 {
            return reader.unexpected("a space before the next time");
        }
        reader.start(&mut offsets_ms)?;
    }
}

impl Reader<'_> {
    /// One item with its repetitions: `_`, `-30s`, `-30s-1mx4`, each with a count or without.
    fn start(&mut self, offsets_ms: &mut Vec<Option<i64>>) -> Result<(), ParseError> {
        let (mut offset_ms, step_ms, count) = if self.take("_") {
            (None, 0, self.repetitions()?.unwrap_or(1))
        } else {
            let first_ms = self.signed_duration()?;
            let step_ms = match self.rest().starts_with(['+', '-']) {
                true => Some(self.signed_duration()?),
                false => None,
            };
            let times = self.repetitions()?;
            if step_ms.is_some() && times.is_none() {
                return self.unexpected("\"x\"");
            }
            // The time itself comes before its repetitions.
            let count = times.map_or(1, |times| times.saturating_add(1));
            (Some(first_ms), step_ms.unwrap_or(0), count)
        };
        if count > SEQUENCE_VALUES_MAX - offsets_ms.len() {
            return self.error(format!(
                "too many times in a series, at most {SEQUENCE_VALUES_MAX} are allowed"
            ));
        }
        for _ in 0..count {
            offsets_ms.push(offset_ms);
            offset_ms = offset_ms.map(|offset_ms| offset_ms.saturating_add(step_ms));
        }
        Ok(())
    }

    fn signed_duration(&mut self) -> Result<i64, ParseError> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['+', '-']));
        let unsigned = &rest[sign..];
        let length = unsigned.find(['+', '-', 'x', ' ', '\t']);
        let length = length.unwrap_or(unsigned.len());
        let Ok(duration) = unsigned[..length].parse::<PromDuration>() else {
            return self.unexpected("duration");
        };
        self.pos += sign + length;
        let ms = duration.as_millis_i64();
        Ok(if rest.starts_with('-') { -ms } else { ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        match parse_starts_description(line) {
            Ok(None) => "values".to_owned(),
            Ok(Some(starts)) => {
                let times = starts.offsets_ms.iter().map(|offset| match offset {
                    Some(ms) => ms.to_string(),
                    None => "_".to_owned(),
                });
                format!("{}: {}", starts.labels, times.collect::<Vec<_>>().join(" "))
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn lines_are_read() {
        for (line, expected) in [
            ("a 1 2", "values"),
            ("a@st", r#"{__name__="a"}: "#),
            (
                "a@st _ -30s-1mx2 _x2 0 +1m",
                r#"{__name__="a"}: _ -30000 -90000 -150000 _ _ 0 60000"#,
            ),
            (
                r#"a{b="c d"}@st -1mx1 1ms-1mx1 -1m30s -0msx1"#,
                r#"{__name__="a", b="c d"}: -60000 -60000 1 -59999 -90000 0 0"#,
            ),
            (
                "a@st 5",
                r#"1:6: parse error: unexpected "5" in series values, expected duration"#,
            ),
            (
                "a@st -1m-1s",
                r#"1:12: parse error: unexpected "" in series values, expected "x""#,
            ),
            (
                "a@st-1m",
                r#"1:5: parse error: unexpected "-1m" in series values, expected a space before the next time"#,
            ),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn a_line_is_bounded() {
        let error = told("a@st 0x999999 _");
        assert!(error.contains("too many times in a series"), "{error}");
    }
}
