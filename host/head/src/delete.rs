//! Deletes samples: the log first, then memory.

use narthex_model::Matcher;
use narthex_storage::TimeRange;

use crate::error::HeadError;
use crate::head::Head;
use crate::log::deletion;
use crate::log::frame::FrameType;

impl Head {
    /// Deletes the samples in the range of all series that one of the selectors takes, as far as
    /// they are there. When it returns `Ok`, no later reader gets them, and that outlives the
    /// machine. The series themselves stay until they have no sample that is as new as what
    /// [`Self::truncate`] leaves.
    ///
    /// A sample that comes out of order later, at a time in the range, is not shown as long as
    /// the head has others of that time: it is in the block that is cut of them, as in Prometheus.
    /// At the very time of a deleted sample it is refused as a duplicate.
    ///
    /// # Errors
    /// The log cannot be written, and nothing is deleted; or it cannot be forced to the disk, and
    /// then the samples are deleted, though a power cut may bring them back. Or the head is closed.
    pub fn delete(&self, selectors: &[Vec<Matcher>], range: TimeRange) -> Result<(), HeadError> {
        let mut appender = self.appender();
        if appender.closed {
            return Err(HeadError::Closed);
        }
        let span = {
            let memory = self.memory();
            if memory.selected(selectors, range).is_empty() {
                return Ok(());
            }
            memory.span()
        };
        let payload = deletion::encode(selectors, range);
        // The record is needed as long as the log has samples that it deletes.
        let newest_ms = span.map_or(i64::MIN, |span| span.end_ms.min(range.end_ms));
        let deleted = TimeRange {
            start_ms: range.start_ms,
            end_ms: newest_ms,
        };
        appender.log.segment().map_err(HeadError::Log)?;
        let written = appender.log.append(FrameType::Deletion, &payload, deleted);
        written.map_err(HeadError::Log)?;
        self.memory_mut().delete(selectors, range);
        drop(appender);
        self.sync()
    }
}
