//! Blocks as `promtool tsdb list` shows them.

use std::fmt::{self, Write as _};

use narthex_block::BlockMeta;
use narthex_model::ByteSize;

/// Between two columns.
const GAP: usize = 2;

const HEADINGS: [&str; 9] = [
    "BLOCK ULID",
    "MIN TIME",
    "MAX TIME",
    "DURATION",
    "NUM SAMPLES",
    "NUM SLICES",
    "NUM SERIES",
    "SIZE",
    RESOLUTION,
];

/// The last column, which is there only where a block is downsampled.
const RESOLUTION: &str = "RESOLUTION";

/// A table of blocks. Where promtool counts chunks, it has the slices of two hours.
#[derive(Debug, Clone, Copy)]
pub struct BlockList<'a> {
    /// The blocks, in the order of the table.
    pub blocks: &'a [BlockMeta],
    /// Whether times are written as dates and sizes with units.
    pub is_human_readable: bool,
}

impl BlockList<'_> {
    fn row(&self, meta: &BlockMeta) -> [String; 9] {
        let end_ms = meta.max_time_ms.saturating_add(1);
        let time = |ms: i64| match self.is_human_readable {
            true => date(ms),
            false => ms.to_string(),
        };
        let bytes = meta.size();
        [
            meta.ulid.clone(),
            time(meta.min_time_ms),
            time(end_ms),
            duration(end_ms.saturating_sub(meta.min_time_ms)),
            meta.stats.samples.to_string(),
            meta.slices_ms.len().to_string(),
            meta.stats.series.to_string(),
            match self.is_human_readable {
                true => ByteSize::from_bytes(bytes).to_string(),
                false => bytes.to_string(),
            },
            match meta.is_raw() {
                true => String::new(),
                false => duration(meta.resolution_ms),
            },
        ]
    }
}

impl fmt::Display for BlockList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headings = HEADINGS.map(str::to_owned);
        if self.blocks.iter().all(BlockMeta::is_raw)
            && let Some(last) = headings.last_mut()
        {
            last.clear();
        }
        let mut rows = vec![headings];
        rows.extend(self.blocks.iter().map(|meta| self.row(meta)));
        let mut widths = [0; HEADINGS.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        for row in rows {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                write!(line, "{cell:<0$}", width + GAP)?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A span of time as Go's `time.Duration` prints it.
pub(crate) fn duration(ms: i64) -> String {
    let (seconds, rest_ms) = (ms / 1_000, ms % 1_000);
    if seconds == 0 {
        return match rest_ms {
            0 => "0s".to_owned(),
            _ => format!("{rest_ms}ms"),
        };
    }
    let fraction = match rest_ms {
        0 => String::new(),
        _ => format!(".{rest_ms:03}").trim_end_matches('0').to_owned(),
    };
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    let seconds = format!("{}{fraction}s", seconds % 60);
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// A point in time as Go's `time.Time` prints it, in whole seconds of UTC.
fn date(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} +0000 UTC",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60
    )
}

/// Year, month and day of the month of a day, counted from the epoch.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    // Years that begin in March have the leap day at their end; 400 of them have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = match month {
        0..=9 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (era * 400 + year + next_year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_dates_are_written_as_go_does() {
        for (ms, expected) in [
            (0, "0s"),
            (7, "7ms"),
            (1_500, "1.5s"),
            (61_000, "1m1s"),
            (7_200_000, "2h0m0s"),
            (64_680_001, "17h58m0.001s"),
        ] {
            assert_eq!(duration(ms), expected);
        }
        for (ms, expected) in [
            (0, "1970-01-01 00:00:00 +0000 UTC"),
            (-1, "1969-12-31 23:59:59 +0000 UTC"),
            (951_827_696_999, "2000-02-29 12:34:56 +0000 UTC"),
            (1_735_603_298_000, "2024-12-31 00:01:38 +0000 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 +0000 UTC"),
        ] {
            assert_eq!(date(ms), expected);
        }
    }
}
