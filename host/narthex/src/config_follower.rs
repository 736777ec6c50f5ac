//! Looks whether the config has changed, and has it taken then, without anybody who asks.
//!
//! It is not: how a config is taken, which is [`crate::reload`]'s.

mod files;

use std::future::pending;

use crate::flags::CommandLine;
use crate::reload::Reloader;

use self::files::FollowedFiles;

/// What follows the config, as far as flags ask for it.
#[derive(Debug)]
pub(crate) struct ConfigFollower {
    files: Option<FollowedFiles>,
}

impl ConfigFollower {
    /// Follows what the flags say, from what it is now.
    pub(crate) async fn start(line: &CommandLine) -> Self {
        let files = match &line.flags.config_file {
            _ if !line.features.auto_reload_config => None,
            Some(file) => {
                let alertmanager = line.flags.alertmanager.config_file.iter();
                let files = std::iter::once(file).chain(alertmanager).cloned();
                let every = line.flags.config_follow.auto_reload_interval();
                Some(FollowedFiles::start(files.collect(), every).await)
            }
            None => {
                tracing::warn!("--config.auto-reload has no effect without --config.file");
                None
            }
        };
        Self { files }
    }

    /// Waits until there is another config. Nothing is lost where the caller does not wait for it.
    pub(crate) async fn changed(&mut self) {
        let Some(files) = &mut self.files else {
            return pending().await;
        };
        loop {
            files.turn().await;
            if files.is_changed().await {
                tracing::info!("files of the configuration changed");
                return;
            }
        }
    }

    /// Has the config read again and taken.
    ///
    /// # Errors
    /// Why it was not taken; the old one goes on.
    pub(crate) async fn reload(&mut self, reloader: &mut Reloader) -> Result<(), String> {
        if let Some(files) = &mut self.files {
            // First, so that what is written while it is read is news; and one that is broken is
            // tried again when it is another.
            files.note().await;
        }
        reloader.reload().await
    }
}
