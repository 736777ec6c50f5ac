//! What becomes of a command whose reader has enough before the end, as `head` has: it ends at
//! once, says nothing, and its exit code is that of a program which a closed pipe ended.
//!
//! It is not: for the server, whose log goes to the standard error.

use std::io;
use std::panic::{self, PanicHookInfo};
use std::process::{self, ExitCode};

/// What a shell shows of a program that SIGPIPE ended: 128 and the number of the signal. The
/// runtime of Rust ignores that signal, so that writing fails instead.
const EXIT: u8 = 141;

/// How `print!` begins to say that the standard output takes no more.
const PRINT_FAILED: &str = "failed printing to stdout: ";

/// Makes `print!` to a closed pipe end the command in place of a panic. Called once, before
/// anything is printed.
pub(crate) fn end_quietly() {
    let shown = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if is_closed_output(info) {
            process::exit(EXIT.into());
        }
        shown(info);
    }));
}

/// The exit code of a command that failed with this error, where all that went wrong is that
/// nobody reads its output any more.
pub(crate) fn exit_code(error: &anyhow::Error) -> Option<ExitCode> {
    // A connection that breaks has the same kind, and is a cause of another error.
    let io = error.downcast_ref::<io::Error>()?;
    (io.kind() == io::ErrorKind::BrokenPipe).then(|| ExitCode::from(EXIT))
}

fn is_closed_output(info: &PanicHookInfo<'_>) -> bool {
    let message = info.payload().downcast_ref::<String>();
    message.is_some_and(|message| is_of_closed_output(message))
}

/// Whether a panic says so; behind the reason stands the number that the system has for it.
fn is_of_closed_output(message: &str) -> bool {
    let reason = message.strip_prefix(PRINT_FAILED);
    reason.is_some_and(|reason| reason.to_ascii_lowercase().starts_with("broken pipe"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_told_from_a_full_disk() {
        let of = is_of_closed_output;
        assert!(of("failed printing to stdout: Broken pipe (os error 32)"));
        assert!(!of(
            "failed printing to stdout: No space left on device (os error 28)"
        ));
        assert!(!of("index out of bounds"));
    }

    #[test]
    fn a_connection_that_breaks_is_an_error() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(exit_code(&anyhow::Error::from(pipe())).is_some());
        let asked = anyhow::anyhow!("no answer").context("asking");
        assert!(exit_code(&asked).is_none());
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert!(exit_code(&anyhow::Error::from(full)).is_none());
    }
}
