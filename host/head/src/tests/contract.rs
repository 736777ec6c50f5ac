//! The head keeps the contract of every store, and a head that is closed and opened again after
//! every batch keeps it as well.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use crate::{Head, HeadOptions, ReplayReport};
use futures::executor::block_on;
use futures::future::{self, BoxFuture, FutureExt};
use narthex_model::{AppendReport, Labels, WriteBatch};
use narthex_storage::{
    AppendError, Appendable, LabelsRequest, Queryable, SelectRequest, SeriesStream, StorageError,
    contract,
};
use tempfile::TempDir;

fn open(dir: &Path) -> Head {
    Head::open(HeadOptions::new(dir)).unwrap().0
}

#[test]
fn the_head_keeps_the_contract() {
    let dirs = RefCell::new(Vec::new());
    block_on(contract::holds(|| {
        let dir = TempDir::new().unwrap();
        let head = open(dir.path());
        dirs.borrow_mut().push(dir);
        head
    }));
}

#[test]
fn a_head_that_is_replayed_after_every_batch_keeps_the_contract() {
    block_on(contract::holds(Reopened::new));
}

/// Knows nothing but what the log says.
struct Reopened {
    head: Mutex<Option<Head>>,
    dir: TempDir,
}

impl Reopened {
    fn new() -> Self {
        Self {
            head: Mutex::new(None),
            dir: TempDir::new().unwrap(),
        }
    }

    fn head(&self) -> MutexGuard<'_, Option<Head>> {
        let mut head = self.head.lock().unwrap();
        drop(head.take());
        let (opened, report) = Head::open(HeadOptions::new(self.dir.path())).unwrap();
        let expected = ReplayReport {
            segments: report.segments,
            records: report.records,
            samples: report.samples,
            series: report.series,
            ..ReplayReport::default()
        };
        assert_eq!(report, expected, "the replay left something out");
        *head = Some(opened);
        head
    }

    fn ask<T: Send + 'static>(&self, question: impl FnOnce(&Head) -> T) -> BoxFuture<'_, T> {
        future::ready(question(self.head().as_ref().unwrap())).boxed()
    }
}

impl Appendable for Reopened {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        self.head().as_ref().unwrap().append(batch)
    }
}

impl Queryable for Reopened {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.ask(|head| head.select(request).now_or_never().unwrap())
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        self.ask(|head| head.series(request).now_or_never().unwrap())
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.ask(|head| head.label_names(request).now_or_never().unwrap())
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.ask(|head| head.label_values(name, request).now_or_never().unwrap())
    }
}
