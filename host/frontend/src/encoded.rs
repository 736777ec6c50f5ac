//! A matrix as bytes: for each series its labels, at which of the steps it has a number, the numbers
//! as a cell, and its native histograms in the same way. Every bit comes back.
//!
//! ```text
//! matrix      series count, series...
//! series      label count, (name, value)..., numbers, histograms
//! numbers     runs, length of the cell, cell of nx1
//! histograms  runs, length of the cell, cell of histograms
//! runs        run count, (steps left out, steps)...
//! name, value length, bytes
//! ```
//!
//! All lengths and counts are numbers of seven bits a byte. It is not: a format with a checksum, or
//! one that outlives the version of the program; who keeps it elsewhere sees to both.

use narthex_model::Labels;
use narthex_nx::varint::{self, Input};
use narthex_nx::{CellError, histogram_cell};
use narthex_promql::MatrixSeries;

use crate::steps::Steps;

const BROKEN: &str = "what was kept is no matrix";

/// The bytes of a matrix whose samples lie at these steps; `None` where some do not, or a histogram is
/// none that can be encoded.
pub(crate) fn encode(matrix: &[MatrixSeries], steps: Steps) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    varint::push(&mut out, matrix.len() as u64);
    let mut cell = Vec::new();
    for series in matrix {
        varint::push(&mut out, series.labels.len() as u64);
        for (name, value) in &series.labels {
            push_text(&mut out, name);
            push_text(&mut out, value);
        }
        push_runs(&mut out, steps, series.timestamps.iter().copied())?;
        cell.clear();
        narthex_nx::encode(&series.values, &mut cell);
        push_cell(&mut out, &cell);
        let times = series.histograms.iter().map(|(time_ms, _)| *time_ms);
        push_runs(&mut out, steps, times)?;
        let histograms: Vec<_> = series.histograms.iter().map(|(_, h)| &**h).collect();
        push_cell(&mut out, &histogram_cell::encode(&histograms).ok()?);
    }
    Some(out)
}

/// The matrix of the bytes.
///
/// # Errors
/// They are none of a matrix at these steps.
pub(crate) fn decode(bytes: &[u8], steps: Steps) -> Result<Vec<MatrixSeries>, CellError> {
    let mut input = Input::new(bytes, BROKEN);
    let count = input.size(bytes.len())?;
    let mut matrix = Vec::new();
    for _ in 0..count {
        matrix.push(read_series(&mut input, steps)?);
    }
    match input.is_empty() {
        true => Ok(matrix),
        false => Err(input.broken()),
    }
}

fn read_series(input: &mut Input<'_>, steps: Steps) -> Result<MatrixSeries, CellError> {
    let count = input.size(input.rest().len())?;
    let mut pairs = Vec::new();
    for _ in 0..count {
        pairs.push((read_text(input)?, read_text(input)?));
    }
    let labels = Labels::from_sorted(pairs).map_err(|_| input.broken())?;
    let timestamps = read_runs(input, steps)?;
    let mut values = Vec::with_capacity(timestamps.len());
    narthex_nx::decode(read_cell(input)?, timestamps.len(), &mut values)?;
    let times = read_runs(input, steps)?;
    let histograms = histogram_cell::decode(read_cell(input)?, times.len())?;
    if histograms.len() != times.len() {
        return Err(input.broken());
    }
    Ok(MatrixSeries {
        labels,
        timestamps,
        values,
        histograms: times.into_iter().zip(histograms).collect(),
    })
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    push_cell(out, text.as_bytes());
}

fn read_text<'a>(input: &mut Input<'a>) -> Result<&'a str, CellError> {
    let bytes = read_cell(input)?;
    std::str::from_utf8(bytes).map_err(|_| input.broken())
}

fn push_cell(out: &mut Vec<u8>, cell: &[u8]) {
    varint::push(out, cell.len() as u64);
    out.extend_from_slice(cell);
}

fn read_cell<'a>(input: &mut Input<'a>) -> Result<&'a [u8], CellError> {
    let length = input.size(input.rest().len())?;
    input.take(length)
}

/// The times as runs of steps; `None` where one is no step.
fn push_runs(out: &mut Vec<u8>, steps: Steps, times: impl Iterator<Item = i64>) -> Option<()> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut next = 0;
    for time_ms in times {
        let number = steps.number(time_ms)?;
        let left_out = number.checked_sub(next)?;
        next = number + 1;
        match runs.last_mut() {
            Some((_, length)) if left_out == 0 => *length += 1,
            _ => runs.push((left_out, 1)),
        }
    }
    varint::push(out, runs.len() as u64);
    for (left_out, length) in runs {
        varint::push(out, left_out as u64);
        varint::push(out, length as u64);
    }
    Some(())
}

fn read_runs(input: &mut Input<'_>, steps: Steps) -> Result<Vec<i64>, CellError> {
    let count_max = steps.count();
    let runs = input.size(count_max)?;
    let mut times = Vec::new();
    let mut next = 0;
    for _ in 0..runs {
        let first = next + input.size(count_max)?;
        let length = input.size(count_max)?;
        next = first + length;
        if next > count_max {
            return Err(input.broken());
        }
        times.extend((first..next).map(|number| steps.time(number)));
    }
    Ok(times)
}

#[cfg(test)]
mod tests;
