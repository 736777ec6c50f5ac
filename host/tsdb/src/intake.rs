//! Takes in a block of samples that come from elsewhere than the head.

use futures::TryStreamExt;
use narthex_block::{BlockMeta, SLICE_MS, TimeBounds, WriteOptions};
use narthex_disk::is_full;
use narthex_storage::Series;
use object_store::ObjectStore;
use object_store::memory::InMemory;

use crate::catalog::Catalog;
use crate::{Tsdb, TsdbError};

impl Tsdb {
    /// Makes a block of series in the order of blocks, and shows it to readers. `Ok(None)` says
    /// that no sample came. `sources` are the names of blocks of another store whose samples these
    /// are. `series` gives them once more where there was no room, to tell how much is needed.
    ///
    /// # Errors
    /// A series is an error; the block cannot be written; or the log has samples that are older
    /// than the end of the block, which would take their place. Nothing has changed then.
    pub(crate) async fn take_in<E, I>(
        &self,
        range: TimeBounds,
        sources: Vec<String>,
        series: impl Fn() -> I,
    ) -> Result<Option<BlockMeta>, E>
    where
        E: From<TsdbError>,
        I: IntoIterator<Item = Result<Series, E>>,
    {
        // No cut and no compaction at the same time.
        let closed = self.closed.lock().await;
        if *closed {
            return Err(TsdbError::Closed.into());
        }
        // At the next start the log counts only from the end of the blocks on.
        if let Some(oldest_ms) = self.head.min_time().filter(|ms| *ms < range.end_ms) {
            let end_ms = range.end_ms;
            return Err(TsdbError::LogIsOlder { oldest_ms, end_ms }.into());
        }
        self.head.refuse_before(range.end_ms);
        let options = WriteOptions {
            ulid: self.new_ulid(),
            range,
            slice_ms: SLICE_MS,
            sources,
        };
        let made = match write(self.catalog.store(), &options, series()).await {
            Ok(Some(meta)) => {
                let shown = self.catalog.show(options.ulid).await;
                shown.map(|()| Some(meta)).map_err(Failure::Store)
            }
            other => other.inspect_err(|_| self.catalog.discard(options.ulid)),
        };
        match made {
            Ok(meta) => Ok(meta),
            Err(Failure::Series(error)) => Err(error),
            Err(Failure::Store(error)) if is_full(&error) => {
                // The same block in memory, where there is room: all of it is counted.
                let memory = InMemory::new();
                let sizes = match write(&memory, &options, series()).await {
                    Ok(_) => memory.list(None).map_ok(|object| object.size),
                    Err(_) => return Err(error.into()),
                };
                let sizes = sizes.try_collect::<Vec<u64>>().await.unwrap_or_default();
                let needed_bytes = sizes.iter().sum();
                let no_room = TsdbError::NoRoom {
                    path: self.catalog.path(),
                    needed_bytes,
                    free_bytes: self.free_bytes(),
                    source: Box::new(error),
                };
                Err(no_room.into())
            }
            Err(Failure::Store(error)) => Err(error.into()),
        }
    }
}

/// Why a block was not made.
enum Failure<E> {
    /// A series is an error.
    Series(E),
    Store(TsdbError),
}

/// Writes the files of a block into its temporary folder.
async fn write<E>(
    store: &dyn ObjectStore,
    options: &WriteOptions,
    series: impl IntoIterator<Item = Result<Series, E>>,
) -> Result<Option<BlockMeta>, Failure<E>> {
    let (mut failure, mut series) = (None, series.into_iter());
    let sound = std::iter::from_fn(|| match series.next()? {
        Ok(series) => Some(series),
        Err(error) => {
            failure = Some(error);
            None
        }
    });
    let folder = Catalog::temporary(options.ulid);
    let written = narthex_block::write(store, &folder, sound, options).await;
    match failure {
        Some(error) => Err(Failure::Series(error)),
        None => written.map_err(|error| Failure::Store(error.into())),
    }
}
