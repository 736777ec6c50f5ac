//! How the commands print what came of them.

use std::io::Write as _;

use clap::ValueEnum;

/// `--output`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Output {
    /// Prints a value for programs, or lines for people.
    pub(super) fn print(self, value: &serde_json::Value, lines: impl IntoIterator<Item = String>) {
        let mut out = std::io::stdout().lock();
        // Whoever reads may have enough before the end, as `head` has.
        let _ = match self {
            Self::Json => writeln!(out, "{value:#}"),
            Self::Text => lines
                .into_iter()
                .try_for_each(|line| writeln!(out, "{line}")),
        };
    }
}
