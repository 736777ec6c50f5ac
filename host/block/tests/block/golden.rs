//! A block decoded by someone who has only read FORMAT.md.
