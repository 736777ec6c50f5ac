use super::*;

/// Spans in hours, as `0..2 2..4`, and what becomes one of them.
fn check(spans: &str, expected: &str) {
    let parse = |word: &str| {
        let (start, end) = word.split_once("..").unwrap();
        TimeBounds {
            start_ms: start.parse::<i64>().unwrap() * HOUR_MS,
            end_ms: end.parse::<i64>().unwrap() * HOUR_MS,
        }
    };
    let words: Vec<&str> = spans.split_whitespace().collect();
    let all: Vec<TimeBounds> = words.iter().map(|word| parse(word)).collect();
    let found = compaction(&all).map_or(String::new(), |due| {
        let mark = if due.is_vertical { "overlap: " } else { "" };
        format!("{mark}{}", words[due.places].join(" "))
    });
    assert_eq!(found, expected, "{spans}");
}

#[test]
fn a_level_is_filled_before_its_blocks_become_one() {
    check("", "");
    check("0..2", "");
    check("0..2 2..4 4..6 6..8", "");
    check("0..2 2..4 4..6 6..8 8..10", "0..2 2..4 4..6 6..8");
    check("2..4 4..6 6..8", "");
    check("2..4 4..6 6..8 8..10", "");
    check("2..4 4..6 6..8 8..10 10..12", "2..4 4..6 6..8");
    check("0..2 4..6 6..8 10..12", "0..2 4..6 6..8");
}

#[test]
fn eight_hours_become_two_days_and_those_two_weeks() {
    check(
        "0..8 8..16 16..24 24..32 32..40 40..48 48..50",
        "0..8 8..16 16..24 24..32 32..40 40..48",
    );
    check(
        "0..48 48..96 96..144 144..192 192..240 240..288 288..336 336..338",
        "0..48 48..96 96..144 144..192 192..240 240..288 288..336",
    );
    check("0..336 336..672 672..674", "");
}

#[test]
fn a_block_across_a_border_stays_as_it_is() {
    check("0..6 6..12 12..14 14..16 16..18 18..20", "12..14 14..16");
    check("0..18 18..36 36..54 54..72 72..74", "0..18 18..36");
}

#[test]
fn overlapping_blocks_come_first_and_the_newest_is_not_spared() {
    check("0..2 1..3", "overlap: 0..2 1..3");
    check("0..2 2..4 4..6 6..8 8..10 9..11", "overlap: 8..10 9..11");
    check("0..8 2..4 8..10", "overlap: 0..8 2..4");
}

#[test]
fn no_more_blocks_than_one_compaction_takes_are_planned() {
    let many: Vec<TimeBounds> = (0..40)
        .map(|start_ms| TimeBounds {
            start_ms,
            end_ms: 41,
        })
        .collect();
    let due = compaction(&many).unwrap();
    assert_eq!(due.places, 0..PARENTS_MAX);
}
