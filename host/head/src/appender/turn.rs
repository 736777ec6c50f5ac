//! When a sample comes, measured by what its series and the blocks have, and what there is at its
//! time already.

use narthex_model::Rejection;

use super::Appender;
use crate::late::Held;

/// When a sample comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is newer than what its series has.
    InOrder,
    /// Its series has a newer one, or blocks have its time, and it is taken all the same.
    Late,
    /// It is as old as the newest of its series.
    Again,
}

impl Appender {
    /// Whether a sample comes in order, late or again; or why it is not taken.
    pub(super) fn turn(
        &self,
        known: Option<u32>,
        timestamp_ms: i64,
        late_from_ms: i64,
    ) -> Result<Turn, Rejection> {
        let mut is_late = timestamp_ms < self.bound_ms;
        if let Some(slot) = known
            && !is_late
        {
            let cursor = &self.slots[slot as usize].cursor;
            if cursor.has_sample && timestamp_ms == cursor.timestamp_ms {
                return Ok(Turn::Again);
            }
            is_late = cursor.has_sample && timestamp_ms < cursor.timestamp_ms;
        }
        if is_late && timestamp_ms < late_from_ms {
            let is_old = timestamp_ms < self.bound_ms || self.window_ms > 0;
            return Err(match is_old {
                true => Rejection::OutOfBounds,
                false => Rejection::OutOfOrder,
            });
        }
        Ok(match is_late {
            true => Turn::Late,
            false => Turn::InOrder,
        })
    }

    /// What there is at the time of a late sample: in the batch before it, or in memory.
    pub(super) fn earlier(
        &self,
        slot: u32,
        timestamp_ms: i64,
        held: impl Fn(u32, i64) -> Option<Held>,
    ) -> Option<Held> {
        let same = self.plan.late.get(&(slot, timestamp_ms)).cloned();
        same.or_else(|| held(slot, timestamp_ms))
    }
}
