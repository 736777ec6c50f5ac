//! Any text as a query: no panic, no hang, a tree no larger than the text, and what is accepted
//! prints as itself.

#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_promql::{ParseOptions, parse, parse_metric_selector, pretty};

fuzz_target!(|text: &str| {
    // What is no query may still be a selector.
    let _ = parse_metric_selector(text);
    for options in [ParseOptions::default(), ParseOptions::all()] {
        let Ok(expr) = parse(text, &options) else {
            continue;
        };
        let mut nodes = 0;
        expr.walk(&mut |_| nodes += 1);
        assert!(nodes <= text.len());
        let printed = expr.to_string();
        for form in [printed.clone(), pretty(&expr)] {
            let again = parse(&form, &options).map(|expr| expr.to_string());
            assert_eq!(again.as_ref(), Ok(&printed));
        }
    }
});
