//! A part of a query: which of its steps are kept, and which are to be evaluated.

use narthex_storage::TimeRange;

use crate::extent::Extent;
use crate::steps::Steps;

/// What is new has to be this share of what it would be kept with, so that what is kept is not
/// written anew for every step that comes.
const SHARE_OF_NEW: usize = 16;

/// What is known of a part before anything is evaluated.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Extents that hold, in the order of time, none of which overlaps another. Each overlaps the
    /// part, or is its neighbour.
    pub(crate) extents: Vec<Extent>,
    /// How to keep what is evaluated; `None` where it cannot be kept.
    pub(crate) keeping: Option<Keeping>,
}

/// What is to be kept of a part together with its extents.
#[derive(Debug)]
pub(crate) struct Keeping {
    /// From the first of the steps to the last one.
    pub(crate) steps: Steps,
    /// The last step that is old enough.
    pub(crate) old_to_ms: i64,
    /// When the oldest of what is kept was made, in milliseconds since the epoch.
    pub(crate) made_ms: i64,
    /// The samples that all of them look at.
    pub(crate) reads: Vec<TimeRange>,
    /// What the store said of these before anything was evaluated.
    pub(crate) version: u64,
}

/// Where the answer of some steps comes from.
#[derive(Debug)]
pub(crate) enum Source {
    /// From this extent; `None` where it is a neighbour only.
    Kept(Extent, Option<Steps>),
    /// They are evaluated, and kept.
    Evaluated(Steps),
    /// They are evaluated.
    Passing(Steps),
}

impl Found {
    /// Where each step of the part comes from, in the order of time.
    pub(crate) fn sources(&mut self, part: Steps) -> Vec<Source> {
        let gaps = self.gaps(part);
        let old_to_ms = self.keeping.as_ref().map(|keeping| keeping.old_to_ms);
        let old = |gap: &Steps| old_to_ms.and_then(|old_to_ms| gap.until(old_to_ms));
        let new: usize = gaps.iter().filter_map(old).map(Steps::count).sum();
        let all = self
            .keeping
            .as_ref()
            .map_or(0, |keeping| keeping.steps.count());
        let is_worth_it = new > 0 && new.saturating_mul(SHARE_OF_NEW) >= all;
        if !is_worth_it {
            self.keeping = None;
        }
        let mut sources: Vec<(i64, Source)> = Vec::new();
        for gap in gaps {
            match old(&gap).filter(|_| is_worth_it) {
                Some(old) => {
                    sources.push((old.from_ms, Source::Evaluated(old)));
                    if let Some(rest) = gap.after(old.to_ms) {
                        sources.push((rest.from_ms, Source::Passing(rest)));
                    }
                }
                None => sources.push((gap.from_ms, Source::Passing(gap))),
            }
        }
        for extent in self.extents.drain(..) {
            let steps = extent.steps.shared(part);
            sources.push((extent.steps.from_ms, Source::Kept(extent, steps)));
        }
        sources.sort_by_key(|(from_ms, _)| *from_ms);
        sources.into_iter().map(|(_, source)| source).collect()
    }

    /// The steps of the part that no extent has.
    fn gaps(&self, part: Steps) -> Vec<Steps> {
        let mut gaps = Vec::new();
        let mut rest = Some(part);
        for extent in &self.extents {
            let Some(left) = rest else {
                break;
            };
            let Some(known) = left.shared(extent.steps) else {
                continue;
            };
            gaps.extend(left.before(known.from_ms));
            rest = left.after(known.to_ms);
        }
        gaps.extend(rest);
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn steps(from_ms: i64, to_ms: i64) -> Steps {
        Steps::new(from_ms, to_ms, 10).unwrap()
    }

    fn extent(from_ms: i64, to_ms: i64) -> Extent {
        Extent {
            steps: steps(from_ms, to_ms),
            reads: Arc::default(),
            version: 0,
            made_ms: 0,
            infos: Arc::default(),
            text: "up".into(),
            matrix: Arc::from([]),
        }
    }

    fn keeping(from_ms: i64, to_ms: i64, old_to_ms: i64) -> Option<Keeping> {
        Some(Keeping {
            steps: steps(from_ms, to_ms),
            old_to_ms,
            made_ms: 0,
            reads: Vec::new(),
            version: 0,
        })
    }

    fn shown(source: &Source) -> String {
        let span = |steps: Steps| format!("{}-{}", steps.from_ms, steps.to_ms);
        match source {
            Source::Kept(extent, None) => format!("beside {}", span(extent.steps)),
            Source::Kept(_, Some(steps)) => format!("kept {}", span(*steps)),
            Source::Evaluated(steps) => format!("evaluated {}", span(*steps)),
            Source::Passing(steps) => format!("passing {}", span(*steps)),
        }
    }

    fn check(extents: &[(i64, i64)], keeping: Option<Keeping>, expected: &[&str]) {
        let mut found = Found {
            extents: extents.iter().map(|(a, b)| extent(*a, *b)).collect(),
            keeping,
        };
        let sources = found.sources(steps(100, 500));
        assert_eq!(sources.iter().map(shown).collect::<Vec<_>>(), expected);
        let is_evaluated = |source: &Source| matches!(source, Source::Evaluated(_));
        assert_eq!(found.keeping.is_some(), sources.iter().any(is_evaluated));
    }

    #[test]
    fn each_step_has_one_source() {
        check(&[], None, &["passing 100-500"]);
        check(&[], keeping(100, 500, 500), &["evaluated 100-500"]);
        check(
            &[],
            keeping(100, 400, 400),
            &["evaluated 100-400", "passing 410-500"],
        );
        check(&[(0, 600)], keeping(0, 600, 500), &["kept 100-500"]);
        check(
            &[(0, 90), (200, 300), (310, 350)],
            keeping(0, 450, 450),
            &[
                "beside 0-90",
                "evaluated 100-190",
                "kept 200-300",
                "kept 310-350",
                "evaluated 360-450",
                "passing 460-500",
            ],
        );
        check(
            &[(150, 300)],
            None,
            &["passing 100-140", "kept 150-300", "passing 310-500"],
        );
    }

    #[test]
    fn little_that_is_new_is_not_kept() {
        check(
            &[(100, 460)],
            keeping(100, 470, 470),
            &["kept 100-460", "passing 470-500"],
        );
        check(
            &[(100, 430)],
            keeping(100, 470, 470),
            &["kept 100-430", "evaluated 440-470", "passing 480-500"],
        );
    }
}
