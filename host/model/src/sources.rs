//! Errors as one line of text.

use std::error::Error;

/// An error and all its sources in one line, outermost first: `the store failed: no space left`.
/// What the text says already is not said again, because some errors print their source themselves.
pub fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says a text, and has a source.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Layer(&'static str, #[source] Option<Box<Layer>>);

    #[test]
    fn each_source_is_said_once() {
        for (layers, expected) in [
            (&["a"][..], "a"),
            (&["a failed", "b failed", "c"], "a failed: b failed: c"),
            // The outer one prints its source.
            (&["a: b: c", "b: c", "c"], "a: b: c"),
            (&["a: b", "b", "c"], "a: b: c"),
        ] {
            let layers = layers.iter().rev();
            let error = layers.fold(None, |source, text| Some(Box::new(Layer(text, source))));
            assert_eq!(with_sources(&*error.unwrap()), expected);
        }
    }
}
