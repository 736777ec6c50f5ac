//! Times that series share: all series of one scrape have their samples at the same times, so
//! these lie in memory once.
//!
//! Nobody says which series belong together. A series that gets a sample goes on along its
//! timeline where that says the same time next, and makes it longer where it ends. A series that
//! starts anew joins the timeline of the sample before it in the batch, where that has the time.
//! So the series of a target find each other again with each new timeline, and those that miss a
//! scrape part from the others.

use arrow_buffer::ScalarBuffer;

/// A timeline takes no more times than this, so no chunk has more samples.
pub(crate) const CHUNK_SAMPLES: u8 = 120;

/// A first timeline takes at least so many times: the first timelines of targets end at different
/// times, so that not all series of a head are sealed in the same moment, for ever after.
const FIRST_SAMPLES_MIN: u8 = 60;

/// What a series that misses a scrape early takes along to a timeline of its own. One with more
/// samples is worth a chunk.
const FORK_SAMPLES_MAX: u8 = 32;

/// All timelines, by number. Numbers of those that nobody uses are used again.
#[derive(Debug, Default)]
pub(crate) struct Timelines {
    lines: Vec<Timeline>,
    free: Vec<u32>,
    /// Of all lines together.
    users: u64,
}

#[derive(Debug)]
struct Timeline {
    times: Times,
    /// How many times it takes.
    capacity: u8,
    /// How many chunks and tails have their times here.
    users: u32,
}

#[derive(Debug)]
enum Times {
    Growing(Vec<i64>),
    /// No time will follow, so readers share them.
    Full(ScalarBuffer<i64>),
}

/// Some times of a timeline, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) line: u32,
    pub(crate) from: u8,
    pub(crate) count: u8,
}

impl Stretch {
    /// The index behind its last time.
    pub(crate) fn end(self) -> usize {
        usize::from(self.from) + usize::from(self.count)
    }
}

/// What the samples of a batch tell those behind them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Company {
    /// Where the sample before went.
    line: Option<u32>,
    /// The last series that parted from its timeline: its samples until then, and where it went.
    fork: Option<(Stretch, u32)>,
}

/// Where a series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Its stretch has one more time.
    Longer,
    /// The same, along another timeline.
    Elsewhere(Stretch),
    /// Its samples so far are a chunk; a stretch of one time follows.
    Sealed(Stretch),
}

impl Timelines {
    /// A stretch of one time for a series without one. The caller is its user.
    pub(crate) fn join(&mut self, company: &mut Company, at_ms: i64, is_first: bool) -> Stretch {
        let known = company.line.and_then(|line| {
            let times = self.times_of(line);
            let last = times.len().checked_sub(1)?;
            let index = match times[last] == at_ms {
                true => last,
                false => times.binary_search(&at_ms).ok()?,
            };
            Some((line, u8::try_from(index).ok()?))
        });
        let (line, from) = known.unwrap_or_else(|| (self.start(at_ms, is_first), 0));
        company.line = Some(line);
        self.add_user(line);
        Stretch {
            line,
            from,
            count: 1,
        }
    }

    /// Where a series goes on whose samples are `so_far`, at a time behind them. The caller is
    /// the user of the outcome instead of `so_far`, or, where that is sealed, beside it.
    pub(crate) fn follow(&mut self, company: &mut Company, so_far: Stretch, at_ms: i64) -> Next {
        let end = so_far.end();
        let timeline = &mut self.lines[so_far.line as usize];
        let is_full = end == usize::from(timeline.capacity);
        let is_next = match &mut timeline.times {
            Times::Full(times) => times.get(end) == Some(&at_ms),
            Times::Growing(times) if end < times.len() => times[end] == at_ms,
            Times::Growing(times) if !is_full => {
                times.push(at_ms);
                if times.len() == usize::from(timeline.capacity) {
                    timeline.times = Times::Full(std::mem::take(times).into());
                }
                true
            }
            Times::Growing(_) => false,
        };
        if is_next {
            company.line = Some(so_far.line);
            return Next::Longer;
        }
        if is_full || so_far.count >= FORK_SAMPLES_MAX {
            return Next::Sealed(self.join(company, at_ms, false));
        }
        Next::Elsewhere(self.fork(company, so_far, at_ms))
    }

    /// Copies a stretch to another timeline, or finds where the series before it did the same.
    fn fork(&mut self, company: &mut Company, so_far: Stretch, at_ms: i64) -> Stretch {
        let index = usize::from(so_far.count);
        let known = company.fork.filter(|(same, line)| {
            *same == so_far && self.times_of(*line).get(index) == Some(&at_ms)
        });
        let line = known.map_or_else(
            || {
                let line = self.start(at_ms, false);
                let mut times = self.times(so_far).to_vec();
                times.push(at_ms);
                self.lines[line as usize].times = Times::Growing(times);
                line
            },
            |(_, line)| line,
        );
        company.fork = Some((so_far, line));
        company.line = Some(line);
        self.add_user(line);
        self.release(so_far.line);
        Stretch {
            line,
            from: 0,
            count: so_far.count + 1,
        }
    }

    fn start(&mut self, at_ms: i64, is_first: bool) -> u32 {
        let line = self.free.pop();
        let line = line.unwrap_or(u32::try_from(self.lines.len()).unwrap_or(u32::MAX));
        let spread = u32::from(CHUNK_SAMPLES - FIRST_SAMPLES_MIN) + 1;
        let capacity = match is_first {
            // Neighbours are far apart: 37 and the spread have no common factor.
            true => FIRST_SAMPLES_MIN + u8::try_from(line.wrapping_mul(37) % spread).unwrap_or(0),
            false => CHUNK_SAMPLES,
        };
        let timeline = Timeline {
            times: Times::Growing(vec![at_ms]),
            capacity,
            users: 0,
        };
        match self.lines.get_mut(line as usize) {
            Some(free) => *free = timeline,
            None => self.lines.push(timeline),
        }
        line
    }

    fn add_user(&mut self, line: u32) {
        self.lines[line as usize].users += 1;
        self.users += 1;
    }

    /// The timelines in use: their number, how many times they take, and these.
    pub(crate) fn used(&self) -> impl Iterator<Item = (u32, u8, &[i64])> {
        let lines = (0..).zip(&self.lines).filter(|(_, line)| line.users > 0);
        lines.map(|(number, line)| (number, line.capacity, self.times_of(number)))
    }

    /// Adds a timeline behind all others, without a user. It takes at least as many times as there
    /// are.
    pub(crate) fn restore(&mut self, capacity: u8, times: Vec<i64>) {
        let is_full = times.len() >= usize::from(capacity);
        self.lines.push(Timeline {
            times: match is_full {
                true => Times::Full(times.into()),
                false => Times::Growing(times),
            },
            capacity,
            users: 0,
        });
    }

    /// One user more of a timeline that was [restored](Self::restore).
    pub(crate) fn restore_user(&mut self, line: u32) {
        self.add_user(line);
    }

    /// Lets go of the timelines without a user.
    pub(crate) fn end_restore(&mut self) {
        for (number, line) in (0..).zip(&mut self.lines) {
            if line.users == 0 {
                line.times = Times::Growing(Vec::new());
                self.free.push(number);
            }
        }
    }

    /// How many chunks and tails there are: each has its times in one timeline.
    pub(crate) fn users(&self) -> u64 {
        self.users
    }

    /// One user less of a timeline; without any it is gone.
    pub(crate) fn release(&mut self, line: u32) {
        self.users -= 1;
        let timeline = &mut self.lines[line as usize];
        timeline.users -= 1;
        if timeline.users == 0 {
            timeline.times = Times::Growing(Vec::new());
            self.free.push(line);
        }
    }

    /// Forgets what the last truncation made free at the end, so that numbers do not pile up.
    pub(crate) fn shrink(&mut self) {
        if self.free.len() == self.lines.len() {
            *self = Self::default();
        }
    }

    /// The times of a stretch, ascending.
    pub(crate) fn times(&self, stretch: Stretch) -> &[i64] {
        &self.times_of(stretch.line)[usize::from(stretch.from)..stretch.end()]
    }

    /// The first time of a stretch; those of series are never empty.
    pub(crate) fn start_ms(&self, stretch: Stretch) -> i64 {
        self.times_of(stretch.line)[usize::from(stretch.from)]
    }

    /// The last time of a stretch; those of series are never empty.
    pub(crate) fn end_ms(&self, stretch: Stretch) -> i64 {
        self.times_of(stretch.line)[stretch.end() - 1]
    }

    /// So many times of a stretch as a buffer, shared where the timeline will not grow.
    pub(crate) fn buffer(&self, stretch: Stretch, skip: usize, take: usize) -> ScalarBuffer<i64> {
        match &self.lines[stretch.line as usize].times {
            Times::Full(times) => times.slice(usize::from(stretch.from) + skip, take),
            Times::Growing(_) => self.times(stretch)[skip..skip + take].to_vec().into(),
        }
    }

    fn times_of(&self, line: u32) -> &[i64] {
        match &self.lines[line as usize].times {
            Times::Growing(times) => times,
            Times::Full(times) => times,
        }
    }

    /// How many timelines there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.lines.len() - self.free.len()
    }

    /// Bytes of all of them.
    pub(crate) fn heap_bytes(&self) -> usize {
        let times = self.lines.iter().map(|line| match &line.times {
            Times::Growing(times) => times.capacity(),
            Times::Full(times) => times.len(),
        });
        times.sum::<usize>() * size_of::<i64>()
            + self.lines.capacity() * size_of::<Timeline>()
            + self.free.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A series that only knows its stretches.
    #[derive(Default)]
    struct Walker {
        sealed: Vec<Stretch>,
        tail: Option<Stretch>,
    }

    impl Walker {
        fn push(&mut self, lines: &mut Timelines, company: &mut Company, at_ms: i64) {
            let Some(tail) = &mut self.tail else {
                self.tail = Some(lines.join(company, at_ms, true));
                return;
            };
            match lines.follow(company, *tail, at_ms) {
                Next::Longer => tail.count += 1,
                Next::Elsewhere(stretch) => *tail = stretch,
                Next::Sealed(stretch) => self.sealed.push(std::mem::replace(tail, stretch)),
            }
        }

        fn times(&self, lines: &Timelines) -> Vec<i64> {
            let stretches = self.sealed.iter().chain(&self.tail);
            let times = stretches.flat_map(|stretch| lines.times(*stretch));
            times.copied().collect()
        }
    }

    /// Pushes to each series the times for which `has` says so; all times must come back, and
    /// nothing be left. Says how many chunks and timelines there were.
    fn check(series: usize, times: i64, has: impl Fn(usize, i64) -> bool) -> (usize, usize) {
        let mut lines = Timelines::default();
        let mut walkers: Vec<Walker> = (0..series).map(|_| Walker::default()).collect();
        for at_ms in 0..times {
            let mut company = Company::default();
            for (number, walker) in walkers.iter_mut().enumerate() {
                if has(number, at_ms) {
                    walker.push(&mut lines, &mut company, at_ms);
                }
            }
        }
        for (number, walker) in walkers.iter().enumerate() {
            let expected: Vec<i64> = (0..times).filter(|at| has(number, *at)).collect();
            assert_eq!(walker.times(&lines), expected, "series {number}");
        }
        let chunks = walkers.iter().map(|walker| walker.sealed.len() + 1);
        let (chunks, count) = (chunks.sum(), lines.count());
        assert_eq!(lines.users(), chunks as u64);
        for walker in &walkers {
            for stretch in walker.sealed.iter().chain(&walker.tail) {
                lines.release(stretch.line);
            }
        }
        assert_eq!((lines.count(), lines.users()), (0, 0));
        lines.shrink();
        assert_eq!(lines.heap_bytes(), 0);
        (chunks, count)
    }

    #[test]
    fn series_of_one_scrape_share_their_times() {
        assert_eq!(check(50, 60, |_, _| true), (50, 1));
        assert_eq!(check(50, 180, |_, _| true), (100, 2));
        assert_eq!(check(50, 181, |_, _| true), (150, 3));
    }

    #[test]
    fn series_that_come_later_join_those_that_are_there() {
        let (chunks, lines) = check(50, 300, |number, at| {
            at / 3 >= i64::try_from(number).unwrap()
        });
        assert!(lines <= 4 && chunks <= 4 * 50, "{chunks} {lines}");
    }

    #[test]
    fn series_that_miss_the_same_scrapes_stay_together() {
        // A target that is down for a while, while what reports on it goes on.
        let is_up = |at: i64| !(70..90).contains(&at) && !(200..210).contains(&at);
        let (chunks, lines) = check(50, 400, |number, at| number < 5 || is_up(at));
        assert!(lines <= 12 && chunks <= 7 * 50, "{chunks} {lines}");
    }

    #[test]
    fn a_series_that_comes_and_goes_has_long_chunks_all_the_same() {
        let (chunks, lines) = check(2, 1_200, |number, at| number == 0 || at % 3 == 0);
        assert!(chunks <= 11 + 5 && lines <= 20, "{chunks} {lines}");
    }
}
