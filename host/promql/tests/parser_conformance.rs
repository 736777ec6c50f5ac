//! Every parser case of the reference, where its data is beside the checkout.

#![allow(clippy::unwrap_used, reason = "a test stops where its data is broken")]

use std::path::PathBuf;

use narthex_promql::{ParseOptions, parse, pretty};
use serde_json::Value;

/// How many of the texts of errors are the reference's to the letter.
const EQUAL_ERRORS_MIN: usize = 110;
/// The same with every feature off.
const EQUAL_DEFAULT_ERRORS_MIN: usize = 373;

fn cases() -> Option<Vec<Value>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/promqltest/parser_cases.jsonl");
    let text = std::fs::read_to_string(path).ok()?;
    let cases = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Some(cases.collect())
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or("")
}

/// Counts the cases whose error is the reference's; a case that parses where it should not, or
/// the other way round, goes to `faults`.
fn check(
    case: &Value,
    options: &ParseOptions,
    fields: (&str, &str),
    faults: &mut Vec<String>,
    equal: &mut usize,
) {
    let input = text(case, "input");
    let (ok, wanted) = (case[fields.0].as_bool().unwrap(), text(case, fields.1));
    match parse(input, options) {
        Err(error) if ok => faults.push(format!("{input}\n  refused: {error}")),
        Ok(_) if !ok => faults.push(format!("{input}\n  parses, but: {wanted}")),
        Err(error) if error.to_string() == wanted => *equal += 1,
        Err(error) => println!("{input}\n  {error}\n  {wanted}"),
        Ok(_) => {}
    }
}

#[test]
fn every_case_parses_or_fails_as_recorded() {
    let Some(cases) = cases() else { return };
    let (mut faults, mut equal, mut equal_default) = (Vec::new(), 0, 0);
    for case in &cases {
        let all = ParseOptions::all();
        check(case, &all, ("ok", "err"), &mut faults, &mut equal);
        let default = ParseOptions::default();
        let fields = ("default_opts_ok", "default_opts_err");
        check(case, &default, fields, &mut faults, &mut equal_default);
    }
    println!("equal errors: {equal}, with default options {equal_default}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(equal >= EQUAL_ERRORS_MIN, "{equal}");
    assert!(equal_default >= EQUAL_DEFAULT_ERRORS_MIN, "{equal_default}");
}

#[test]
fn every_case_prints_as_recorded_and_reads_back() {
    let Some(cases) = cases() else { return };
    let mut faults = Vec::new();
    for case in cases.iter().filter(|case| case["ok"] == true) {
        let input = text(case, "input");
        let options = ParseOptions::all();
        let Ok(expr) = parse(input, &options) else {
            faults.push(format!("{input}: refused"));
            continue;
        };
        let printed = expr.to_string();
        for (what, got, wanted) in [
            ("string", printed.as_str(), text(case, "string")),
            ("pretty", &pretty(&expr), text(case, "pretty")),
            ("type", expr.value_type().as_str(), text(case, "type")),
        ] {
            if got != wanted {
                faults.push(format!("{input}\n  {what}: {got}\n  wanted: {wanted}"));
            }
        }
        match parse(&printed, &options) {
            Ok(again) if again.to_string() == printed => {}
            Ok(again) => faults.push(format!("{printed}\n  printed again: {again}")),
            Err(error) => faults.push(format!("{printed}\n  printed, but refused: {error}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
