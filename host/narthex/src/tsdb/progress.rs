//! How long work shows that it goes on: one line on the terminal, written over and over. Where
//! standard error is no terminal there is none.

use std::io::{IsTerminal as _, Write as _};

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
