//! Samples as text, as `promtool tsdb dump` and `dump-openmetrics` write them.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::Block;
use narthex_model::{FloatText, Labels, is_classic_label_name, is_classic_metric_name, sample};
use narthex_storage::{SelectRequest, Series, StorageError};

use crate::read_only::select_blocks;

/// From this power of ten on, numbers have an exponent; and below the other one.
const PLAIN: std::ops::Range<i32> = -4..6;

/// What the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DumpFormat {
    /// `{__name__="up", job="x"} 1 1735603298000`, in milliseconds.
    Labels,
    /// `up{job="x"} 1 1735603298.000`, in seconds, with `# EOF` at the end. Native histograms have
    /// no such text and are left out.
    OpenMetrics,
    /// `{"__name__":"up","job":"x"}`: the labels of each series as JSON, and none of its samples.
    SeriesJson,
}

/// Why a dump ends early.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// A block cannot be read.
    #[error(transparent)]
    Read(#[from] StorageError),
    /// The text cannot be written.
    #[error("cannot write")]
    Write(#[from] io::Error),
}

/// Writes the samples that match a request, series by series, request after request.
///
/// # Errors
/// A block cannot be read, or the text cannot be written.
pub async fn dump(
    blocks: &[Arc<Block>],
    requests: &[SelectRequest],
    format: DumpFormat,
    out: &mut impl Write,
) -> Result<(), DumpError> {
    let mut text = FloatText::default();
    let mut written: HashSet<Labels> = HashSet::new();
    for request in requests {
        let mut all = select_blocks(blocks, request).await?;
        while let Some(series) = all.try_next().await? {
            // One that another request had before is there already.
            if requests.len() > 1 && !written.insert(series.labels.clone()) {
                continue;
            }
            match format {
                DumpFormat::Labels => write_labels(&series, &mut text, out)?,
                DumpFormat::OpenMetrics => write_open_metrics(&series, &mut text, out)?,
                DumpFormat::SeriesJson => writeln!(out, "{}", labels_json(&series.labels)?)?,
            }
        }
    }
    if format == DumpFormat::OpenMetrics {
        writeln!(out, "# EOF")?;
    }
    Ok(())
}

fn write_labels(series: &Series, text: &mut FloatText, out: &mut impl Write) -> io::Result<()> {
    let labels = series.labels.to_string();
    for (at, (timestamp_ms, value)) in series.timestamps.iter().zip(&*series.values).enumerate() {
        let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
        match histogram {
            Some(histogram) => writeln!(out, "{labels} {histogram} {timestamp_ms}")?,
            None => writeln!(out, "{labels} {} {timestamp_ms}", text.short(*value, PLAIN))?,
        }
    }
    Ok(())
}

/// Labels as Go's `encoding/json` writes them, which escapes what is markup elsewhere.
fn labels_json(labels: &Labels) -> io::Result<String> {
    let map: BTreeMap<&str, &str> = labels.iter().collect();
    let text = serde_json::to_string(&map)?;
    // All of these stand within strings.
    Ok(text
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

fn write_open_metrics(
    series: &Series,
    text: &mut FloatText,
    out: &mut impl Write,
) -> io::Result<()> {
    let written = open_metrics_series(&series.labels);
    for (timestamp_ms, value) in series.timestamps.iter().zip(&*series.values) {
        if sample::is_histogram(*value) {
            continue;
        }
        let sign = if *timestamp_ms < 0 { "-" } else { "" };
        let ms = timestamp_ms.unsigned_abs();
        let value = text.short(*value, PLAIN);
        writeln!(
            out,
            "{written} {value} {sign}{}.{:03}",
            ms / 1_000,
            ms % 1_000
        )?;
    }
    Ok(())
}

/// A series as OpenMetrics has it; a name that is not of the classic alphabet stands in quotes
/// within the braces.
fn open_metrics_series(labels: &Labels) -> String {
    let metric = labels.metric_name();
    let is_outside = metric.is_empty() || is_classic_metric_name(metric);
    let mut text = String::new();
    if is_outside {
        text.push_str(metric);
    }
    text.push('{');
    let mut comma = "";
    if !is_outside {
        push_quoted(&mut text, metric);
        comma = ",";
    }
    for (name, value) in &labels.without_metric_name() {
        text.push_str(comma);
        match is_classic_label_name(name) {
            true => text.push_str(name),
            false => push_quoted(&mut text, name),
        }
        text.push('=');
        push_quoted(&mut text, value);
        comma = ",";
    }
    text.push('}');
    text
}

/// A text in quotes. OpenMetrics knows three escapes, and whoever reads it no other; all else stands
/// there as it is.
fn push_quoted(text: &mut String, quoted: &str) {
    text.push('"');
    for character in quoted.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use narthex_exposition::{Entry, Format, Parser};

    use super::*;

    #[test]
    fn labels_are_json_as_go_writes_it() {
        let labels = Labels::from_pairs([("__name__", "up"), ("z\"", "<a>&\u{2028}é")]);
        let expected = r#"{"__name__":"up","z\"":"\u003ca\u003e\u0026\u2028é"}"#;
        let written = labels_json(&labels).unwrap();
        assert_eq!(written, expected);
        let read: BTreeMap<String, String> = serde_json::from_str(&written).unwrap();
        assert_eq!(read["z\""], "<a>&\u{2028}é");
    }

    #[test]
    fn what_cannot_be_printed_reads_back_from_open_metrics() {
        for (labels, expected) in [
            (
                vec![("__name__", "up"), ("job", "a\"\\\nb")],
                r#"up{job="a\"\\\nb"}"#,
            ),
            (
                vec![("__name__", "up"), ("zone", "\u{7f}\t\u{200b}\u{1}é")],
                "up{zone=\"\u{7f}\t\u{200b}\u{1}é\"}",
            ),
            (
                vec![("__name__", "http.requests"), ("a b", "c")],
                r#"{"http.requests","a b"="c"}"#,
            ),
            (vec![("__name__", "up")], "up{}"),
        ] {
            let labels = Labels::from_pairs(labels);
            let written = open_metrics_series(&labels);
            assert_eq!(written, expected);
            let page = format!("{written} 1 2\n# EOF\n");
            let mut parser = Parser::new(page.as_bytes(), Format::OpenMetrics);
            let Some(Ok(Entry::Series(series))) = parser.next() else {
                panic!("{page}");
            };
            assert_eq!(series.labels().unwrap(), labels, "{page}");
        }
    }
}
