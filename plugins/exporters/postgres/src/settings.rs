//! The server's settings, each a family in base units.

use narthex_sdk::{Batch, Error};

use crate::rows::{Rows, number};

/// Settings that are numbers or switches.
pub(crate) const QUERY: &str = "SELECT name, setting, coalesce(unit, ''), short_desc \
                                FROM pg_settings WHERE vartype IN ('bool', 'integer', 'real')";

/// Writes what the query brought.
pub(crate) fn write(rows: &Rows, batch: &mut Batch) -> Result<(), Error> {
    for row in &rows.rows {
        let text = |place| Rows::text(row, place).unwrap_or_default();
        let (name, setting, unit, description) = (text(0), text(1), text(2), text(3));
        let fault = || Error::Protocol(format!("setting {name} is {setting:?} {unit}"));
        let value = number(Some(setting)).ok_or_else(fault)?;
        let (factor, suffix) = factor(unit).ok_or_else(fault)?;
        // Minus one stands for "not set" in many settings, whatever their unit.
        let value = if value == -1.0 { value } else { value * factor };
        let name = format!("pg_settings_{}{suffix}", name.replace('.', "_"));
        batch.gauge(&name, description).sample(&[], value);
    }
    Ok(())
}

/// What a unit comes to in seconds or bytes, and what that adds to the name.
fn factor(unit: &str) -> Option<(f64, &'static str)> {
    let seconds = |factor| Some((factor, "_seconds"));
    match unit {
        "" => return Some((1.0, "")),
        "ms" => return seconds(0.001),
        "s" => return seconds(1.0),
        "min" => return seconds(60.0),
        "h" => return seconds(3600.0),
        "d" => return seconds(86_400.0),
        _ => {}
    }
    // `8kB` is a unit as well: that of settings counted in blocks.
    let digits = unit.len() - unit.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (count, unit) = unit.split_at(digits);
    let count: f64 = if count.is_empty() {
        1.0
    } else {
        count.parse().ok()?
    };
    let bytes = match unit {
        "B" => 1.0,
        "kB" => 1024.0,
        "MB" => 1_048_576.0,
        "GB" => 1_073_741_824.0,
        "TB" => 1_099_511_627_776.0,
        _ => return None,
    };
    Some((count * bytes, "_bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_in_seconds_and_bytes() {
        let row = |name: &str, setting: &str, unit: &str| {
            [name, setting, unit, "Says what it is."]
                .map(|text| Some(text.to_owned()))
                .to_vec()
        };
        let rows = Rows {
            columns: vec![],
            rows: vec![
                row("shared_buffers", "16384", "8kB"),
                row("work_mem", "4096", "kB"),
                row("autovacuum_work_mem", "-1", "kB"),
                row("bgwriter_delay", "200", "ms"),
                row("auto_explain.log_analyze", "off", ""),
                row("max_connections", "100", ""),
            ],
        };
        let mut batch = Batch::new();
        write(&rows, &mut batch).unwrap();
        assert_eq!(
            batch.to_text(),
            "pg_settings_shared_buffers_bytes 134217728\n\
             pg_settings_work_mem_bytes 4194304\n\
             pg_settings_autovacuum_work_mem_bytes -1\n\
             pg_settings_bgwriter_delay_seconds 0.2\n\
             pg_settings_auto_explain_log_analyze 0\n\
             pg_settings_max_connections 100\n"
        );
        let odd = Rows {
            columns: vec![],
            rows: vec![row("x", "1", "furlongs")],
        };
        assert!(write(&odd, &mut batch).is_err());
    }
}
