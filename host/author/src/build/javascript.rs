//! JavaScript: componentize-qjs packs the program and QuickJS into a component.

use std::path::Path;

use crate::project::SDK;
use crate::tool::Tool;
use crate::{AuthorError, Project, file};

/// The module that every project has.
const MODULE: &str = "app.js";

/// Packs `app.js` and what it imports from the project's folder.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, AuthorError> {
    let modules = project.folder.join("node_modules").join(".bin");
    let compiler = Tool::from_variable("NARTHEX_COMPONENTIZE_QJS")
        .or_else(|| Tool::in_folder(&modules, "componentize-qjs"))
        .or_else(|| Tool::on_path("componentize-qjs"))
        .ok_or(AuthorError::MissingTool {
            language: "JavaScript",
            tool: "componentize-qjs",
            advice: "run `npm install componentize-qjs@0.4.5` in the project, or name it in \
                     NARTHEX_COMPONENTIZE_QJS",
        })?;
    let wit = super::wit(project)?;
    let output = project.intermediate().join("javascript.wasm");
    compiler.run(|command| {
        command.current_dir(&project.folder);
        command.arg("--wit").arg(&wit);
        command.args(["--js", MODULE]);
        command
            .arg("--module-root")
            .arg(module_root(&project.folder));
        command.args(["--world", &project.manifest.world]);
        command.args(["--sync", "--stub-wasi"]);
        command.arg("--output").arg(&output);
    })?;
    file::read(&output)
}

/// The folder that all modules lie in: the project's, or where its SDK is a link to another place,
/// as in our own examples, one that has both in it.
fn module_root(folder: &Path) -> &Path {
    let sdk = folder.join(SDK).canonicalize();
    let has_both = |root: &&Path| sdk.as_ref().is_ok_and(|sdk| sdk.starts_with(root));
    folder.ancestors().find(has_both).unwrap_or(folder)
}
