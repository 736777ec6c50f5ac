//! `queries.active`: which queries run, on disk, so that after a crash the log can say which ones
//! may be at fault.
//!
//! The file is Prometheus': `[`, then a place of 1,000 bytes for each query that may run at once.
//! A place is zeros, or `{"query":"...","timestamp_sec":...}`, zeros and a comma. It is written
//! in place and never synced: it is there to outlive the process, not the machine. A disk that is
//! full costs the entry and nothing else.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use narthex_model::Clock;
use narthex_promql::QueryTracker;

use crate::json;

/// What an entry takes in the file; a longer query is cut.
const ENTRY_BYTES: usize = 1000;

/// A file of this many entries is read at the start; what is behind them is not looked at.
const ENTRIES_READ_MAX: usize = 10_000;

/// The log of the queries that run.
#[derive(Debug)]
pub struct ActiveQueries {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    clock: Arc<dyn Clock>,
    /// The places of the file that are free; the last one is taken first.
    free: Mutex<Vec<usize>>,
}

impl ActiveQueries {
    /// Makes the file anew, for so many queries at once, and says what the last run left in it:
    /// the queries that did not finish, as a JSON list, or nothing.
    ///
    /// # Errors
    /// The file cannot be read or made.
    pub fn open(
        path: &Path,
        queries_max: usize,
        clock: Arc<dyn Clock>,
    ) -> io::Result<(Self, Option<String>)> {
        let unfinished = match File::open(path) {
            Ok(file) => unfinished(file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = File::create(path)?;
        file.write_all_at(b"[", 0)?;
        let inner = Inner {
            file,
            clock,
            free: Mutex::new((0..queries_max).rev().collect()),
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, unfinished))
    }
}

impl QueryTracker for ActiveQueries {
    fn begin(&self, query: &str) -> Box<dyn Send> {
        let place = self.inner.free().pop();
        // Without a place only where an engine has been replaced and its queries still run.
        if let Some(place) = place {
            let entry = entry(query, self.inner.clock.now_ms() / 1000);
            self.inner.write(place, &entry);
        }
        Box::new(ActiveQuery {
            inner: Arc::clone(&self.inner),
            place,
        })
    }
}

impl Inner {
    fn free(&self) -> std::sync::MutexGuard<'_, Vec<usize>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, place: usize, entry: &[u8]) {
        let at = u64::try_from(1 + place * ENTRY_BYTES).unwrap_or(u64::MAX);
        if let Err(error) = self.file.write_all_at(entry, at) {
            tracing::debug!(%error, "the log of active queries cannot be written");
        }
    }
}

/// A query that runs; its entry goes when it is dropped.
struct ActiveQuery {
    inner: Arc<Inner>,
    place: Option<usize>,
}

impl Drop for ActiveQuery {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.inner.write(place, &[0; ENTRY_BYTES]);
            self.inner.free().push(place);
        }
    }
}

/// An entry of exactly its length. Of a query that is too long there is as much as fits.
fn entry(query: &str, timestamp_s: i64) -> Vec<u8> {
    let tail = format!(r#","timestamp_sec":{timestamp_s}}}"#);
    let room = ENTRY_BYTES - 1 - tail.len();
    let mut entry = Vec::new();
    let mut shown = query.floor_char_boundary(ENTRY_BYTES);
    loop {
        entry.clear();
        entry.extend_from_slice(br#"{"query":"#);
        json::push_str(&mut entry, &query[..shown]);
        // Each byte is written as one at least.
        match entry.len().checked_sub(room) {
            None | Some(0) => break,
            Some(over) => shown = query.floor_char_boundary(shown - over.div_ceil(6)),
        }
    }
    entry.extend_from_slice(tail.as_bytes());
    entry.resize(ENTRY_BYTES - 1, 0);
    entry.push(b',');
    entry
}

/// What the file of the last run says, without the zeros, as a JSON list.
fn unfinished(file: File) -> io::Result<Option<String>> {
    let bytes_max = u64::try_from(1 + ENTRIES_READ_MAX * ENTRY_BYTES).unwrap_or(u64::MAX);
    let mut text = Vec::new();
    file.take(bytes_max).read_to_end(&mut text)?;
    text.retain(|byte| *byte != 0);
    let text = String::from_utf8_lossy(&text);
    let entries = text.trim_start_matches('[').trim_end_matches(',');
    Ok((!entries.is_empty()).then(|| format!("[{entries}]")))
}

#[cfg(test)]
mod tests {
    use narthex_model::SimulatedClock;

    use super::*;

    fn open(path: &Path) -> (ActiveQueries, Option<String>) {
        ActiveQueries::open(path, 2, Arc::new(SimulatedClock::at(5000))).unwrap()
    }

    #[test]
    fn what_ran_at_a_crash_is_told_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queries.active");
        let (log, unfinished) = open(&path);
        assert_eq!(unfinished, None);
        let first = log.begin("up");
        let second = log.begin("a{b=\"c\"}");
        let third = log.begin("has no place");
        drop((first, third));
        // No guard is dropped: the process is gone.
        std::mem::forget(second);
        let (log, unfinished) = open(&path);
        assert_eq!(
            unfinished.as_deref(),
            Some(r#"[{"query":"a{b=\"c\"}","timestamp_sec":5}]"#)
        );
        drop(log.begin("up"));
        let (_, unfinished) = open(&path);
        assert_eq!(unfinished, None);
    }

    #[test]
    fn the_file_is_prometheus() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queries.active");
        let (log, _) = open(&path);
        let _up = log.begin("up");
        let _down = log.begin("down");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), 1 + 2 * ENTRY_BYTES);
        assert!(bytes.starts_with(br#"[{"query":"up","timestamp_sec":5}"#));
        assert_eq!(bytes[ENTRY_BYTES], b',');
        assert_eq!(bytes[ENTRY_BYTES + 1], b'{');
    }

    #[test]
    fn a_query_too_long_for_its_place_is_cut_between_characters() {
        for query in ["x".repeat(5000), "é".repeat(5000), "\u{1}\"\n".repeat(5000)] {
            let entry = entry(&query, 5);
            assert_eq!(entry.len(), ENTRY_BYTES);
            let text: Vec<u8> = entry.into_iter().filter(|byte| *byte != 0).collect();
            let text = std::str::from_utf8(&text).unwrap().trim_end_matches(',');
            let parsed: serde_json::Value = serde_json::from_str(text).unwrap();
            let shown = parsed["query"].as_str().unwrap();
            assert!(query.starts_with(shown) && shown.len() > 100, "{text}");
        }
    }

    #[test]
    fn what_is_no_log_costs_no_start() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("queries.active");
        for text in [&b""[..], b"[", b"\0\0", b"[\xff,", b"]]]]"] {
            std::fs::write(&path, text).unwrap();
            open(&path);
        }
    }
}
