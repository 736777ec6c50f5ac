//! Takes in a block of samples that come from elsewhere than the head.

use narthex_block::{BlockMeta, SLICE_MS, TimeBounds, WriteOptions};
use narthex_storage::Series;

use crate::catalog::Catalog;
use crate::{Tsdb, TsdbError};

impl Tsdb {
    /// Makes a block of series in the order of blocks, and shows it to readers. `Ok(None)` says
    /// that no sample came. `sources` are the names of blocks of another store whose samples these
    /// are.
    ///
    /// # Errors
    /// A series is an error; the block cannot be written; or the log has samples that are older
    /// than the end of the block, which would take their place. Nothing has changed then.
    pub(crate) async fn take_in<E: From<TsdbError>>(
        &self,
        range: TimeBounds,
        sources: Vec<String>,
        series: impl IntoIterator<Item = Result<Series, E>>,
    ) -> Result<Option<BlockMeta>, E> {
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
        let written = self.write_series(&options, series).await;
        let shown = match written {
            Ok(Some(meta)) => self.catalog.show(options.ulid).await.map(|()| Some(meta)),
            other => return other.inspect_err(|_| self.catalog.discard(options.ulid)),
        };
        Ok(shown?)
    }

    async fn write_series<E: From<TsdbError>>(
        &self,
        options: &WriteOptions,
        series: impl IntoIterator<Item = Result<Series, E>>,
    ) -> Result<Option<BlockMeta>, E> {
        let (mut failure, mut series) = (None, series.into_iter());
        let sound = std::iter::from_fn(|| match series.next()? {
            Ok(series) => Some(series),
            Err(error) => {
                failure = Some(error);
                None
            }
        });
        let folder = Catalog::temporary(options.ulid);
        let written = narthex_block::write(self.catalog.store(), &folder, sound, options).await;
        match failure {
            Some(error) => Err(error),
            None => Ok(written.map_err(TsdbError::from)?),
        }
    }
}
