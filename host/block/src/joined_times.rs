//! The timestamps of the series that a scan hands out, shared wherever two series have the same.
//!
//! A series in one slice has a stretch of its group's vector, which costs nothing. Over several
//! slices its stretches have to be joined; all series of a target have the same ones, so they are
//! joined once.

use std::collections::HashMap;

use arrow_buffer::ScalarBuffer;

/// How many joined timestamps are kept for further series. Beyond it all are forgotten: so many
/// different ones are hardly shared.
const JOINED_MAX: usize = 256;

/// Where a stretch lies in memory, which says what it holds as long as someone has it.
type Place = (usize, usize);

/// What was joined.
#[derive(Debug, Default)]
pub(crate) struct JoinedTimes {
    known: HashMap<Vec<Place>, Joined>,
    /// The places that are looked for.
    wanted: Vec<Place>,
}

#[derive(Debug)]
struct Joined {
    all: ScalarBuffer<i64>,
    /// Keeps the stretches where they are.
    _stretches: Vec<ScalarBuffer<i64>>,
}

impl JoinedTimes {
    /// All timestamps of these stretches, one after the other.
    pub(crate) fn join(&mut self, stretches: &[ScalarBuffer<i64>]) -> ScalarBuffer<i64> {
        if let [only] = stretches {
            return only.clone();
        }
        let places = stretches.iter().map(|s| (s.as_ptr().addr(), s.len()));
        self.wanted.clear();
        self.wanted.extend(places);
        if let Some(joined) = self.known.get(&self.wanted) {
            return joined.all.clone();
        }
        let parts: Vec<&[i64]> = stretches.iter().map(|stretch| &stretch[..]).collect();
        let joined = Joined {
            all: parts.concat().into(),
            _stretches: stretches.to_vec(),
        };
        let all = joined.all.clone();
        if self.known.len() >= JOINED_MAX {
            self.known.clear();
        }
        self.known.insert(self.wanted.clone(), joined);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_stretches_are_joined_once() {
        let vector =
            |times: std::ops::Range<i64>| -> ScalarBuffer<i64> { times.collect::<Vec<_>>().into() };
        let (early, late) = (vector(0..10), vector(20..30));
        let mut joined = JoinedTimes::default();
        let first = joined.join(&[early.slice(8, 2), late.slice(0, 1)]);
        let again = joined.join(&[early.slice(8, 2), late.slice(0, 1)]);
        let other = joined.join(&[early.slice(8, 2), late.slice(0, 2)]);
        assert_eq!(first[..], [8, 9, 20]);
        assert_eq!(other[..], [8, 9, 20, 21]);
        assert_eq!(first.as_ptr(), again.as_ptr());
        assert_eq!(joined.join(&[late.slice(3, 2)])[..], [23, 24]);
        for start in 0..600 {
            let found = joined.join(&[early.clone(), vector(start..start + 2)]);
            assert_eq!(found[10..], [start, start + 1]);
            assert!(joined.known.len() <= JOINED_MAX);
        }
    }
}
