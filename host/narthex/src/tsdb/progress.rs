//! How long work shows that it goes on: one line on the terminal, written over and over. Where
//! standard error is no terminal there is none.

use std::io::{IsTerminal as _, Write as _};

/// So many characters of a bar stand for the whole.
const BAR_WIDTH: u64 = 24;

/// The line.
#[derive(Debug)]
pub(crate) struct Progress {
    is_watched: bool,
    /// How many characters of it are on the terminal.
    shown: usize,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            is_watched: std::io::stderr().is_terminal(),
            shown: 0,
        }
    }

    /// Shows a text in place of the one before.
    pub(crate) fn tell(&mut self, text: &str) {
        if self.is_watched {
            self.write(text);
        }
    }

    /// Shows how much is done, as a bar, and a text behind it.
    pub(crate) fn tell_part(&mut self, done: u64, all: u64, text: &str) {
        if self.is_watched {
            self.write(&format!("{} {text}", bar(done, all)));
        }
    }

    /// Takes the line away, for what follows.
    pub(crate) fn end(&mut self) {
        if self.shown > 0 {
            self.write("");
        }
    }

    fn write(&mut self, text: &str) {
        let mut stderr = std::io::stderr().lock();
        let width = self.shown;
        // Who watches may be gone; the work goes on.
        let _ = write!(stderr, "\r{text:width$}\r{text}");
        let _ = stderr.flush();
        self.shown = text.chars().count();
    }
}

/// `[######..................]  25 %`
fn bar(done: u64, all: u64) -> String {
    let percent = (done.saturating_mul(100) / all.max(1)).min(100);
    let filled = usize::try_from(percent * BAR_WIDTH / 100).unwrap_or_default();
    let width = usize::try_from(BAR_WIDTH).unwrap_or_default();
    format!("[{:.<width$}] {percent:3} %", "#".repeat(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_what_is_done() {
        for (done, all, expected) in [
            (0, 0, "[........................]   0 %"),
            (1, 4, "[######..................]  25 %"),
            (3, 3, "[########################] 100 %"),
            (9, 3, "[########################] 100 %"),
        ] {
            assert_eq!(bar(done, all), expected);
        }
    }
}
