//! Random PromQL on Narthex and on Debian's Prometheus 2.42, side by side: the same series, the
//! same expressions, and answers that are equal to a billionth, or errors that are equal.
//!
//! A seed makes the series and the expressions. `NARTHEX_FUZZ_SEED` takes another one, which a
//! failure names; `NARTHEX_FUZZ_EXPRESSIONS` says how many expressions it makes.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod data;
mod dice;
mod differences;
mod expression;
mod functions;
mod operators;
mod scalar;
mod sides;

use data::Data;
use dice::Dice;
use narthex_tests::{Answer, disagreement};
use sides::Sides;

/// The seed where none is given.
const SEED: u64 = 20_261_121;
/// How many expressions are made where nobody says.
const EXPRESSIONS: usize = 10_000;
/// A failure shows at most so many expressions.
const SHOWN_MAX: usize = 20;

fn from_environment<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}: {text:?} is no number")),
        Err(_) => default,
    }
}

#[test]
fn random_expressions_give_the_same_on_both() {
    let seed = from_environment("NARTHEX_FUZZ_SEED", SEED);
    let count = from_environment("NARTHEX_FUZZ_EXPRESSIONS", EXPRESSIONS);
    let mut dice = Dice::new(seed);
    let sides = Sides::start(&Data::new(&mut dice));
    let (mut failures, mut errors, mut empty, mut known) = (Vec::new(), 0, 0, 0);
    for number in 0..count {
        // Each expression has a seed of its own: one that is left out does not change the next.
        let mut dice = Dice::new(seed.wrapping_add(1 + number as u64));
        let question = sides.question(&mut dice);
        let (ours, theirs) = sides.ask(&question);
        match &theirs {
            Answer::Error { .. } => errors += 1,
            Answer::Series(series) if series.is_empty() => empty += 1,
            Answer::Series(_) => {}
        }
        if let Some(reason) = disagreement(&ours, &theirs) {
            match differences::known(&question, &ours, &theirs) {
                Some(_) => known += 1,
                None => failures.push(format!("{question}\n    {reason}")),
            }
        }
    }
    println!(
        "{count} expressions of seed {seed}: {errors} errors, {empty} empty answers, {known} \
         deliberate differences, {} disagreements",
        failures.len()
    );
    // Expressions that mean nothing would agree as well.
    assert!(
        (errors + empty) * 2 < count,
        "too many are errors or empty to mean anything"
    );
    let shown = failures.len().min(SHOWN_MAX);
    assert!(
        failures.is_empty(),
        "NARTHEX_FUZZ_SEED={seed}: {} of {count} disagree:\n{}",
        failures.len(),
        failures[..shown].join("\n")
    );
}
