//! Tells how late samples are that come out of order, whether they are taken or not.

use std::fmt;

use narthex_model::{AppendReport, Rejection, WriteBatch};

use crate::appender::Appender;
use crate::head::Head;

/// Who is told.
pub(crate) struct Lateness(Box<dyn Fn(i64) + Send + Sync>);

impl fmt::Debug for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lateness").finish_non_exhaustive()
    }
}

impl Head {
    /// Tells `observer` of each sample from now on that is out of order or too old how much older
    /// it is than the newest one of the head, in milliseconds. It can be done once; what comes
    /// later has no effect.
    pub fn observe_late(&self, observer: impl Fn(i64) + Send + Sync + 'static) {
        let _ = self.lateness.set(Lateness(Box::new(observer)));
    }

    /// Tells of a batch that was planned and not yet written.
    pub(crate) fn tell_late(&self, appender: &Appender, batch: &WriteBatch, report: &AppendReport) {
        let Some(Lateness(observer)) = self.lateness.get() else {
            return;
        };
        let tell = |timestamp_ms: i64| {
            let behind_ms = appender.behind_ms(timestamp_ms);
            if behind_ms > 0 {
                observer(behind_ms);
            }
        };
        let taken = appender.plan.accepted.iter();
        taken
            .filter(|sample| sample.is_late)
            .for_each(|sample| tell(sample.timestamp_ms));
        let is_late =
            |why: &Rejection| matches!(why, Rejection::OutOfOrder | Rejection::OutOfBounds);
        for (index, why) in &report.rejected {
            if let Some(sample) = batch.samples.get(*index).filter(|_| is_late(why)) {
                tell(sample.timestamp_ms);
            }
        }
        for (index, why) in &report.rejected_histograms {
            if let Some(sample) = batch.histograms.get(*index).filter(|_| is_late(why)) {
                tell(sample.timestamp_ms);
            }
        }
    }
}
