//! The seam to what runs plugins. The API asks for values and passes them on: what a plugin's
//! state looks like is known to the one who runs it, and this crate need not be built with it.

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;

/// Plugins as their operator sees them.
#[async_trait]
pub trait PluginAdmin: Send + Sync {
    /// All plugins, by name: an object each.
    fn list(&self) -> Vec<Value>;

    /// All that is known of one; `None` where there is no such plugin.
    fn detail(&self, name: &str) -> Option<Value>;

    /// The last lines of its log, and those that follow; `None` where there is no such plugin.
    fn logs(&self, name: &str) -> Option<PluginLogs>;

    /// The plugins that are at work out of a package: the name, and a text that is another one for
    /// another package. It reads files, so it may block.
    fn packages(&self) -> Vec<(String, String)>;

    /// The dashboards of the package of a plugin: the names of files, and what they hold; none
    /// where there is no such package. It reads files, so it may block.
    fn dashboards(&self, name: &str) -> Vec<(String, String)>;

    /// Loads the plugin anew from where it came from.
    ///
    /// # Errors
    /// There is no such plugin, or it was refused; the old version is at work still.
    async fn reload(&self, name: &str) -> Result<(), PluginAdminError>;

    /// Puts the version before the one at work to work again.
    ///
    /// # Errors
    /// There is no such plugin or no such version, or it was refused.
    async fn roll_back(&self, name: &str) -> Result<(), PluginAdminError>;

    /// The plugins that the index of the config's registry lists, by name: an object each.
    ///
    /// # Errors
    /// There is no registry, its index is not trusted, or it gave no answer.
    async fn available(&self) -> Result<Vec<Value>, PluginAdminError>;

    /// Shows what installing a package of the config's registry would change, and, once that very
    /// change was approved, installs it. The answer has a field `approve`, which is what approves
    /// it, or null where there is nothing to install.
    ///
    /// # Errors
    /// There is no such package, it may not be installed, or the registry gave no answer; then
    /// nothing has changed.
    async fn install(&self, asked: &PluginInstall) -> Result<Value, PluginAdminError>;

    /// Removes an installed package, with the version before it.
    ///
    /// # Errors
    /// It is not installed, or cannot be removed.
    async fn remove(&self, name: &str) -> Result<(), PluginAdminError>;
}

/// What somebody wants to have installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginInstall {
    /// `NAME`, `NAME:TAG` or `NAME@sha256:..` in the config's registry.
    pub reference: String,
    /// What an earlier answer had as `approve`; without it nothing is installed.
    pub approve: Option<String>,
}

/// The log of a plugin: an object a line.
pub struct PluginLogs {
    /// The last lines, the oldest first.
    pub lines: Vec<Value>,
    /// What comes behind them, for as long as it is asked for. A reader that is too slow finds a
    /// line `{"dropped": N}` instead of what it missed.
    pub following: BoxStream<'static, Value>,
}

/// Why a plugin was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginAdminError {
    /// There is no plugin of that name.
    #[error("no plugin is named {0:?}")]
    Unknown(String),
    /// It cannot be done; the text says why. What was at work is at work still.
    #[error("{0}")]
    Refused(String),
    /// What was asked for cannot be understood; the text says why.
    #[error("{0}")]
    Invalid(String),
    /// There is no such package.
    #[error("{0}")]
    Missing(String),
    /// The registry gave no answer, or another installation is under way: it may work later.
    #[error("{0}")]
    Unavailable(String),
}
