//! Compilers: where they are, and running them.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::AuthorError;

/// A program with the arguments that always come first, such as `python3 -m ziglang`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    words: Vec<OsString>,
}

impl Tool {
    pub(crate) fn new<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
        }
    }

    /// What an environment variable says, split at spaces; none where it is not set or empty.
    pub(crate) fn from_variable(name: &str) -> Option<Self> {
        let value = env::var_os(name)?;
        // A path with a space in it is one word where that file exists.
        if Path::new(&value).is_file() {
            return Some(Self::new([value]));
        }
        let text = value.to_string_lossy();
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        (!words.is_empty()).then(|| Self::new(words))
    }

    /// A program in one of `PATH`'s folders.
    pub(crate) fn on_path(program: &str) -> Option<Self> {
        let path = env::var_os("PATH")?;
        let found = env::split_paths(&path).find_map(|folder| program_in(&folder, program));
        found.map(|program| Self::new([program]))
    }

    /// A program in a folder.
    pub(crate) fn in_folder(folder: &Path, program: &str) -> Option<Self> {
        program_in(folder, program).map(|program| Self::new([program]))
    }

    /// The same with one more word.
    pub(crate) fn with(mut self, word: &str) -> Self {
        self.words.push(word.into());
        self
    }

    /// What to call it in a message.
    pub(crate) fn name(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|w| w.to_string_lossy()).collect();
        words.join(" ")
    }

    pub(crate) fn command(&self) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or(OsStr::new(""), |word| word));
        command.args(words).stdin(Stdio::null());
        command
    }

    /// Runs it to its end; what it says goes to our standard error.
    ///
    /// # Errors
    /// It cannot be started, or it fails.
    pub(crate) fn run(&self, prepare: impl FnOnce(&mut Command)) -> Result<(), AuthorError> {
        let mut command = self.command();
        prepare(&mut command);
        // A compiler's remarks are not the output of our command.
        let output = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.not_run(source))?;
        if output.status.success() {
            return Ok(());
        }
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        Err(AuthorError::Compiler {
            program: self.name(),
        })
    }

    /// Runs it to its end and returns what it prints; its complaints go to our standard error.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub(crate) fn output(&self, prepare: impl FnOnce(&mut Command)) -> Result<String, AuthorError> {
        let mut command = self.command();
        prepare(&mut command);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|source| self.not_run(source))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(AuthorError::Compiler {
            program: self.name(),
        })
    }

    /// What it prints, where it ends well; for asking what it can do.
    pub(crate) fn asked(&self, arguments: &[&str]) -> Option<String> {
        let output = self.command().args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn not_run(&self, source: std::io::Error) -> AuthorError {
        AuthorError::Run {
            program: self.name(),
            source,
        }
    }
}

fn program_in(folder: &Path, program: &str) -> Option<PathBuf> {
    let path = folder.join(format!("{program}{}", env::consts::EXE_SUFFIX));
    path.is_file().then_some(path)
}
