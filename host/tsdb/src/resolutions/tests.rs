//! Which block is chosen for which time.

use super::*;

const FIVE_MINUTES: i64 = 300;
const HOUR: i64 = 3_600;

/// Blocks by resolution, start and end, and what is chosen of them: which, from when to when.
fn check(blocks: &[(i64, i64, i64)], max: i64, expected: &[(usize, i64, i64)]) {
    let candidates = blocks.iter().enumerate();
    let candidates: Vec<Candidate> = candidates
        .map(|(block, (resolution_ms, start_ms, end_ms))| Candidate {
            block,
            resolution_ms: *resolution_ms,
            start_ms: *start_ms,
            end_ms: *end_ms,
        })
        .collect();
    let found = stretches(&candidates, max);
    let mut found: Vec<(usize, i64, i64)> = found
        .into_iter()
        .map(|stretch| (stretch.block, stretch.start_ms, stretch.end_ms))
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{blocks:?} {max}");
}

#[test]
fn the_coarsest_that_is_allowed_answers_and_finer_ones_where_it_ends() {
    let blocks = [
        (0, 0, 7_200),
        (0, 7_200, 14_400),
        (0, 14_400, 21_600),
        (FIVE_MINUTES, 0, 14_400),
        (HOUR, 0, 7_200),
    ];
    check(
        &blocks,
        0,
        &[(0, 0, 7_200), (1, 7_200, 14_400), (2, 14_400, 21_600)],
    );
    check(
        &blocks,
        FIVE_MINUTES,
        &[(2, 14_400, 21_600), (3, 0, 14_400)],
    );
    check(&blocks, HOUR - 1, &[(2, 14_400, 21_600), (3, 0, 14_400)]);
    check(
        &blocks,
        HOUR,
        &[(2, 14_400, 21_600), (3, 7_200, 14_400), (4, 0, 7_200)],
    );
}

#[test]
fn where_only_coarser_ones_are_left_the_finest_of_them_answers() {
    let blocks = [
        (0, 14_400, 21_600),
        (FIVE_MINUTES, 7_200, 21_600),
        (HOUR, 0, 14_400),
    ];
    check(
        &blocks,
        0,
        &[(0, 14_400, 21_600), (1, 7_200, 14_400), (2, 0, 7_200)],
    );
}

#[test]
fn blocks_of_one_resolution_that_overlap_all_answer_and_gaps_stay_gaps() {
    let blocks = [(0, 0, 10), (0, 5, 15), (FIVE_MINUTES, 20, 30)];
    check(&blocks, HOUR, &[(0, 0, 10), (1, 5, 15), (2, 20, 30)]);
    check(&[], HOUR, &[]);
}

#[test]
fn samples_in_no_block_count_where_no_window_answers() {
    let labels = narthex_model::Labels::from_pairs([("__name__", "x")]);
    let series = |times: &[i64]| {
        let values = vec![1.0; times.len()];
        Series::of_numbers(labels.clone(), times.to_vec(), values)
    };
    let choice = Choice {
        parts: Vec::new(),
        windows: vec![
            TimeRange {
                start_ms: 0,
                end_ms: 9,
            },
            TimeRange {
                start_ms: 20,
                end_ms: 29,
            },
        ],
    };
    let all = vec![series(&[5, 10, 25, 30]), series(&[7]), series(&[40])];
    let left = choice.beside_windows(all.clone());
    let times: Vec<&[i64]> = left.iter().map(|series| &series.timestamps[..]).collect();
    assert_eq!(times, [&[10, 30][..], &[40][..]]);
    let raw = Choice::default().beside_windows(all);
    assert_eq!(raw.len(), 3);
}
