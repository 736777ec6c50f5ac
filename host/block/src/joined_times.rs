//! The timestamps of the series that a scan hands out, shared wherever two series have the same.
//!
//! A series in one slice has a stretch of its group's vector, which costs nothing. Over several
//! slices its stretches have to be joined; all series of a target have the same ones, so they are
//! joined once.

use std::collections::HashMap;

use arrow_buffer::ScalarBuffer;

use crate::Fault;

/// How many joined timestamps are kept for further series. Beyond it all are forgotten: so many
/// different ones are hardly shared.
const JOINED_MAX: usize = 256;

/// A stretch of a timestamp vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stretch {
    /// The row of `times.parquet`.
    pub(crate) group: usize,
    /// The first place of the vector, and how many there are.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// What was joined, of the vectors of one block.
#[derive(Debug, Default)]
pub(crate) struct JoinedTimes {
    known: HashMap<Vec<Stretch>, ScalarBuffer<i64>>,
}

impl JoinedTimes {
    /// All timestamps of these stretches, one after the other; `join` makes them.
    pub(crate) fn get(
        &mut self,
        stretches: &[Stretch],
        join: impl FnOnce() -> Result<ScalarBuffer<i64>, Fault>,
    ) -> Result<ScalarBuffer<i64>, Fault> {
        if let Some(known) = self.known.get(stretches) {
            return Ok(known.clone());
        }
        let joined = join()?;
        if self.known.len() >= JOINED_MAX {
            self.known.clear();
        }
        self.known.insert(stretches.to_vec(), joined.clone());
        Ok(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stretches_are_joined_once() {
        let stretch = |group, start, len| Stretch { group, start, len };
        let mut joined = JoinedTimes::default();
        let two = [stretch(0, 8, 2), stretch(1, 0, 1)];
        let failed = joined.get(&two, || Err(Fault::format("broken")));
        assert!(failed.is_err());
        let first = joined.get(&two, || Ok(vec![8, 9, 20].into())).unwrap();
        let again = joined.get(&two, || Ok(vec![].into())).unwrap();
        assert_eq!(
            (&first[..], first.as_ptr()),
            (&[8, 9, 20][..], again.as_ptr())
        );
        for start in 0..2 * JOINED_MAX {
            let stretches = [stretch(0, 0, 10), stretch(2, start, 1)];
            let time = i64::try_from(start).unwrap_or_default();
            let found = joined.get(&stretches, || Ok(vec![time].into())).unwrap();
            assert_eq!(found[..], [time]);
            assert!(joined.known.len() <= JOINED_MAX);
        }
    }
}
