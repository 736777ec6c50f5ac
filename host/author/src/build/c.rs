//! C: zig or clang, for `wasm32-wasi`, as a library that the component is made of.

use std::path::{Path, PathBuf};

use crate::contract::Contract;
use crate::language::c_sources;
use crate::tool::Tool;
use crate::{AuthorError, Project, file};

/// The stack of a plugin in C, out of its memory.
const STACK_BYTES: u32 = 256 * 1024;

/// What the bindings call the world, whichever it is: one SDK serves all three.
const WORLD: &str = "contract";

/// Compiles the project's sources with the SDK and the bindings.
pub(super) fn build(project: &Project, contract: &Contract) -> Result<Vec<u8>, AuthorError> {
    let compiler = compiler()?;
    let sdk = super::sdk(project)?;
    let bindings = write_bindings(&project.intermediate().join("bindings"), contract)?;
    let output = project.intermediate().join("c.wasm");
    let world = project.manifest.world.to_uppercase();
    compiler.run(|command| {
        command.current_dir(&project.folder);
        command.args([
            "--target=wasm32-wasi",
            "-mexec-model=reactor",
            "-std=gnu11",
            "-Os",
            "-Wall",
            "-Wno-unused-function",
        ]);
        command.arg(format!("-DNARTHEX_WORLD_{world}=1"));
        command.arg("-I").arg(&sdk).arg("-I").arg(&bindings);
        command.args(c_sources(&project.folder));
        command.args(
            ["narthex.c", "narthex_batch.c", "narthex_component.c"].map(|name| sdk.join(name)),
        );
        command.arg(bindings.join("contract.c"));
        command.arg(bindings.join("contract_component_type.o"));
        // zig sets 16 MiB aside where nothing is said, which is all that a template's plugin has.
        command.arg(format!("-Wl,-z,stack-size={STACK_BYTES}"));
        command.arg("-o").arg(&output);
    })?;
    file::read(&output)
}

fn write_bindings(folder: &Path, contract: &Contract) -> Result<PathBuf, AuthorError> {
    let options = wit_bindgen_c::Opts {
        rename_world: Some(WORLD.to_owned()),
        ..wit_bindgen_c::Opts::default()
    };
    for (name, content) in super::bindings(options.build(), contract)? {
        file::write(&folder.join(name), content)?;
    }
    Ok(folder.to_path_buf())
}

/// `$NARTHEX_CC`; `$CC` if that is a compiler for WebAssembly; zig, also as the Python package
/// ziglang; clang, if it has a C library for WebAssembly.
fn compiler() -> Result<Tool, AuthorError> {
    let zig = |tool: Tool| tool.with("cc");
    Tool::from_variable("NARTHEX_CC")
        .or_else(|| Tool::from_variable("CC").filter(is_for_wasm))
        .or_else(|| Tool::on_path("zig").map(zig))
        .or_else(|| python_zig().map(zig))
        .or_else(|| Tool::on_path("clang").filter(has_wasi_libc))
        .ok_or(AuthorError::MissingTool {
            language: "C",
            tool: "zig or clang with a WASI C library",
            advice: "run `pip install ziglang`, install zig (https://ziglang.org), or name a \
                     compiler in NARTHEX_CC",
        })
}

/// A machine's usual `$CC` is for the machine itself.
fn is_for_wasm(tool: &Tool) -> bool {
    tool.name().contains("zig") || (tool.name().contains("clang") && has_wasi_libc(tool))
}

fn has_wasi_libc(clang: &Tool) -> bool {
    let answer = clang.asked(&["--target=wasm32-wasi", "-print-file-name=libc.a"]);
    // A file that is not found is printed as it was asked for.
    answer.is_some_and(|path| Path::new(path.trim()).is_file())
}

fn python_zig() -> Option<Tool> {
    let python = Tool::on_path("python3").or_else(|| Tool::on_path("python"))?;
    let zig = python.with("-m").with("ziglang");
    zig.asked(&["version"]).map(|_| zig)
}
