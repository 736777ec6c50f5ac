//! `narthex plugin {search,install,list,inspect,verify,rollback,remove,push,sign,login,keygen}`:
//! plugins as packages, in registries and in the plugin directory.
//!
//! It is not: the work itself, which is in `narthex-registry`.

mod directory;
mod inspect;
mod install;
mod login;
mod place;
mod publish;
mod search;
mod source;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;

pub(crate) use install::{needs_grant, signed_by, snippet};
pub(crate) use source::{Published, Source};

/// What can be done with packages.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Look for plugins in the registry's index and among the binary's own.
    Search(search::Search),
    /// Install a plugin, or another version of it, into the plugin directory.
    Install(install::Install),
    /// List the plugins of the plugin directory.
    List(directory::List),
    /// Show what a plugin is, asks for and brings along.
    Inspect(inspect::Inspect),
    /// Check a plugin's digests and signatures.
    Verify(inspect::Verify),
    /// Put the version to work that was at work before.
    Rollback(directory::Rollback),
    /// Remove an installed plugin.
    Remove(directory::Remove),
    /// Publish a plugin.
    Push(publish::Push),
    /// Sign a published plugin, or one in an OCI layout.
    Sign(publish::Sign),
    /// Keep a user's password for a registry.
    Login(login::Login),
    /// Make a pair of keys to sign with.
    Keygen(login::Keygen),
}

impl RegistryCommand {
    /// Does it.
    ///
    /// # Errors
    /// What went wrong, for the terminal.
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime cannot be started")?;
        runtime.block_on(async {
            match self {
                Self::Search(search) => search.run().await,
                Self::Install(install) => install.run().await,
                Self::List(list) => list.run(),
                Self::Inspect(inspect) => inspect.run().await,
                Self::Verify(verify) => verify.run().await,
                Self::Rollback(rollback) => rollback.run(),
                Self::Remove(remove) => remove.run(),
                Self::Push(push) => push.run().await,
                Self::Sign(sign) => sign.run().await,
                Self::Login(login) => login.run().await,
                Self::Keygen(keygen) => keygen.run(),
            }
        })
    }
}
