//! `narthex plugin`: what an author and an operator do with plugins outside of a running server.
//!
//! It is not: the work itself, which is in `narthex-author` and `narthex-registry`. A file of
//! this module has the arguments of its commands and prints what came of them.

mod build;
mod new;
mod registry;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with plugins.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a small plugin to begin with.
    New(new::New),
    /// Compile a plugin to build/NAME.wasm, with its manifest beside it.
    Build(build::Build),
    #[command(flatten)]
    Registry(registry::RegistryCommand),
}

/// Does it.
///
/// # Errors
/// What went wrong, for the terminal.
pub(crate) fn run(command: &PluginCommand) -> anyhow::Result<ExitCode> {
    match command {
        PluginCommand::Registry(registry) => registry.run(),
        PluginCommand::New(new) => new.run(),
        PluginCommand::Build(build) => build.run(),
    }
}
