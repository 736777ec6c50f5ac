//! `narthex plugin build`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_author::Project;
use narthex_model::ByteSize;

/// Compile a plugin to build/NAME.wasm, with its manifest beside it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Build {
    /// The plugin's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Build {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let project = Project::open(&self.folder)?;
        let built = narthex_author::build(&project)?;
        println!(
            "{}: {} from {} in {:.1} s",
            built.component.display(),
            size(built.bytes),
            project.language,
            built.elapsed.as_secs_f64()
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Whole KiB are close enough for people.
fn size(bytes: usize) -> ByteSize {
    let kibibytes = u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(1024);
    ByteSize::from_bytes(kibibytes.saturating_mul(1024))
}
