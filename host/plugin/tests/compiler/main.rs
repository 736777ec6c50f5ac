//! The compiler in its child process: what it refuses, and at what price. This test is its own
//! child, so it has no harness: it runs its cases one after the other and says each.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use narthex_plugin::{
    COMPILE_COMMAND, CompileLimits, CompilerProgram, PluginOptions, PluginRuntime, PluginState,
    compile_child,
};
use prometheus_client::registry::Registry;

const MANIFEST: &str = r#"
    name = "bomb"
    version = "1"
    world = "exporter"
    wit = "0.1"
"#;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments
        .first()
        .is_some_and(|first| first == COMPILE_COMMAND)
    {
        return compile_child(&arguments[1..]);
    }
    // A runner of tests asks for their names first.
    if arguments.iter().any(|argument| argument == "--list") {
        if !arguments.iter().any(|argument| argument == "--ignored") {
            println!("the_compiler_is_bounded: test");
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for case in cases() {
        let said = runtime.block_on(load(&case));
        println!("{}: {said}", case.name);
        assert!(said.contains(case.expected), "{}: {said}", case.name);
    }
    ExitCode::SUCCESS
}

struct Case {
    name: &'static str,
    component: Vec<u8>,
    limits: CompileLimits,
    expected: &'static str,
}

fn cases() -> Vec<Case> {
    let usual = CompileLimits::default();
    let second = CompileLimits {
        processor_time: Duration::from_secs(1),
        ..usual
    };
    let case = |name, text: String, limits, expected| Case {
        name,
        component: wat::parse_str(text).unwrap(),
        limits,
        expected,
    };
    vec![
        // It compiles, which is all that is asked of the child.
        case(
            "a component of nothing",
            "(component)".to_owned(),
            usual,
            "it does not fit the world exporter: ",
        ),
        case(
            "a core module",
            "(module)".to_owned(),
            usual,
            "not a component: ",
        ),
        Case {
            name: "no WebAssembly at all",
            component: b"#!/bin/sh".to_vec(),
            limits: usual,
            expected: "not a component: ",
        },
        case(
            "a function that takes the compiler very long",
            component(&long_function()),
            second,
            "it could not be compiled: it took more than 1 s of processor time",
        ),
        case(
            "fifty megabytes of functions",
            component(&many_functions(50 << 20)),
            second,
            "it could not be compiled: it took more than 1 s of processor time",
        ),
        case(
            "more than its memory holds",
            component(&long_function()),
            CompileLimits {
                memory: 192 << 20,
                ..usual
            },
            "it could not be compiled: it took more than 192 MiB of memory",
        ),
        case(
            "a hundred thousand blocks in each other",
            component(&format!(
                "(func {} {})",
                "block ".repeat(100_000),
                "end ".repeat(100_000)
            )),
            usual,
            "",
        ),
        case(
            "out of time",
            component(&long_function()),
            CompileLimits {
                timeout: Duration::from_millis(1),
                ..usual
            },
            "it could not be compiled: it took longer than 0.001 s",
        ),
    ]
}

fn component(functions: &str) -> String {
    format!("(component (core module {functions}))")
}

/// As large as one function may be, each instruction needing a register of its own.
fn long_function() -> String {
    let mut body = String::from("(func (param i32) (result i32) local.get 0 ");
    for number in 0..600_000 {
        body.push_str(&format!("i32.const {number} local.get 0 i32.mul i32.add "));
    }
    body.push(')');
    body
}

/// Small functions until they have so many bytes as a binary, or a few more.
fn many_functions(bytes: usize) -> String {
    let function = format!("(func (result i64) {})", {
        let mut body = String::from("i64.const 7 ");
        body.push_str(&"i64.const 9 i64.mul i64.const 3 i64.add ".repeat(1000));
        body
    });
    function.repeat(bytes / 6_000)
}

/// Puts the component into a folder and says what the runtime made of it.
async fn load(case: &Case) -> String {
    let folder = tempfile::tempdir().unwrap();
    place(folder.path(), &case.component);
    let config = format!("{{\"directory\": {:?}}}", folder.path());
    let options = PluginOptions {
        config: serde_json::from_str(&config).unwrap(),
        compiler: Some(CompilerProgram {
            path: std::env::current_exe().unwrap(),
            limits: case.limits,
        }),
        ..PluginOptions::default()
    };
    let mut registry = Registry::default();
    let runtime = PluginRuntime::start(options, &mut registry).await.unwrap();
    runtime.rescan().await;
    let status = runtime.list().remove(0);
    assert_eq!(status.state, PluginState::Failed);
    status.last_error.unwrap_or_default()
}

fn place(folder: &Path, component: &[u8]) {
    fs::write(folder.join("bomb.toml"), MANIFEST).unwrap();
    fs::write(folder.join("bomb.wasm"), component).unwrap();
}
