//! `narthex plugin`: what an author and an operator do with plugins outside of a running server.
//!
//! It is not: the work itself, which is in `narthex-author` and `narthex-registry`. A file of
//! this module has the arguments of its commands and prints what came of them.

mod bench;
mod build;
mod new;
mod output;
pub(crate) mod registry;
mod run;
mod test;
mod trial_input;

use std::process::ExitCode;

use clap::Subcommand;

/// What can be done with plugins.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a small plugin to begin with.
    New(new::New),
    /// Compile a plugin to build/NAME.wasm, with its manifest beside it.
    Build(build::Build),
    /// Run a plugin's fixtures in the real runtime.
    Test(test::Test),
    /// Read a real target with a plugin, again and again.
    Run(run::Run),
    /// Measure what a call of a plugin costs.
    Bench(bench::Bench),
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
        PluginCommand::Test(test) => test.run(),
        PluginCommand::Run(run) => run.run(),
        PluginCommand::Bench(bench) => bench.run(),
    }
}
