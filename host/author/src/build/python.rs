//! Python: componentize-py packs the program and CPython into a component.

use crate::tool::Tool;
use crate::{AuthorError, Project, file};

/// The module that every project has.
const MODULE: &str = "app";

/// Packs `app.py`.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let compiler = Tool::from_variable("NARTHEX_COMPONENTIZE_PY")
        .or_else(|| Tool::on_path("componentize-py"))
        .ok_or(AuthorError::MissingTool {
            language: "Python",
            tool: "componentize-py",
            advice: "run `pip install componentize-py`, or name it in NARTHEX_COMPONENTIZE_PY",
        })?;
    let wit = super::wit(project)?;
    let sdk = super::sdk(project)?;
    let output = project.intermediate().join("python.wasm");
    compiler.run(|command| {
        command.current_dir(&project.folder);
        command.arg("--wit-path").arg(&wit);
        command.args(["--world", &project.manifest.world, "--quiet"]);
        // The interpreter's own imports answer nothing here in any case.
        command.args(["componentize", "--stub-wasi", MODULE]);
        command.args(["--python-path", "."]);
        command.arg("--python-path").arg(&sdk);
        command.arg("--output").arg(&output);
    })?;
    file::read(&output)
}
