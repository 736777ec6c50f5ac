//! What goes wrong for an author, said so that the next step is clear.

use std::path::PathBuf;

/// Why there is no project or no component.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// The folder is not a plugin's, or its manifest is wrong.
    #[error("{0}")]
    Project(String),
    /// A compiler is not there.
    #[error("{language} plugins need {tool}: {advice}")]
    MissingTool {
        /// The language as people write it.
        language: &'static str,
        /// What is missing.
        tool: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// A compiler could not be started.
    #[error("{program} cannot be run")]
    Run {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A compiler said no; its words went to standard error.
    #[error("{program} failed: what it says is above")]
    Compiler {
        /// The program.
        program: String,
    },
    /// What was built is not what the host runs.
    #[error("{0}")]
    Component(String),
    /// The file system.
    #[error("cannot {verb} {}", path.display())]
    File {
        /// What was tried.
        verb: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}
