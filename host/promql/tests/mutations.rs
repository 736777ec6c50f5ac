//! The lexer and the parser on texts that nobody would write: queries cut, glued, swapped and
//! sprinkled with odd bytes, from a seed. No text makes them panic, what they accept prints as
//! itself, and the tree that they make is never larger than the text.
//!
//! `NARTHEX_FUZZ_SEED` takes another seed, `NARTHEX_FUZZ_TEXTS` says how many texts. The same
//! properties are held under libFuzzer by `host/promql/fuzz`.

use narthex_promql::{
    ParseOptions, parse, parse_metric_selector, parse_series_description, pretty,
};

const SEED: u64 = 4;
const TEXTS: usize = 10_000;
/// A text that is made has at most so many bytes.
const TEXT_BYTES_MAX: usize = 4096;

/// Queries of all kinds, to begin with.
const QUERIES: &[&str] = &[
    "sum by (job, \"a b\") (rate(http_requests_total{code=~\"5..\",x!=\"y\"}[5m] offset -1m @ 10.5))",
    "histogram_quantile(0.9, sum without (le) (rate(x_bucket[1h30m15s1ms])))",
    "a + on (x) group_left (y) fill_right (0) b ^ -2 % 0x1F == bool c atan2 1e-9",
    "max_over_time((rate(up[5m]) > 0)[1h:5m] offset 1d @ start()) or vector(-Inf) unless up",
    "{\"utf8.näme\", 'l'=`\\d+`} and ignoring () x{a=\"b\",}",
    "topk(5, -x) </ 3 >/ 2 # a comment",
    "rate(x[5m * step() + min_of(1m, range())] smoothed) - up anchored",
    "label_replace(x, \"a\", '$1\\x41\\u00e4', \"\", \"(.*)\")",
    "count_values without (on) (\"v\", 017 + 1_000.5 + .5e+3 + NaN)",
    "x{a=\"b\"} 1+2x3 _x4 stale {{schema:1 count:5 sum:20 buckets:[1 2] n_offset:-3}}",
    "((((((((1))))))))",
    "\"a string\\n\" + 'another'",
];

/// What is put in anywhere.
const ODD: &[&str] = &[
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "=~",
    "!",
    "\"",
    "'",
    "`",
    "\\",
    "\\x",
    "\\u12",
    "#",
    "\n",
    "\0",
    "\u{7f}",
    "é",
    "😀",
    "\u{202e}",
    "_",
    "@",
    "offset",
    "by",
    "bool",
    "5m",
    "1y1w1d1h1m1s1ms",
    "9999999999999999999",
    "1e309",
    "0x",
    "0b1",
    ".",
    "..",
    "-",
    "+",
    "--",
    "^",
    "</",
    ">/",
    "on",
    "group_left",
    "sum",
    "start()",
    "step()",
    "NaN",
    "Inf",
    "atan2",
    "smoothed",
    "anchored",
    "fill",
    "{{",
    "}}",
    "x3",
];

/// SplitMix64: the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % count.max(1) as u64).unwrap_or(0)
    }
}

/// A place in a text between two characters.
fn place(dice: &mut Dice, text: &str) -> usize {
    let at = dice.below(text.len() + 1);
    text.floor_char_boundary(at)
}

fn mutated(dice: &mut Dice) -> String {
    let mut text = QUERIES[dice.below(QUERIES.len())].to_owned();
    for _ in 0..=dice.below(6) {
        let (from, to) = (place(dice, &text), place(dice, &text));
        let (from, to) = (from.min(to), from.max(to));
        match dice.below(6) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, ODD[dice.below(ODD.len())]),
            2 => text.replace_range(from..to, ODD[dice.below(ODD.len())]),
            3 => {
                let part = text[from..to].repeat(1 + dice.below(20));
                text.insert_str(to, &part);
            }
            4 => {
                let other = QUERIES[dice.below(QUERIES.len())];
                let (a, b) = (place(dice, other), place(dice, other));
                text.insert_str(from, &other[a.min(b)..a.max(b)]);
            }
            _ => {
                let odd = ODD[dice.below(ODD.len())].repeat(1 + dice.below(300));
                text.insert_str(from, &odd);
            }
        }
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
    text
}

fn check(text: &str, options: &ParseOptions) -> bool {
    let Ok(expr) = parse(text, options) else {
        return false;
    };
    let mut nodes = 0;
    expr.walk(&mut |_| nodes += 1);
    assert!(nodes <= text.len(), "{nodes} nodes from {text:?}");
    // Both forms are read back as the same query.
    let printed = expr.to_string();
    for form in [printed.clone(), pretty(&expr)] {
        match parse(&form, options) {
            Ok(again) => assert_eq!(again.to_string(), printed, "{text:?}"),
            Err(error) => unreachable!("{text:?} prints as {form:?}: {error}"),
        }
    }
    true
}

fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(default)
}

#[test]
fn no_text_is_too_much() {
    let (seed, texts) = (
        from_environment("NARTHEX_FUZZ_SEED", SEED),
        from_environment("NARTHEX_FUZZ_TEXTS", TEXTS),
    );
    let mut accepted = 0;
    for number in 0..texts {
        // Each text has a seed of its own, which a failure shows with it.
        let mut dice = Dice((seed << 32).wrapping_add(number as u64));
        let text = mutated(&mut dice);
        let outcome = std::panic::catch_unwind(|| {
            // What is no query may still be one of these.
            let _ = parse_metric_selector(&text);
            let _ = parse_series_description(&text);
            check(&text, &ParseOptions::default()) | check(&text, &ParseOptions::all())
        });
        match outcome {
            Ok(is_query) => accepted += usize::from(is_query),
            Err(_) => unreachable!("seed {seed}, text {number}: {text:?}"),
        }
    }
    // Texts that are never queries would test the lexer only.
    assert!(accepted > texts / 50, "{accepted} of {texts} are queries");
}
