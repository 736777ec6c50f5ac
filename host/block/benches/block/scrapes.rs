//! What was scraped of real targets.

use std::collections::HashMap;
use std::path::Path;

use narthex_exposition::{Entry, Format, Parser};
use narthex_model::{Labels, LabelsBuilder};
use narthex_storage::Series;

use crate::grid::{self, SCRAPES};

/// The last scrapes of each target in a folder, as many as there are slices for at most.
pub(crate) fn series(folder: &Path, slices: usize) -> Vec<Series> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "scrapes")
        })
        .collect();
    files.sort();
    let targets = files.iter().zip(0..);
    targets
        .flat_map(|(path, target)| of_target(path, target, slices))
        .collect()
}

fn of_target(path: &Path, target: u64, slices: usize) -> Vec<Series> {
    let job = path.file_stem().unwrap().to_str().unwrap();
    let bytes = std::fs::read(path).unwrap();
    let pages = pages(&bytes);
    let wanted = SCRAPES * slices;
    let pages = &pages[pages.len().saturating_sub(wanted)..];
    let times = grid::times(target, slices);
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut all: Vec<(Labels, Vec<i64>, Vec<f64>)> = Vec::new();
    for (page, time) in pages.iter().zip(times.iter()) {
        for entry in Parser::new(page, Format::PrometheusText) {
            let Entry::Series(entry) = entry.unwrap() else {
                continue;
            };
            let at = *known.entry(entry.text).or_insert_with(|| {
                let mut labels = LabelsBuilder::from_labels(&entry.labels().unwrap());
                labels
                    .set("instance", &format!("{job}.example.org:9100"))
                    .set("job", job);
                all.push((labels.build(), Vec::new(), Vec::new()));
                all.len() - 1
            });
            all[at].1.push(*time);
            all[at].2.push(entry.value);
        }
    }
    let series = |(labels, timestamps, values): (Labels, Vec<i64>, Vec<f64>)| {
        let timestamps = match timestamps.len() == times.len() {
            true => times.clone(),
            false => timestamps.into(),
        };
        Series::of_numbers(labels, timestamps, values)
    };
    all.into_iter().map(series).collect()
}

/// The pages of a file; one that was cut off is left out.
fn pages(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut pages = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let size: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
        let Some(page) = bytes.get(end + 1..end + 1 + size) else {
            break;
        };
        // A scrape that failed is empty.
        if size > 0 {
            pages.push(page);
        }
        bytes = &bytes[end + 1 + size..];
    }
    pages
}
