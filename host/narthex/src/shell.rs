//! `narthex completion` and `narthex man`: what a shell completes, and the pages of the manual,
//! both made of the command line as it is.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::flags;

/// The name of the binary.
const NAME: &str = "narthex";

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shell {
    /// GNU Bash.
    Bash,
    /// The Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// Print the script by which a shell completes commands and flags.
#[derive(Debug, Clone, Args)]
pub(crate) struct Completion {
    /// Whose script.
    #[arg(value_enum, value_name = "SHELL")]
    shell: Shell,
}

impl Completion {
    /// Prints it.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        std::io::stdout().write_all(&script(self.shell))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn script(shell: Shell) -> Vec<u8> {
    let shell = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut flags::command(), NAME, &mut script);
    script
}

/// Write the pages of the manual, one for each command, into a folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Man {
    /// The folder; it is made where it is not there.
    #[arg(value_name = "DIR", default_value = "man/")]
    folder: PathBuf,
}

impl Man {
    /// Writes them.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let folder = &self.folder;
        write_pages(folder).with_context(|| format!("writing to {}", folder.display()))?;
        println!("man -l {}", folder.join(format!("{NAME}.1")).display());
        Ok(ExitCode::SUCCESS)
    }
}

/// `--help-man`, as Prometheus has it: the first page of the manual.
pub(crate) const PAGE_FLAG: &str = "--help-man";

/// Prints that page.
pub(crate) fn print_page() -> ExitCode {
    match clap_mangen::Man::new(flags::command()).render(&mut std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write_pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(flags::command(), folder)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};

    use super::*;

    /// Every command below one, with the words that lead to it.
    fn commands(of: &clap::Command, path: &str, found: &mut Vec<(String, bool)>) {
        for command in of.get_subcommands() {
            let path = format!("{path} {}", command.get_name());
            found.push((path.clone(), command.get_about().is_some()));
            commands(command, &path, found);
        }
    }

    fn all_commands() -> Vec<(String, bool)> {
        let mut found = Vec::new();
        commands(&flags::command(), NAME, &mut found);
        found
    }

    #[test]
    fn every_command_says_what_it_does() {
        let all = all_commands();
        assert!(all.len() > 40, "{}", all.len());
        let silent: Vec<&String> = all
            .iter()
            .filter(|(_, is_told)| !is_told)
            .map(|(path, _)| path)
            .collect();
        assert!(silent.is_empty(), "{silent:?} have no help");
    }

    #[test]
    fn bash_takes_its_script_and_all_name_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(script(shell)).unwrap();
            for word in ["label-matchers", "create-blocks-from", "config.file"] {
                assert!(script.contains(word), "{shell:?}: {word}");
            }
        }
        let mut bash = Command::new("bash")
            .arg("-n")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = bash.stdin.take().unwrap();
        stdin.write_all(&script(Shell::Bash)).unwrap();
        drop(stdin);
        let said = bash.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success() && errors.is_empty(), "{errors}");
    }

    #[test]
    fn the_first_page_has_the_flags_of_the_server() {
        let mut page = Vec::new();
        let man = clap_mangen::Man::new(flags::command());
        man.render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains(".TH narthex 1"), "{page}");
        assert!(page.contains("storage.tsdb.path"), "{page}");
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        write_pages(folder.path()).unwrap();
        let pages: BTreeSet<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let wanted = all_commands().into_iter().map(|(path, _)| path);
        let missing: Vec<String> = wanted
            .map(|path| format!("{}.1", path.replace(' ', "-")))
            .filter(|page| !pages.contains(page))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(pages.contains("narthex.1"));
    }
}
